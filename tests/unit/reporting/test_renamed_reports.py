"""Reports in which tokens get the newest number."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fraudstream.reporting.render.files import DAY_SUMMARY, JSON_REPORT
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream_tools.operations.privacy.bucket_objects import rename_in_report

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import BucketStore

OLD, NEW = f"tok_{1:022}", f"tok2_{1:022}"


def test_a_report_with_damaged_bytes_is_renamed_and_keeps_them(tmp_path: Path) -> None:
    for name in (JSON_REPORT, DAY_SUMMARY):
        (tmp_path / name).write_bytes(b'{"token": "%s", "date": "2026-11-\xb22"}' % OLD.encode())
    # A folder is read and written as a bucket is.
    rename_in_report(cast("BucketStore", cast("Any", FolderStore(tmp_path))), "", {OLD: NEW})
    for name in (JSON_REPORT, DAY_SUMMARY):
        assert (tmp_path / name).read_bytes() == b'{"token": "%s", "date": "2026-11-\xb22"}' % NEW.encode()

"""A folder that stands for the bucket: a file is in place at once, or nothing of it is there."""

from pathlib import Path

import pytest

from fraudstream.reporting.storage.object_store import FolderStore


@pytest.mark.parametrize("is_copied", [False, True])
def test_nothing_stays_of_a_file_that_could_not_be_put_in_place(tmp_path: Path, *, is_copied: bool) -> None:
    source = tmp_path / "source.json"
    source.write_bytes(b"{}")
    (tmp_path / "models" / "taken.json").mkdir(parents=True)
    store = FolderStore(tmp_path / "models")
    with pytest.raises(OSError, match=r"taken\.json"):
        store.write("taken.json", source if is_copied else b"{}")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["taken.json"]
    store.write("free.json", source if is_copied else b"{}")
    assert store.read("free.json") == b"{}"

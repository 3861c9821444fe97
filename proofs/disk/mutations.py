"""Faults put back, one at a time: the experiment must find each, else it counts for nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final
from unittest import mock

import duckdb

from fraudstream.reporting.log.hours import merging
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.lines import staging
from fraudstream.reporting.log.lines.line_files import LineFiles


def _readable_if_written(connection: duckdb.DuckDBPyConnection, segment: Path) -> bool:
    """Return whether a segment can be written anew; the code once took others for damaged."""
    try:
        LineFiles(segment.parent / "probe.parquet").write(connection, _LINES_OF([segment]))
    except duckdb.Error:
        return False
    return True


_LINES_OF: Final = vars(staging)["_lines_of"]
_MERGE: Final = merging.merge


def _merged_without_what_failed(
    segments: Sequence[Path], folder: Path, earlier: Mapping[LogTable, Sequence[Path]] | None = None
) -> merging.Merged:
    """Go on without what there was no room for."""
    try:
        return _MERGE(segments, folder, earlier)
    except duckdb.Error:
        return merging.Merged(files={}, lines=0, newest=0, damaged={})


MUTATIONS: Final[Mapping[str, Callable[[], AbstractContextManager[object]]]] = {
    "a segment for which there is no room is taken for damaged": lambda: mock.patch.object(
        staging, "_is_readable", _readable_if_written
    ),
    "an hour for which there is no room is noted as merged": lambda: mock.patch.object(
        merging, "merge", _merged_without_what_failed
    ),
}
"""By what they do."""

"""Times the decision log and the report at 1000 transactions a second: `make bench-report`.

It makes one hour of segments, as the stream's batches would be, one line in a hundred repeated; merges them; copies the
merged hour to the others of the day, with other ids, times and tokens; makes the report of the day; and writes segments
of one shard's records. Each of the measured parts is a process of its own. The last line printed is JSON.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.report_data import DAY, HOUR, LINES, VECTORS, apart, copy_hour, make_hour, say, stream_records
from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.log.columns import DECISIONS, FEATURES
from fraudstream.reporting.log.hours.roll_up import RollUp
from fraudstream.reporting.log.keys import LogTable, hour_key, table_key
from fraudstream.reporting.log.segments import Segment, cut
from fraudstream.reporting.storage.duckdb_engine import connect, quoted, write_parquet
from fraudstream.reporting.storage.object_store import FolderStore


def merge(root: Path) -> dict[str, Any]:
    """Merge the hour of segments."""
    (root / hour_key(DECISION_LOG_PREFIX, HOUR)).unlink(missing_ok=True)
    (merged,) = RollUp(store=FolderStore(root), log_prefix=DECISION_LOG_PREFIX, time_left=lambda: 900).run(HOUR, HOUR)
    return {"lines": merged.lines, "segments": merged.segments}


def report(root: Path) -> dict[str, Any]:
    """Build the report of the day, as the schedule does."""
    shutil.rmtree(root / "reports", ignore_errors=True)
    made = Reporter(
        store=FolderStore(root),
        log_prefix=DECISION_LOG_PREFIX,
        report_prefix="reports/",
        sample=lambda _: set(),
        now=HOUR + timedelta(days=1, hours=1),
        time_left=lambda: 900,
    ).report(DAY)
    return {
        "transactions": made.decisions.total,
        "labelled": made.labels.labelled,
        "complete": made.reconciliation.complete,
    }


def write_segments(root: Path) -> dict[str, Any]:
    """Write the segments of one shard's records, batch after batch."""
    vectors = msgspec.msgpack.decode(root.joinpath(VECTORS).read_bytes(), type=list[bytes])
    records = list(stream_records(LINES, vectors))
    batches = 10
    store = FolderStore(root)
    for number in range(batches):
        for record in records:
            record["dynamodb"]["SequenceNumber"] = f"{number:021}"
        made: list[Segment] = list(cut(json.loads(json.dumps(records)), "bench/").segments)
        for segment in made:
            store.write(segment.key, segment.body)
    shutil.rmtree(root / "bench")
    return {"records": batches * len(records)}


def row_sizes(root: Path) -> dict[str, Any]:
    """Return the bytes of a row of the merged hour, as it is and as it would be without columns and order."""
    source = root / table_key(DECISION_LOG_PREFIX, LogTable.DECISIONS, DAY, HOUR)
    with tempfile.TemporaryDirectory() as name, connect(Path(name)) as connection:
        plain = Path(name) / "plain.parquet"
        columns = ", ".join(column for column in DECISIONS if column not in {*FEATURES, "featureSchema"})
        write_parquet(connection, f"SELECT {columns} FROM {quoted(source)} ORDER BY receivedAt", plain)
        count, customer = connection.execute(f"SELECT count(*), min(customerId) FROM {quoted(source)}").fetchall()[0]
        groups = connection.execute(
            f"SELECT count(*), count(*) FILTER ('{customer}' BETWEEN stats_min_value AND stats_max_value) "
            f"FROM parquet_metadata({quoted(source)}) WHERE path_in_schema = 'customerId'"
        ).fetchall()[0]
        sizes = [path.stat().st_size / count for path in (source, plain)]
    return {
        "bytesPerRow": round(sizes[0], 1),
        "bytesPerRowWithoutColumns": round(sizes[1], 1),
        "times": round(sizes[0] / sizes[1], 3),
        "rowGroups": groups[0],
        "rowGroupsOfACustomer": groups[1],
    }


def measured(part: Callable[[Path], dict[str, Any]], root: Path) -> dict[str, Any]:
    """Return what a part gives, its seconds, and the most memory that its process took."""
    started = time.perf_counter()
    found = part(root)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return found | {
        "seconds": round(time.perf_counter() - started, 1),
        "cpuSeconds": round(used.ru_utime + used.ru_stime, 1),
        # In kilobytes on Linux, in bytes on macOS.
        "peakMemoryMb": round(used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)),
    }


def run(root: Path, per_hour: int) -> dict[str, Any]:
    """Build what is not there yet, measure, and return the figures."""
    if not (root / "segments-made").exists():
        make_hour(root, per_hour)
        (root / "segments-made").touch()
    merging = apart(measured, merge, root)
    for later in range(24):
        hour = HOUR + timedelta(hours=later)
        if not (root / table_key(DECISION_LOG_PREFIX, LogTable.LABELS, DAY, hour)).exists():
            say(f"hours: {later} of 24")
            apart(copy_hour, root, later)
    reporting = apart(measured, report, root)
    writing = apart(measured, write_segments, root)
    return {
        "merge": merging,
        "daily": reporting,
        "writer": writing | {"recordsPerSecond": round(writing["records"] / writing["cpuSeconds"])},
        "rows": apart(row_sizes, root),
        "segmentBytesPerTransaction": round(
            sum(path.stat().st_size for path in (root / DECISION_LOG_PREFIX / "segments").rglob("*.gz")) / per_hour, 1
        ),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep what is made here, and take what was made before")
    parser.add_argument("--decisions", type=int, default=3_600_000, help="of an hour")
    given = parser.parse_args()
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        figures = run(given.folder, given.decisions)
    else:
        with tempfile.TemporaryDirectory() as name:
            figures = run(Path(name), given.decisions)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

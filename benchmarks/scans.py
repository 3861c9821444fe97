"""Computes what questions read of the decision log, and what Athena takes for it: `make bench-scans`.

It simulates a world, judges it, gives its entities tokens, and merges it as the report generator does. Of the files it
takes the bytes of the columns that each question names, for a decision, a label and a hit, and multiplies them by the
days that the question looks at. The last line printed is JSON; before it stands the table of docs/scale.md.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from benchmarks.backtest import logged_records, say
from fraudstream.reporting.log.changes.edits import TOKEN_COLUMNS
from fraudstream.reporting.log.hours.merging import merge
from fraudstream.reporting.log.keys import LogTable
from fraudstream_tools.analytics.athena import dollars
from fraudstream_tools.lab.backtest.queries import backtest_query
from fraudstream_tools.rules.folder import RulesFolder
from infra.data.analytics import saved_queries

A_DAY: Final = (10_000, 1_000_000, 86_400_000)
DAYS: Final[Mapping[str, int]] = {
    "fraud-by-rule": 365,
    "precision-by-age": 90,
    "fraud-rise": 35,
    "device": 91,
    "new-customers": 84,
    "false-declines": 122,
    "feature-drift": 35,
}
"""Days that a saved query looks at; others look at one."""


def main() -> None:
    """Build the log, add up its columns, and print what questions read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judged", type=int, default=40_000, help="transactions of the log, roughly")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        say("making the log")
        sizes, rows = _sizes(_merged(Path(folder), asked.judged))
    decisions = rows[LogTable.DECISIONS]
    result: dict[str, Any] = {
        "decisions": decisions,
        "bytes_a_decision": {table: round(sum(sizes[table].values()) / decisions, 1) for table in sizes},
        "questions": {},
    }
    print("| question | days | bytes a decision | " + " | ".join(f"{number:,} a day" for number in A_DAY) + " |")
    print("| --- " * (3 + len(A_DAY)) + "|")
    for name, days, sql in _questions():
        read = sum(
            times * sum(size for column, size in sizes[table].items() if column.lower() in _words(sql))
            for table, times in _tables(sql).items()
        )
        each = read / decisions
        costs = [dollars(round(each * number * days)) for number in A_DAY]
        result["questions"][name.strip("`")] = {"days": days, "bytes_a_decision": round(each, 2), "dollars": costs}
        said = " | ".join(
            f"{_bytes(each * number * days)}, ${cost:,.4f}"
            if cost < 1
            else f"{_bytes(each * number * days)}, ${cost:,.2f}"
            for number, cost in zip(A_DAY, costs, strict=True)
        )
        print(f"| {name} | {days} | {each:,.1f} | {said} |")
    print(json.dumps(result))


def _questions() -> Iterator[tuple[str, int, str]]:
    for query in saved_queries():
        yield f"`{query.name}`", 28 if query.name == "fraud-rate" else DAYS.get(query.name, 1), query.sql
    rules = Path(__file__).resolve().parents[1] / "rules"
    ruleset = RulesFolder(rules).load()
    shipped = backtest_query("decisions JOIN labels ON transactionId = transactionId", [ruleset]).counts()
    yield "backtest of the shipped rules", 90, f"{shipped} label labeledAt labelSource decision authorizationResult"
    yield (
        "one customer's decisions",
        1,
        "SELECT transactionId, receivedAt, decision FROM decisions WHERE customerId = ?",
    )


def _words(sql: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\w+", re.sub(r"--[^\n]*", "", sql))}


def _tables(sql: str) -> dict[LogTable, int]:
    """Return how often a query reads each table."""
    named = re.findall(r"\b(?:FROM|JOIN)\s+\(*(\w+)", re.sub(r"--[^\n]*", "", sql))
    return {table: named.count(table.value) for table in LogTable if table.value in named}


def _bytes(number: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB"


def _merged(folder: Path, judged: int) -> dict[LogTable, list[Path]]:
    segment, made = folder / "segment.jsonl", folder / "made"
    made.mkdir()
    segment.write_bytes(msgspec.json.Encoder().encode_lines(list(logged_records(judged))))
    # As one day of receipt: what makes a file is an hour, and the days of a world are smaller.
    tokens = ", ".join(f"'tok_' || left(base64(unhex(md5({column}))), 22) AS {column}" for column in TOKEN_COLUMNS)
    rows = (
        f"SELECT * REPLACE ({tokens}, md5(transactionId) AS transactionId, "
        f"receivedAt % 86400000 + 1767571200000 AS receivedAt) FROM read_json('{segment}')"
    )
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({rows}) TO '{segment}.new' (FORMAT json)")
    Path(f"{segment}.new").replace(segment)
    found: dict[LogTable, list[Path]] = {}
    for (table, _), path in merge([segment], made).files.items():
        found.setdefault(table, []).append(path)
    return found


def _sizes(files: Mapping[LogTable, list[Path]]) -> tuple[dict[LogTable, dict[str, int]], dict[LogTable, int]]:
    """Return the bytes of each column, and the rows, by table."""
    sizes: dict[LogTable, dict[str, int]] = {}
    rows: dict[LogTable, int] = {}
    with duckdb.connect() as connection:
        for table, paths in files.items():
            listed = [str(path) for path in paths]
            ((rows[table],),) = connection.execute(f"SELECT count(*) FROM read_parquet({listed})").fetchall()
            sizes[table] = dict(
                connection.execute(
                    "SELECT split_part(path_in_schema, ',', 1), sum(total_compressed_size)::BIGINT "
                    f"FROM parquet_metadata({listed}) GROUP BY 1"
                ).fetchall()
            )
    return sizes, rows


if __name__ == "__main__":
    main()

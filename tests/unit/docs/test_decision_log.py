"""What `docs/decision-log.md` tells its readers is so."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args

import duckdb
import msgspec
import pytest

from fraudstream.reporting.log.aggregates import COLUMNS, of_decisions, of_keys
from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.keys import LogTable, table_key
from fraudstream.reporting.log.record import SCHEMA_VERSION, LogEvent, LogRecord, read_stream_record
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.decisions.inline import InlineDecision, inline_to_item
from fraudstream.transactions.storage.attributes import to_item
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    decision,
    item,
    label,
    put,
    reporter,
    transaction,
)

PAGE = (Path(__file__).parents[3] / "docs/decision-log.md").read_text()
TYPES = {
    "integer": int,
    "number": float,
    "string": str,
    "boolean": bool,
    "list of strings": tuple[str, ...],
    "list of numbers": tuple[float, ...],
    "list of numbers or nulls": tuple[float | None, ...],
}
AT = MIDNIGHT + 9 * HOUR
INLINE = InlineDecision(
    decision=Verdict.REVIEW, score=40, reason_codes=("ODD_HOUR",), ruleset_version="a", model_version="b", decided_at=AT
)
EXAMPLES = ((LogTable.DECISIONS, (2026, 11, 22, 14)), (LogTable.LABELS, (2026, 12, 12, 6)))


def documented() -> list[tuple[str, str, str]]:
    """Give the page's columns: name, type, and the event that has them."""
    table = PAGE.partition("## Columns")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| ([\w ]+) \| `?(\w+)`? \|", table, re.MULTILINE)


def plain(kind: Any) -> Any:
    """Give a column's type without the None of what may be missing, and an enumeration as the text that it is."""
    (one,) = [each for each in (get_args(kind) if isinstance(kind, UnionType) else (kind,)) if each is not NoneType]
    return str if isinstance(one, type) and issubclass(one, str) else one


def test_every_column_is_described_with_its_type_in_order() -> None:
    columns = [(field.encode_name, plain(field.type)) for field in msgspec.structs.fields(LogRecord)]
    assert [(name, TYPES[kind]) for name, kind, _ in documented()] == columns
    assert f"Version {SCHEMA_VERSION} " in PAGE


@pytest.mark.parametrize("event", list(LogEvent))
def test_an_event_has_no_other_columns_than_the_page_says(event: LogEvent) -> None:
    decided = item(transaction(1), decision(at=AT, rules=("card-velocity",)))
    stream = Stream()
    changes = {
        LogEvent.STORED: stream.add(item(transaction(1)) | inline_to_item(INLINE), at=AT),
        LogEvent.UNREADABLE: stream.add(item(transaction(1)) | to_item({"currency": "no such"}), at=AT),
        LogEvent.DECIDED: stream.add(decided, item(transaction(1)), at=AT),
        LogEvent.LABELED: stream.add(decided | label(Truth.FRAUD, at=AT).to_item(), decided, at=AT),
    }
    (record,) = read_stream_record(changes[event])
    columns = set(msgspec.to_builtins(record))

    # A label of a decided transaction tells of the decision too.
    described = {"always", event, "DECIDED"} if event is LogEvent.LABELED else {"always", event}
    assert columns <= {name for name, _, where in documented() if where in described}
    assert columns >= {name for name, _, where in documented() if where == "always"}


def test_the_example_of_a_key_is_one() -> None:
    example = re.search(r"s3://BUCKET/(\S+)", PAGE)
    assert example
    stream = Stream()
    stream.add(item(transaction(1)), at=MIDNIGHT + 14 * HOUR)["eventID"] = "1f0c9a7e" + "0" * 24
    stream.records[0]["dynamodb"]["SequenceNumber"] = f"{42:021}"
    key = sealed(cut(stream.records, PREFIX).segments[0], b"k" * 32).key
    # The seal is of the compressed bytes, which differ from one zlib to the next.
    seal = re.compile(r"-s[0-9a-f]{32}\.")
    assert seal.search(example[1])
    assert seal.sub(".", example[1]) == seal.sub(".", key)


def test_the_examples_of_merged_files_are_some() -> None:
    keys = [key.removeprefix(PREFIX) for key in re.findall(r"s3://BUCKET/(\S+\.parquet)", PAGE)]
    tables = [table_key("", table, DAY, datetime(*at, tzinfo=UTC)) for table, at in EXAMPLES]
    assert keys == tables


def test_every_dimension_of_tallies_is_described() -> None:
    table = PAGE.partition("## Tallies")[2].partition("\n## ")[0]
    queries = [*of_decisions("log"), *of_keys("keys")]
    described = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)[1:]
    assert sorted(described) == sorted(re.findall(r"SELECT '(\w+)'", query)[0] for query in queries)
    for column in COLUMNS:
        assert f"`{column}`" in table


def test_the_query_for_a_laptop_counts_each_transaction_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1), Verdict.DECLINE, rules=("card-velocity", "amount-outlier"))
    stream.store_and_decide(transaction(2), Verdict.REVIEW, rules=("card-velocity",))
    decided = stream.records[-1]["dynamodb"]["NewImage"]
    for hour, truth in enumerate((Truth.FRAUD, Truth.LEGITIMATE)):
        at = AT + hour * HOUR
        stream.add(decided | label(truth, at=at).to_item(), decided, at=at)
    put([*cut(stream.records, PREFIX).segments, *cut(stream.records[1:], PREFIX).segments], tmp_path)
    reporter(tmp_path).roll_up()
    (tmp_path / PREFIX).rename(tmp_path / "log")
    query = re.search(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert query
    monkeypatch.chdir(tmp_path)

    with duckdb.connect() as connection:
        rows = connection.execute(query[1]).fetchall()
    assert rows == [("card-velocity", 2, 1, 0, 1), ("amount-outlier", 1, 1, 0, 0)]

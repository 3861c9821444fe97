"""What merged hours tell column by column: the features, and the hits of rules."""

import gzip
import json
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import duckdb
import msgspec
import pytest

from fraudstream.detection.features.codec import pack, unpack
from fraudstream.detection.features.named_values import COLUMNS
from fraudstream.detection.features.registry import NAMES, SCHEMA
from fraudstream.reporting.log.hours import merging
from fraudstream.reporting.log.hours.merging import merge
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.record import LogEvent, LogRecord
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Decision, Reason, Truth, Verdict
from tests.unit.reporting.decision_log_harness import DAY, HOUR, MIDNIGHT, Stream, item, label, transaction

AT = MIDNIGHT + 9 * HOUR
JUDGED = {
    "amountBase": 12.34,
    "cardCount1h": 3.0,
    "customerHourShare": 0.485,
    "travelKm": 1234.5,
    "merchantCount1h": 0.0,
}
NEEDED = ("featureSchema", *(COLUMNS[name] for name in NAMES))


def a_decision(features: bytes) -> Decision:
    return Decision(
        decision=Verdict.DECLINE,
        score=91,
        reasons=(
            Reason(code="CARD_VELOCITY", source="card-velocity", points=1.5),
            Reason(code="MODEL_AMOUNT", source="amountBase", points=0.5),
        ),
        shadow_hits=("night-owl",),
        features=features,
        ruleset_version="abcdef123456",
        decided_at=AT + 400,
    )


def segment(folder: Path, features: bytes, *, older: bool = False) -> Path:
    """Write a segment about one labelled transaction; as an older version did, without the list of values."""
    stream, stored = Stream(), transaction(1)
    decided = item(stored, a_decision(features))
    stream.add(item(stored), at=AT)
    stream.add(decided, item(stored), at=AT + 400)
    stream.add(decided | label(Truth.FRAUD, at=AT + 900).to_item(), decided, at=AT + 900)
    (whole,) = cut(stream.records, "").segments
    lines = [json.loads(line) for line in gzip.decompress(whole.body).splitlines()]
    if older:
        lines = [
            {name: value for name, value in line.items() if "feature" not in name[:-1]} | kept(line) for line in lines
        ]
    path = folder / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"))
    return path


def kept(line: dict[str, object]) -> dict[str, object]:
    return {"features": line["features"]} if "features" in line else {}


def merged(folder: Path, *segments: Path) -> dict[LogTable, Path]:
    target = folder / "merged"
    target.mkdir()
    return {table: path for (table, _), path in merge(list(segments), target).files.items()}


def columns(path: Path) -> list[tuple[object, ...]]:
    return duckdb.read_parquet(str(path)).project(", ".join(NEEDED)).fetchall()


@pytest.mark.parametrize("version", ["this", "older"])
def test_each_feature_is_a_column_with_the_value_that_was_judged(tmp_path: Path, version: str) -> None:
    packed = pack(JUDGED)
    files = merged(tmp_path, segment(tmp_path, packed, older=version == "older"))
    expected = [(SCHEMA, *unpack(packed))]
    assert columns(files[LogTable.DECISIONS]) == expected
    assert columns(files[LogTable.LABELS]) == expected
    ((kept_form,),) = duckdb.read_parquet(str(files[LogTable.DECISIONS])).project("features").fetchall()
    assert kept_form == packed


def test_an_hours_earlier_files_get_the_columns_too(tmp_path: Path) -> None:
    packed = pack(JUDGED)
    files = merged(tmp_path, segment(tmp_path, packed))
    earlier: dict[LogTable, list[Path]] = {}
    for table in (LogTable.DECISIONS, LogTable.LABELS):
        narrow = tmp_path / f"{table}.parquet"
        duckdb.read_parquet(str(files[table])).project(f"* EXCLUDE ({', '.join(NEEDED)})").write_parquet(str(narrow))
        earlier[table] = [narrow]
    again = tmp_path / "again"
    again.mkdir()
    made = merge([], again, earlier).files
    assert columns(made[LogTable.DECISIONS, DAY]) == [(SCHEMA, *unpack(packed))]
    assert columns(made[LogTable.LABELS, DAY]) == [(SCHEMA, *unpack(packed))]


def test_a_vector_that_cannot_be_read_has_no_values(tmp_path: Path) -> None:
    files = merged(tmp_path, segment(tmp_path, b"\x00\x01"))
    assert columns(files[LogTable.DECISIONS]) == [(None,) * len(NEEDED)]


def test_hits_are_rules_live_and_in_shadow_and_no_features(tmp_path: Path) -> None:
    files = merged(tmp_path, segment(tmp_path, pack(JUDGED)))
    hits = duckdb.read_parquet(str(files[LogTable.HITS])).project(
        "rule, mode, code, points, decision, amountMinor, amountBase"
    )
    amount = unpack(pack(JUDGED))[0]
    assert hits.fetchall() == [
        ("card-velocity", "LIVE", "CARD_VELOCITY", 1.5, "DECLINE", 1250, amount),
        ("night-owl", "SHADOW", None, None, "DECLINE", 1250, amount),
    ]


def token(number: int) -> str:
    return "tok_" + urlsafe_b64encode(sha256(number.to_bytes(4)).digest()[:16]).decode().rstrip("=")


def segment_of_customers(folder: Path, decisions: int, customers: int) -> Path:
    """Write a segment of decisions in which each customer comes again and again; the last line repeats the first."""
    template = json.loads(
        msgspec.json.encode(
            LogRecord(
                event=LogEvent.DECIDED,
                schema_version=1,
                logged_at=AT,
                transaction_id="t",
                timestamp=AT,
                received_at=AT,
                amount_minor=1,
                currency="EUR",
                decision="APPROVE",
                decided_at=AT,
                score=1,
            )
        )
    )
    lines = [
        msgspec.json.encode(
            template | {"transactionId": f"t-{each}", "customerId": token(each % customers), "receivedAt": AT + each}
        )
        for each in range(decisions)
    ]
    path = folder / f"a-{decisions + 1}.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join([*lines, lines[0]]) + b"\n", compresslevel=1))
    return path


@pytest.mark.parametrize("most_sorted", [merging.MOST_SORTED, 100], ids=["sorted", "divided"])
def test_a_question_about_one_customer_reads_two_groups_of_rows_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_sorted: int
) -> None:
    monkeypatch.setattr(merging, "DECISIONS_A_GROUP", 2048)
    monkeypatch.setattr(merging, "MOST_SORTED", most_sorted)
    groups, customers = 4, 1000
    files = merged(tmp_path, segment_of_customers(tmp_path, 2048 * groups, customers))
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT stats_min_value, stats_max_value FROM parquet_metadata(?) WHERE path_in_schema = 'customerId'",
            [str(files[LogTable.DECISIONS])],
        ).fetchall()
    assert len(found) >= groups
    read = [sum(least <= token(each) <= greatest for least, greatest in found) for each in range(customers)]
    assert 1 <= min(read) <= max(read) <= 2


def test_an_hour_too_large_to_sort_holds_what_a_sorted_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = segment_of_customers(tmp_path, 3000, 700)

    def rows(most_sorted: int, name: str) -> list[tuple[object, ...]]:
        monkeypatch.setattr(merging, "MOST_SORTED", most_sorted)
        (tmp_path / name).mkdir()
        decisions = merged(tmp_path / name, source)[LogTable.DECISIONS]
        return duckdb.read_parquet(str(decisions)).order("transactionId").fetchall()

    ordered, divided = rows(merging.MOST_SORTED, "ordered"), rows(100, "divided")
    assert len(divided) == 3000
    assert divided == ordered


@pytest.mark.parametrize("older", [False, True])
def test_an_hour_too_large_to_sort_has_the_features_of_each_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, older: bool
) -> None:
    monkeypatch.setattr(merging, "MOST_SORTED", 0)
    files = merged(tmp_path, segment(tmp_path, pack(JUDGED), older=older))
    assert columns(files[LogTable.DECISIONS]) == [(SCHEMA, *unpack(pack(JUDGED)))]


def test_an_hour_too_large_to_sort_of_which_nothing_can_be_read_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MOST_SORTED", 100)
    path = segment_of_customers(tmp_path, 3000, 700)
    path.write_bytes(path.read_bytes()[:1000])
    assert merged(tmp_path, path) == {}


@pytest.mark.parametrize(
    "damage",
    [
        b'"featureValues":"none"',
        b'"featureValues":{"a":1}',
        b'"featureValues":[1,"x"]',
        b'"featureValues":[]',
        b'"a":1',
    ],
    ids=["text", "object", "a text within", "empty", "absent"],
)
def test_features_that_are_no_list_are_missing_from_an_hour_however_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    whole = segment(tmp_path, pack(JUDGED))
    lines = gzip.decompress(whole.read_bytes())
    damaged = re.sub(rb'"featureValues": \[[^\]]*\]', damage, lines)
    assert damaged != lines

    def decided(most_sorted: int, name: str) -> list[tuple[object, ...]]:
        monkeypatch.setattr(merging, "MOST_SORTED", most_sorted)
        folder = tmp_path / name
        folder.mkdir()
        path = folder / whole.name
        path.write_bytes(gzip.compress(damaged))
        return duckdb.read_parquet(str(merged(folder, path)[LogTable.DECISIONS])).fetchall()

    ordered = decided(merging.MOST_SORTED, "ordered")
    assert len(ordered) == 1
    assert decided(0, "divided") == ordered

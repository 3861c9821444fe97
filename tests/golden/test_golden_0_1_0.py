"""What release 0.1.0 stored, read by today's code. `make_snapshot.py` made it, and says what is in it."""

import csv
import gzip
import io
import json
import shutil
import tarfile
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_FILES
from fraudstream.detection.features.codec import unpack as unpack_vector
from fraudstream.detection.models.selection import load_models, parse_selection
from fraudstream.detection.profiles import codec
from fraudstream.detection.rules import ruleset
from fraudstream.detection.stores.decisions.alerts import STATUS_SHARDS
from fraudstream.reporting.daily.reporter import Reported, Reporter
from fraudstream.reporting.daily.schema.earlier import read_report
from fraudstream.reporting.log.columns import FILES
from fraudstream.reporting.log.hours.notes import Hour
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.record import LogEvent, LogRecord
from fraudstream.reporting.storage.object_store import FolderStore, digest
from fraudstream.transactions.api.validation import TimeBounds, read_request
from fraudstream.transactions.decisions.decision import Decision, Label, Verdict
from fraudstream.transactions.pseudonyms.pseudonymize import is_same_payload
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.storage.attributes import from_attribute, from_item
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.operations.review.alert_summary import AlertSummary, grouped

FOLDER = Path(__file__).parent / "0.1.0"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
COUNTS = MANIFEST["counts"]
LOG_PREFIX, REPORT_PREFIX, RULESET_PREFIX = "decision-log/", "reports/", "rulesets/live/"


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()).splitlines()]


@pytest.fixture(scope="module")
def claims() -> list[dict[str, Any]]:
    return [from_item(item) for item in lines("transactions") if item["kind"] == {"S": "CLAIM"}]


@pytest.fixture(scope="module")
def stored() -> list[dict[str, Any]]:
    return [item for item in lines("transactions") if item["kind"] == {"S": "TXN"}]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """For all tests: whoever writes takes a copy."""
    folder = tmp_path_factory.mktemp("bucket")
    with tarfile.open(FOLDER / "bucket.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return FolderStore(folder)


@pytest.fixture(scope="module")
def logged(bucket: FolderStore) -> list[LogRecord]:
    found = (bucket.read(key) or b"" for key in bucket.find(f"{LOG_PREFIX}segments/"))
    decoder = msgspec.json.Decoder(LogRecord)
    return [decoder.decode(line) for body in found for line in gzip.decompress(body).splitlines()]


@pytest.fixture(scope="module")
def hours(bucket: FolderStore) -> list[Hour]:
    return [msgspec.json.decode(bucket.read(key) or b"", type=Hour) for key in bucket.find(f"{LOG_PREFIX}hours/")]


def of_event(logged: list[LogRecord], event: LogEvent) -> dict[str, LogRecord]:
    return {record.transaction_id: record for record in logged if record.event == event}


def kind(key: str) -> str:
    return "/".join(name for name in key.split("/")[:-1] if "=" not in name)


def report_days(bucket: FolderStore) -> list[date]:
    return [date.fromisoformat(folder.removeprefix("date=")) for folder in bucket.folders(REPORT_PREFIX)]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  (the parser's)
        self.found.add(tag)


def test_the_bucket_holds_what_the_manifest_says(bucket: FolderStore) -> None:
    kinds = [kind(key) for key in bucket.find("")]
    assert {each: kinds.count(each) for each in kinds} == COUNTS["objects"]


def test_each_transaction_decision_and_label_decodes(stored: list[Any], claims: list[Any]) -> None:
    transactions = {Transaction.from_item(item).transaction_id for item in stored}
    decisions = [Decision.from_item(item) for item in stored]
    labels = [Label.from_item(item) for item in stored]
    assert len(transactions) == COUNTS["stored"] == COUNTS["requests"]
    assert len(decisions) - decisions.count(None) == COUNTS["decided"] == COUNTS["stored"]
    assert len(labels) - labels.count(None) == COUNTS["labelled"] > 0
    assert {each["transactionId"] for each in claims} == transactions
    assert len(claims) == COUNTS["claims"]


def test_each_feature_vector_unpacks(stored: list[Any]) -> None:
    vectors = [unpack_vector(decision.features) for item in stored if (decision := Decision.from_item(item))]
    assert len(vectors) == COUNTS["decided"]
    assert all(any(value is not None for value in vector) for vector in vectors)


def test_each_profile_unpacks(stored: list[Any]) -> None:
    items = {from_attribute(item["entity"]): from_attribute(item["state"]) for item in lines("profiles")}
    profiles = {key: codec.unpack(state) for key, state in items.items()}
    assert all(key.startswith(f"{profile.kind}#") for key, profile in profiles.items())
    assert len(profiles) == COUNTS["profiles"]
    customers = {f"customer#{Transaction.from_item(item).customer_id}" for item in stored}
    assert {key for key in profiles if key.startswith("customer#")} == customers


def test_each_alert_decodes_and_belongs_to_a_flagged_transaction(stored: list[Any]) -> None:
    alerts = [from_item(item) for item in lines("alerts")]
    decisions = {from_attribute(item["transactionId"]): Decision.from_item(item) for item in stored}
    flagged = {name for name, each in decisions.items() if each and each.decision != Verdict.APPROVE}
    assert {alert["transactionId"] for alert in alerts} == flagged
    shards = {f"{status}#{number}" for status in COUNTS["alerts"] for number in range(STATUS_SHARDS)}
    assert {alert["statusShard"] for alert in alerts} <= shards
    read = [alert for item in lines("alerts") if (alert := AlertSummary.from_item(item))]
    assert len(read) == len(alerts)
    for status, count in COUNTS["alerts"].items():
        of_status = sorted((a for a in read if a.status == status), key=lambda a: a.created_at, reverse=True)
        assert sum(map(len, grouped(of_status))) == count


def test_the_same_request_again_is_the_one_that_was_stored(claims: list[Any], stored: list[Any]) -> None:
    tokenizer = Tokenizer(MANIFEST["tokenKey"])
    claimed = {each["transactionId"]: each["payloadHash"] for each in claims}
    received = max(Transaction.from_item(item).received_at for item in stored)
    times = TimeBounds(earliest=0, latest=received + 86_400_000)
    posted = [read_request(json.dumps(each).encode(), times) for each in lines("requests")]
    assert {each.transaction_id for each in posted} == claimed.keys()
    assert all(is_same_payload(each, claimed[each.transaction_id], tokenizer) for each in posted)
    others = [msgspec.structs.replace(each, amount_minor=each.amount_minor + 1) for each in posted]
    assert not any(is_same_payload(each, claimed[each.transaction_id], tokenizer) for each in others)


def test_each_segment_parses_and_stored_is_decided_is_logged(logged: list[LogRecord], stored: list[Any]) -> None:
    names = {Transaction.from_item(item).transaction_id for item in stored}
    decided = of_event(logged, LogEvent.DECIDED)
    assert of_event(logged, LogEvent.STORED).keys() == decided.keys() == names
    assert len(decided) == COUNTS["logged"] == COUNTS["loggedStored"] == COUNTS["stored"]
    assert len(of_event(logged, LogEvent.LABELED)) == COUNTS["loggedLabelled"] == COUNTS["labelled"]
    for item in stored:
        decision = Decision.from_item(item)
        assert decision
        record = decided[from_attribute(item["transactionId"])]
        assert (record.decision, record.score) == (decision.decision, decision.score)


@pytest.mark.parametrize("place", ["", LOG_PREFIX, f"{LOG_PREFIX}segments"])
def test_the_log_is_read_as_it_lies_in_the_bucket(place: str, bucket: FolderStore) -> None:
    with open_log(bucket.root / place) as log:
        assert len(list(log.decisions())) == log.decisions_count == COUNTS["logged"]
        assert log.labels_count == COUNTS["labelled"]
        assert not log.damaged


def test_hour_manifests_name_their_files(bucket: FolderStore, hours: list[Hour]) -> None:
    files = {key: mark for hour in hours for key, mark in hour.files.items()}
    assert len(hours) == COUNTS["objects"]["decision-log/hours"]
    assert files == {key: digest(bucket.root / key) for key in bucket.find(LOG_PREFIX) if key.endswith(".parquet")}


@pytest.mark.parametrize("table", [table for table in LogTable if table is not LogTable.HITS])
def test_each_parquet_file_reads(table: LogTable, bucket: FolderStore) -> None:
    columns = {name: kind.replace(" ", "") for name, kind in FILES[table].items()}
    keys = list(bucket.find(f"{LOG_PREFIX}{table}/"))
    assert len(keys) == COUNTS["objects"][f"decision-log/{table}"]
    for key in keys:
        rows = duckdb.read_parquet(str(bucket.root / key))
        # Every column that was written is still one of the table's, of the same type.
        found = zip(rows.columns, map(str, rows.types), strict=True)
        assert {name: kind.replace(" ", "") for name, kind in found}.items() <= columns.items()
        assert rows.fetchall()


def test_some_of_the_log_is_merged_and_some_is_in_segments_alone(hours: list[Hour]) -> None:
    merged = sum(hour.segments for hour in hours)
    assert 0 < merged < COUNTS["objects"]["decision-log/segments"]


def test_reports_parse_in_every_form(bucket: FolderStore) -> None:
    days = report_days(bucket)
    assert days
    for day in days:
        html, json_report, table = (
            (bucket.read(f"{REPORT_PREFIX}date={day}/report.{form}") or b"").decode()
            for form in ("html", "json", "csv")
        )
        report = read_report(json_report.encode())
        assert report
        assert report.date == day.isoformat()
        assert report.reconciliation.complete
        assert (report.revision.number > 1) == bool(report.revision.changes)
        assert len(list(csv.reader(io.StringIO(table)))) > 1
        tags = Tags()
        tags.feed(html)
        assert {"table", "svg"} <= tags.found
        note = bucket.read(f"{LOG_PREFIX}reported/date={day}.json")
        assert msgspec.json.decode(note or b"", type=Reported).on >= day.isoformat()


def test_a_report_made_today_continues_those_of_the_release(
    bucket: FolderStore, stored: list[Any], tmp_path: Path
) -> None:
    """Segments, merged hours, tallies, the older report and the note on it all take part."""
    shutil.copytree(bucket.root, tmp_path, dirs_exist_ok=True)
    transactions = [Transaction.from_item(item) for item in stored]
    received: dict[date, set[str]] = {}
    for each in transactions:
        received.setdefault(datetime.fromtimestamp(each.received_at / 1000, UTC).date(), set()).add(each.transaction_id)
    reporter = Reporter(
        store=FolderStore(tmp_path),
        log_prefix=LOG_PREFIX,
        report_prefix=REPORT_PREFIX,
        sample=lambda day: received[day],
        now=datetime.combine(max(received), datetime.max.time(), UTC) + timedelta(hours=1),
        time_left=lambda: 900.0,
    )
    before = {
        day: report
        for day in report_days(bucket)
        if (report := read_report(bucket.read(f"{REPORT_PREFIX}date={day}/report.json") or b""))
    }
    reports = {day: reporter.report(day) for day in sorted(received)}
    assert all(report.reconciliation.complete for report in reports.values())
    assert sum(report.reconciliation.logged for report in reports.values()) == COUNTS["logged"]
    assert sum(report.labels.labelled for report in reports.values()) == COUNTS["labelled"]
    # The release had written two revisions of it, before the rest came in.
    assert [(before[day].revision.number, reports[day].revision.number) for day in before] == [(2, 3)]


def test_the_ruleset_and_its_models_load(bucket: FolderStore, stored: list[Any]) -> None:
    rules = ruleset.load(*(bucket.read(RULESET_PREFIX + name) or b"" for name in RULESET_FILES))
    chosen = parse_selection(bucket.read(RULESET_PREFIX + MODELS_FILE) or b"")
    models = load_models(chosen, lambda name: bucket.read(f"{RULESET_PREFIX}{MODELS_FOLDER}{name}") or b"")
    decisions = [decision for item in stored if (decision := Decision.from_item(item))]
    assert {decision.ruleset_version for decision in decisions} == {rules.version}
    assert models.shadow
    assert {decision.shadow_model for decision in decisions} == {models.shadow.version}

"""The report generator's handler as Lambda calls it, on a real table, its stream and a real bucket."""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fraudstream.contract import ERASURE_MARKS_PREFIX
from fraudstream.reporting.daily.table_check import SAMPLE_ITEMS, sample_table
from fraudstream.reporting.log.erasure_marks import ErasureMark, hash_of
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.sampling import ONE_IN, sample_mark
from tests.integration.functions.report_generator_harness import BUCKET, DAY, HANDLER, SEGMENTS, TABLE, Shop


def metrics(printed: str) -> dict[str, Any]:
    """Give the metrics among what the function printed."""
    lines = [json.loads(line) for line in printed.splitlines() if "_aws" in line]
    return {
        name: line[name]
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for name in (metric["Name"] for metric in directive["Metrics"])
    }


def test_the_log_has_what_happens_to_a_transaction_and_nothing_personal(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.store("t-1")
    shop.decide("t-1")
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=shop.received_at + 900)
    shop.add("t-1", label.to_item())
    shop.add("t-1", to_item({"redrivenAt": shop.received_at}))

    assert shop.call(shop.stream()) == {"batchItemFailures": []}

    log = shop.log()
    assert [line["event"] for line in log] == ["STORED", "DECIDED", "LABELED"]
    assert log[1]["sources"] == ["card-velocity"]
    assert log[2]["label"] == "FRAUD"
    assert "411111" not in json.dumps(log)
    assert "cardLast4" not in json.dumps(log)
    assert metrics(capsys.readouterr().out) == {"RecordsLogged": [3.0]}


def test_a_batch_that_is_delivered_again_overwrites_its_own_segment(shop: Shop) -> None:
    shop.store("t-1")
    shop.store("t-2")
    event = shop.stream()
    shop.call(event)
    before = {key: shop.read(key) for key in shop.keys("")}
    shop.call(event)
    assert {key: shop.read(key) for key in shop.keys("")} == before


def test_a_late_record_of_an_erased_person_is_not_logged(shop: Shop) -> None:
    shop.store("t-1")
    shop.store("t-2", customerId="tok_bob", counterpartyToken="tok_ann")
    shop.decide("t-1")
    shop.decide("t-2")
    mark = ErasureMark(persons=frozenset({hash_of("tok_ann")}), at=shop.received_at)
    shop.s3.put_object(Bucket=BUCKET, Key=f"{ERASURE_MARKS_PREFIX}1.json", Body=msgspec.json.encode(mark))
    shop.call(shop.stream())
    assert {line["transactionId"] for line in shop.log()} == {"t-2"}
    assert "tok_ann" not in json.dumps(shop.log())


def test_a_poison_record_is_named_and_its_neighbours_are_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    for each in ("t-1", "t-2", "t-3"):
        shop.store(each)
    event = shop.stream()
    poison = event["Records"][1]["dynamodb"]
    poison["NewImage"]["amountMinor"] = {"S": "secret"}

    failures = shop.call(event)["batchItemFailures"]

    assert failures == []
    logged = {line["transactionId"]: line["event"] for line in shop.log()}
    assert logged == {"t-1": "STORED", "t-2": "UNREADABLE", "t-3": "STORED"}
    assert "secret" not in json.dumps(shop.log())
    (line,) = caplog.records
    assert poison["SequenceNumber"] in vars(line).values()
    assert "secret" not in str(vars(line))


def test_an_unreadable_transaction_is_undecided_until_it_is_repaired(shop: Shop) -> None:
    shop.store("t-1", currency="no such")
    shop.call(shop.stream())
    broken = shop.call({"task": "daily-report", "date": shop.day})
    shop.add("t-1", to_item({"currency": "EUR"}))
    shop.decide("t-1")
    shop.call(shop.stream())
    repaired = shop.call({"task": "daily-report", "date": shop.day})

    figures = ("stored", "decided", "logged", "undecided")
    assert [broken[name] for name in figures] == [1, 0, 1, 1]
    assert [repaired[name] for name in figures] == [1, 1, 1, 0]


def test_a_day_s_report_accounts_for_every_transaction(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop = replace(shop, received_at=shop.received_at - DAY)
    shop.store("t-1")
    shop.decide("t-1")
    shop.store("t-2")
    shop.call(shop.stream())
    capsys.readouterr()

    answer = shop.call({"task": "daily-report", "date": shop.day})

    folder = f"reports/date={shop.day}/"
    assert answer["keys"] == [folder + name for name in ("report.html", "report.json", "report.csv")]
    assert sorted(shop.keys("reports/")) == sorted([*answer["keys"], folder + "summary.json"])
    assert {name: answer[name] for name in ("date", "stored", "decided", "logged", "undecided")} == {
        "date": shop.day,
        "stored": 2,
        "decided": 1,
        "logged": 2,
        "undecided": 1,
    }
    report = json.loads(shop.read(folder + "report.json"))
    assert report["revision"]["number"] == answer["revision"] == 1
    assert [each["transactionId"] for each in report["reconciliation"]["undecided"]] == ["t-2"]
    assert report["reconciliation"]["table"] == {"sampled": 2, "missing": [], "orphanedClaims": []}
    assert shop.s3.head_object(Bucket=BUCKET, Key=folder + "report.html")["ContentType"] == "text/html; charset=utf-8"
    assert metrics(capsys.readouterr().out) == {
        "ReportsWritten": [1.0],
        "Undecided": [1.0],
        "LogMissing": [0.0],
        "OrphanedClaims": [0.0],
        # Without a number, an alarm goes by the last one that was told, for days.
        "LogDamaged": [0.0],
        "LogChanged": [0.0],
    }


def test_a_report_of_a_day_that_goes_on_rings_for_nothing_that_is_on_its_way(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.store("t-1")
    shop.call(shop.stream())
    capsys.readouterr()
    assert shop.call({"task": "daily-report", "date": shop.day})["undecided"] == 1
    assert metrics(capsys.readouterr().out) == {"LogDamaged": [0.0], "LogChanged": [0.0]}


def test_alarms_are_told_of_what_a_missed_report_finds_when_it_is_made_up(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    for days in (3, 2):
        shop.store(f"t-{days}", receivedAt=shop.received_at - days * DAY)
    shop.decide("t-2")
    event = shop.stream()
    for record in event["Records"]:
        received_at = record["dynamodb"]["NewImage"]["receivedAt"]["N"]
        record["dynamodb"]["ApproximateCreationDateTime"] = int(received_at) / 1000
    shop.call(event)
    capsys.readouterr()

    answer = shop.call({"task": "daily-report"})

    assert answer["undecided"] == 0
    told = metrics(capsys.readouterr().out)
    assert told["ReportsWritten"] == [1.0, 1.0, 1.0]
    assert sorted(told["Undecided"]) == [0.0, 0.0, 1.0]


def test_a_task_uses_no_connections_of_an_earlier_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda purges connections that are idle for long, and keeps a function that writes segments meanwhile."""
    made: list[Any] = []
    for name in ("whole_s3", "whole_dynamodb"):
        real = getattr(shop.handler, name)
        monkeypatch.setattr(shop.handler, name, lambda limits, real=real: made.append(real(limits)) or made[-1])
    for _ in range(2):
        shop.call({"task": "hourly-roll-up"})
    assert len({id(each) for each in made}) == 4


def test_a_report_made_again_has_the_same_bytes(shop: Shop) -> None:
    for number in range(20):
        shop.store(f"t-{number}")
        shop.decide(f"t-{number}")
    shop.call(shop.stream())
    keys = shop.call({"task": "daily-report", "date": shop.day})["keys"]
    first = [shop.read(key) for key in keys]
    shop.call({"task": "daily-report", "date": shop.day})
    assert [shop.read(key) for key in keys] == first


def test_what_the_stream_s_consumer_lost_is_found_in_the_table(shop: Shop) -> None:
    shop.store("t-1")
    shop.call(shop.stream())
    shop.store("t-lost")
    shop.store("t-of-another-day", receivedAt=shop.received_at - 2 * DAY)
    shop.store("t-claim", kind="CLAIM")

    shop.call({"task": "daily-report", "date": shop.day})

    report = json.loads(shop.read(f"reports/date={shop.day}/report.json"))
    assert report["reconciliation"]["table"] == {"sampled": 2, "missing": ["t-lost"], "orphanedClaims": []}


def test_a_decision_logged_days_later_is_in_the_report_that_is_made_again(shop: Shop) -> None:
    received_at = shop.received_at - 3 * DAY
    day = datetime.fromtimestamp(received_at / 1000, UTC).date().isoformat()
    shop.store("t-1", receivedAt=received_at)
    shop.decide("t-1")
    event = shop.stream()
    event["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] = received_at / 1000
    shop.call({"Records": event["Records"][:1]})
    first = shop.call({"task": "daily-report", "date": day})
    shop.call({"Records": event["Records"][1:]})
    second = shop.call({"task": "daily-report", "date": day})
    assert (first["decided"], second["decided"]) == (0, 1)
    assert (first["revision"], second["revision"]) == (1, 2)


def test_hours_are_merged_once_and_late_labels_restate_reports(shop: Shop) -> None:
    shop.store("t-1")
    shop.decide("t-1")
    event = shop.stream()
    hours = 3_600_000
    for record in event["Records"]:
        record["dynamodb"]["ApproximateCreationDateTime"] -= 2 * hours / 1000
    shop.call(event)

    answer = shop.call({"task": "hourly-roll-up"})
    hour = datetime.fromtimestamp(shop.received_at / 1000 - 7200, UTC).strftime("%Y-%m-%dT%H")
    assert answer == {"hours": [hour], "restated": [], "remade": []}
    assert shop.keys("decision-log/decisions/") == [f"decision-log/decisions/date={shop.day}/{hour}.parquet"]
    assert shop.call({"task": "hourly-roll-up"}) == {"hours": [], "restated": [], "remade": []}


def test_work_that_does_not_fit_into_the_time_goes_on_at_the_next_call(shop: Shop) -> None:
    shop.store("t-1")
    shop.call(shop.stream())
    with pytest.raises(TimeoutError, match="call again"):
        shop.call({"task": "daily-report", "date": shop.day}, seconds_left=5)
    assert shop.keys("reports/") == []
    assert shop.call({"task": "daily-report", "date": shop.day})["stored"] == 1


def test_a_day_is_that_of_receipt_although_the_stream_clock_is_behind(shop: Shop) -> None:
    midnight = shop.received_at // DAY * DAY
    shop.store("t-1", receivedAt=midnight)
    event = shop.stream()
    event["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] = midnight / 1000 - 1
    shop.call(event)
    (key,) = shop.keys(SEGMENTS)
    assert "/hour=23/" in key
    assert shop.call({"task": "daily-report", "date": shop.day})["stored"] == 1


def test_a_record_that_cannot_be_named_is_counted_and_holds_up_nothing(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.store("t-1")
    shop.store("t-2")
    event = shop.stream()
    del event["Records"][0]["dynamodb"]["SequenceNumber"]

    capsys.readouterr()
    assert shop.call(event) == {"batchItemFailures": []}
    assert metrics(capsys.readouterr().out)["LogDamaged"] == [1.0]
    assert [line["transactionId"] for line in shop.log()] == ["t-2"]


def test_the_schedule_gets_the_report_of_yesterday_also_of_a_quiet_day(shop: Shop) -> None:
    before = datetime.now(UTC).date() - timedelta(days=1)
    answer = shop.call({"task": "daily-report"})
    after = datetime.now(UTC).date() - timedelta(days=1)
    assert before.isoformat() <= answer["date"] <= after.isoformat()
    assert answer["stored"] == answer["logged"] == 0
    assert b"A quiet day" in shop.read(answer["keys"][0])


def test_a_day_before_the_log_has_no_report_and_none_is_missed_since_then(shop: Shop) -> None:
    shop.store("t-1")
    before = datetime.fromtimestamp(shop.received_at / 1000 - 86_400, UTC).date()
    long_ago = {"task": "daily-report", "date": "2016-11-22"}
    assert "it is empty" in shop.call(long_ago)["unlogged"]
    shop.call(shop.stream())
    assert shop.call({"task": "daily-report", "date": before.isoformat()}) == {
        "date": before.isoformat(),
        "unlogged": f"the log has nothing of {before}: it begins on {shop.day}",
    }
    assert "it begins on" in shop.call(long_ago)["unlogged"]
    assert shop.keys("reports/") == []
    shop.call({"task": "daily-report"})
    assert {key.split("/")[1] for key in shop.keys("reports/")} == {f"date={before}"}


def test_a_day_that_the_table_alone_knows_has_a_report(shop: Shop) -> None:
    shop.store("t-1")
    shop.call(shop.stream())
    earlier = shop.received_at - 3 * DAY
    shop.store("t-0", receivedAt=earlier)
    day = datetime.fromtimestamp(earlier / 1000, UTC).date().isoformat()
    keys = shop.call({"task": "daily-report", "date": day})["keys"]
    assert b"The decision log of this day is empty, but the table is not" in shop.read(keys[0])


def test_what_comes_in_before_midnight_and_is_logged_after_it_has_its_day(shop: Shop) -> None:
    midnight = shop.received_at // DAY * DAY
    shop.store("t-1", receivedAt=midnight - 10)
    event = shop.stream()
    event["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] = midnight / 1000 + 1
    shop.call(event)
    day = datetime.fromtimestamp(midnight / 1000 - 1, UTC).date().isoformat()
    assert shop.call({"task": "daily-report", "date": day})["logged"] == 1


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({}, '"task"'),
        ({"task": "make-coffee"}, '"task"'),
        ([], '"task"'),
        ({"task": "daily-report", "date": "22.11.2026"}, '"date" must be YYYY-MM-DD'),
        ({"task": "daily-report", "date": "20261122"}, '"date" must be YYYY-MM-DD'),
        ({"task": "daily-report", "date": 20261122}, '"date" must be YYYY-MM-DD'),
        ({"task": "daily-report", "date": "9999-12-31"}, "not in the future"),
        ({"task": "daily-report", "date": "0001-01-01"}, "since 1970"),
        ({"task": "verify-log", "since": "2026-11-22"}, '"until" must be YYYY-MM-DD'),
        ({"task": "verify-log", "since": 1, "until": "2026-11-22"}, '"since" must be YYYY-MM-DD'),
        ({"task": "chain-hours", "hours": ["yesterday"], "kind": "ERASED"}, '"hours" must be YYYY-MM-DDTHH'),
        ({"task": "chain-hours", "hours": [14], "kind": "REBUILT"}, '"hours" must be YYYY-MM-DDTHH'),
        ({"task": "chain-hours", "hours": ["2026-11-22T14"], "kind": "LOST"}, '"task"'),
        ({"task": "rebuild-log", "date": "2026-11-22", "part": 3, "parts": 3}, '"part" must be less than "parts"'),
        ({"Records": "none"}, '"Records"'),
    ],
)
def test_anything_else_is_refused_by_name(shop: Shop, event: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        shop.call(event)
    assert shop.keys("") == []


def test_the_stream_s_consumer_starts_without_what_only_reports_need(variables: dict[str, str]) -> None:
    code = f"import sys, {HANDLER}; print(sorted({{'duckdb', 'jinja2'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("task_root", "is_kept"), [("/var/task", False), ("/somewhere/else", True)])
def test_what_a_process_that_lambda_ended_left_on_the_disk_goes(
    variables: dict[str, str], tmp_path: Path, *, task_root: str, is_kept: bool
) -> None:
    """Lambda clears nothing of the disk when it starts the next process; elsewhere the folder may be anybody's."""
    left = Path(tempfile.mkdtemp(dir=tmp_path)) / "merged"
    left.mkdir()
    (left / "segment.jsonl.gz").write_bytes(b"cut off")
    surroundings = variables | {"LAMBDA_TASK_ROOT": task_root, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", f"import {HANDLER}"], env=surroundings, check=True)
    assert left.exists() is is_kept


def test_of_a_large_table_the_marked_ones_of_the_day_are_looked_at(shop: Shop) -> None:
    today = date.fromisoformat(shop.day)
    ids = [f"t-{number}" for number in range(3 * SAMPLE_ITEMS)]
    for start in range(0, len(ids), 25):
        received = [shop.received_at + (DAY if number % 2 else 0) for number in range(start, start + 25)]
        puts = [
            {"transactionId": each, "timestamp": shop.received_at, "receivedAt": at, "kind": "TXN"}
            | sample_mark(each, at)
            for each, at in zip(ids[start : start + 25], received, strict=True)
        ]
        shop.dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": to_item(each)}} for each in puts]})
    marked = {each for each in ids if sample_mark(each, shop.received_at)}
    assert len(ids) / ONE_IN / 2 < len(marked) < 2 * len(ids) / ONE_IN
    assert sample_table(shop.dynamodb, TABLE, today) == marked & set(ids[::2])
    assert sample_table(shop.dynamodb, TABLE, today + timedelta(days=1)) == marked & set(ids[1::2])


def test_the_day_draws_which_part_of_a_large_table_is_looked_at(shop: Shop) -> None:
    today = date.fromisoformat(shop.day)
    days = [today + timedelta(days=later) for later in range(8)]
    ids = [f"t-{number}" for number in range(SAMPLE_ITEMS)]

    def put(transaction_ids: list[str], days_later: int) -> None:
        at = shop.received_at + days_later * DAY
        values = {"timestamp": at, "receivedAt": at, "kind": "TXN"}
        puts = [{"PutRequest": {"Item": to_item(values | {"transactionId": each})}} for each in transaction_ids]
        for start in range(0, len(puts), 25):
            shop.dynamodb.batch_write_item(RequestItems={TABLE: puts[start : start + 25]})

    def look(day: date) -> set[str]:
        return sample_table(shop.dynamodb, TABLE, day)

    for later in range(len(days)):
        put(ids, later)
    sampled = look(today)
    share = SAMPLE_ITEMS / len(days)
    assert share / 2 < len(sampled) < 2 * share
    assert look(today) == sampled
    assert any(look(day) != sampled for day in days[1:])
    put([f"u-{number}" for number in range(SAMPLE_ITEMS)], 0)
    assert look(today) & set(ids) == sampled

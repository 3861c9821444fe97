"""`label`, `redrive`, `report` and the demo's tally on real tables and a real bucket."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.cli.support.demo.reconciliation import RunCounts, logged_decisions, stored_transactions
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.operations.recovery.resending import events_of
from fraudstream_tools.operations.review.alerts import AlertQueue
from fraudstream_tools.operations.review.labels import find_by_reference
from tests.cli_harness import Command
from tests.integration.cli.review_harness import ALERTS, BUCKET, DECISION, NOW, TRANSACTIONS, System
from tests.unit.reporting.decision_log_harness import Stream, item, put


def test_a_label_is_written_on_the_transaction_and_leaves_the_decision_alone(
    fraudstream: Command, system: System
) -> None:
    system.store("t-1")
    assert fraudstream("label", "t-1", "--fraud", "--source", "chargeback").code == 0
    item = system.item("t-1")
    assert (item["label"], item["labelSource"], item["decision"]) == ("FRAUD", "chargeback", "REVIEW")
    assert fraudstream("label", "t-1", "--legitimate").code == 0
    assert system.item("t-1")["label"] == "LEGITIMATE"


def test_a_label_that_is_newer_is_not_replaced(fraudstream: Command, system: System) -> None:
    system.store("t-1")
    fraudstream("label", "t-1", "--fraud")
    newer = system.dynamodb.get_item(TableName=TRANSACTIONS, Key=to_item({"transactionId": "t-1", "timestamp": NOW}))
    newer["Item"]["labeledAt"] = {"N": str(4_000_000_000_000)}
    system.dynamodb.put_item(TableName=TRANSACTIONS, Item=newer["Item"])
    ran = fraudstream("label", "t-1", "--legitimate")
    assert ran.code == 1
    assert "newer" in ran.err
    assert system.item("t-1")["label"] == "FRAUD"


def test_a_label_says_what_it_was_and_of_which_transaction(fraudstream: Command, system: System) -> None:
    system.store("t-1")
    assert "give --fraud or --legitimate" in fraudstream("label", "t-1").err
    ran = fraudstream("label", "nobody", "--fraud")
    assert ran.code == 1
    assert "nobody: there is no such transaction" in ran.err


def test_only_what_was_never_decided_is_redriven(fraudstream: Command, system: System) -> None:
    system.store("t-1", decision=None)
    system.store("t-2")
    ran = fraudstream("redrive", "t-1", "t-2", "t-1")
    assert ran.code == 0
    assert "1 sent to the analyzer again, 1 had a decision" in ran.out
    assert system.item("t-1")["redrivenAt"] > NOW
    assert "redrivenAt" not in system.item("t-2")


def test_a_label_that_was_given_up_is_redriven_and_one_that_was_learnt_is_not(
    fraudstream: Command, system: System
) -> None:
    for name, learnt in (("t-1", {}), ("t-2", {"learntLabel": "FRAUD", "learntLabeledAt": NOW})):
        item = system.store(name).to_item() | DECISION.to_item()
        label = {"kind": "TXN", "label": "FRAUD", "labelSource": "analyst", "labeledAt": NOW}
        system.dynamodb.put_item(TableName=TRANSACTIONS, Item=item | to_item(label | learnt))
    ran = fraudstream("redrive", "t-1", "t-2")
    assert "1 sent to the analyzer again, 1 had a decision" in ran.out
    assert "redrivenAt" in system.item("t-1")
    assert "redrivenAt" not in system.item("t-2")


def test_a_redrive_goes_on_behind_an_id_that_is_not_there_and_ends_with_1(fraudstream: Command, system: System) -> None:
    system.store("t-1", decision=None)
    ran = fraudstream("redrive", "nobody", "t-1")
    assert ran.code == 1
    assert "nobody: there is no such transaction" in ran.err
    assert "redrivenAt" in system.item("t-1")


@pytest.fixture
def report(fraudstream: Command, system: System, tmp_path: Path) -> Callable[..., str]:
    """Stores transactions, and has a report made of the log that the report generator would keep of them."""

    def make(*, undecided: Sequence[str] = (), decided: Sequence[str] = ()) -> str:
        stream = Stream()
        for transaction_id in undecided:
            stream.add(item(system.store(transaction_id, decision=None)), at=NOW)
        for transaction_id in decided:
            stream.store_and_decide(system.store(transaction_id))
        put(cut(stream.records, "").segments, tmp_path / "log")
        ran = fraudstream("report", "--log", "log", "--date", "2026-01-05", "--format", "json")
        assert ran.code == 0, ran.err
        return ran.out.strip()

    return make


def test_a_report_that_was_made_on_its_own_day_is_made_anew(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = "2026-01-05"
    folder, note = f"reports/date={day}/report.json", f"decision-log/reported/date={day}.json"

    def write(content: str, on: str) -> None:
        system.s3.put_object(Bucket=BUCKET, Key=folder, Body=content.encode())
        system.s3.put_object(Bucket=BUCKET, Key=note, Body=json.dumps({"inputs": "a", "on": on}).encode())

    def report_function(_: str, event: Any) -> object:
        assert event == {"task": "daily-report", "date": day}
        write('{"of": "the whole day"}', "2026-01-06")
        return {}

    write('{"of": "the morning"}', day)
    with lambda_endpoint(report_function) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        assert "whole" in fraudstream("report", "--date", day, "--json").out
    # Nothing answers any more: what is there is fetched.
    assert "whole" in fraudstream("report", "--date", day, "--json").out


def test_what_a_days_report_lists_as_undecided_is_redriven(
    fraudstream: Command, system: System, report: Callable[..., str]
) -> None:
    path = report(undecided=["t-1", "t-2", "t-3"], decided=["t-4", "t-5"])
    system.store("t-2")  # decided since the report
    ran = fraudstream("redrive", "--report", path)
    assert (ran.code, ran.out) == (0, "2 sent to the analyzer again, 1 had a decision\n")
    redriven = {name for name in ("t-1", "t-2", "t-3", "t-4", "t-5") if "redrivenAt" in system.item(name)}
    assert redriven == {"t-1", "t-3"}


def test_ids_and_a_report_are_redriven_together_and_none_twice(
    fraudstream: Command, system: System, report: Callable[..., str]
) -> None:
    path = report(undecided=["t-1", "t-2"])
    system.store("t-9", decision=None)
    ran = fraudstream("redrive", "t-9", "t-1", "--report", path)
    assert ran.out == "3 sent to the analyzer again, 0 had a decision\n"


def test_a_report_that_lists_nothing_undecided_redrives_nothing_and_says_so(
    fraudstream: Command, report: Callable[..., str]
) -> None:
    ran = fraudstream("redrive", "--report", report(decided=["t-1"]))
    assert (ran.code, ran.out) == (0, "report-2026-01-05.json lists nothing to redrive\n")


def test_a_report_of_another_release_is_redriven_from_too(
    fraudstream: Command, report: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / report(undecided=["t-1"])
    figures = json.loads(path.read_bytes())
    # Figures come and go with releases.
    del figures["labels"], figures["revision"]
    path.write_text(json.dumps(figures | {"schemaVersion": 1, "weather": "fine"}))
    assert "1 sent to the analyzer again" in fraudstream("redrive", "--report", path.name).out


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        ("{}", "not a fraudstream report"),
        ("[", "not a fraudstream"),
        ('{"reconciliation": []}', "not a fraudstream report"),
        ('{"reconciliation": {"undecided": [7]}}', "not a fraudstream report"),
    ],
)
def test_a_redrive_from_something_else_than_a_report_is_refused(
    fraudstream: Command, system: System, tmp_path: Path, content: str | None, complaint: str
) -> None:
    assert system
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    assert complaint in fraudstream("redrive", "--report", "report.json").err


def test_a_redrive_of_nothing_says_how_to_name_something(fraudstream: Command) -> None:
    err = fraudstream("redrive").err
    assert "Give one or more transactionIds" in err
    assert "a report that failed is created again by: fraudstream report --date YYYY-MM-DD" in err


def test_a_report_that_is_there_is_fetched(fraudstream: Command, system: System, tmp_path: Path) -> None:
    key = "reports/date=2026-01-05/report.html"
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=b"<!doctype html>")
    ran = fraudstream("report", "--date", "2026-01-05")
    assert (ran.code, ran.out) == (0, "report-2026-01-05.html\n")
    assert (tmp_path / "report-2026-01-05.html").read_bytes() == b"<!doctype html>"
    assert fraudstream("report", "--date", "2026-01-05", "--output", "-").out == "<!doctype html>"


def written_by(system: System) -> Callable[[str, Any], object]:
    def report_function(name: str, event: Any) -> object:
        assert name == "lambda-report-generator-test"
        assert event["task"] == "daily-report"
        if event["date"] == "2026-01-07":
            raise ValueError(event["date"])
        key = f"reports/date={event['date']}/report.json"
        return system.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}") and {"date": event["date"]}

    return report_function


def test_a_report_that_is_not_there_is_written_first(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lambda_endpoint(written_by(system)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        ran = fraudstream("report", "--date", "2026-01-06", "--format", "json", "--output", "-")
    assert (ran.code, ran.out) == (0, "{}")
    assert "writing the report of 2026-01-06" in ran.err


def test_a_report_function_that_fails_is_an_error(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lambda_endpoint(written_by(system)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        ran = fraudstream("report", "--date", "2026-01-07")
    assert ran.code == 1
    said = "the report function failed at daily-report: ValueError: 2026-01-07; more is in the log group "
    assert f"{said}log-group-report-generator-test" in ran.err


def test_a_day_before_the_log_began_is_named(
    fraudstream: Command, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "the log has nothing of 2016-01-06: it begins on 2026-01-05"
    with lambda_endpoint(lambda _, event: {"date": event["date"], "unlogged": said}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        ran = fraudstream("report", "--date", "2016-01-06")
    assert ran.code == 1
    assert f"error: {said}\n" in ran.err
    assert system


def put_log(system: System, records: Sequence[dict[str, Any]]) -> None:
    for segment in cut(records, "decision-log/").segments:
        system.s3.put_object(Bucket=BUCKET, Key=segment.key, Body=segment.body)


def test_what_is_not_stored_decided_and_logged_is_lost(system: System) -> None:
    stream = Stream()
    for number in range(4):
        transaction = system.store(f"t-{number}")
        if number < 3:
            stream.store_and_decide(transaction)
        else:
            stream.add(item(transaction), at=NOW)
    system.store("t-4", decision=None)
    put_log(system, stream.records)
    # As the stream may deliver again.
    put_log(system, stream.records[1:])

    tally = RunCounts(
        received=6,
        stored=stored_transactions(system.dynamodb, TRANSACTIONS),
        logged=logged_decisions(system.s3, BUCKET),
    )
    expected = "demo: received=6 stored=5 decided=4 logged=3 lost=3 report=r.html"
    assert tally.summary_line("r.html") == expected
    assert tally.decisions == {"REVIEW": 4}
    assert tally.decision_seconds == [0.4] * 4


def test_decisions_are_compared_with_the_truth(system: System) -> None:
    for number in range(4):
        system.store(f"t-{number}")
    system.store("t-4", decision=Decision(decision=Verdict.APPROVE, score=2, ruleset_version="a", decided_at=NOW))
    tally = RunCounts(received=5, stored=stored_transactions(system.dynamodb, TRANSACTIONS), logged=frozenset())
    noticed = tally.noticed({"t-0": "card_testing", "t-4": "card_testing", "t-1": "stolen_card"})
    assert (noticed.stopped, noticed.frauds.total(), noticed.found.total()) == (4, 3, 2)
    assert noticed.found == {"card_testing": 1, "stolen_card": 1}
    assert (noticed.precision, noticed.recall) == (0.5, pytest.approx(2 / 3))
    assert tally.noticed({}).recall == 0


def test_a_card_number_in_place_of_an_id_is_asked_of_no_table(system: System) -> None:
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    system.dynamodb.meta.events.register("before-call.dynamodb", note)
    card = "4111111111111111"
    assert newest_item(system.dynamodb, TRANSACTIONS, card) is None
    assert AlertQueue(system.dynamodb, alerts=ALERTS, transactions=TRANSACTIONS).get(card) is None
    assert find_by_reference(system.dynamodb, TRANSACTIONS, card) == []
    assert events_of(system.dynamodb, "outbox", card) == []
    assert not asked


def test_a_card_number_is_not_sent_to_the_api(fraudstream: Command) -> None:
    refused = fraudstream("get", "4111 1111 1111 1111", "--api", "http://127.0.0.1:9")
    assert (refused.code, "was not sent" in refused.err) == (1, True)

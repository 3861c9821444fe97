"""A label that the analyzer gave up is found in the report, redriven, learnt, and leaves the report."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.streams.filters import compile_filters
from fraudstream.detection.analyzer import Analysis
from fraudstream.durations import HOUR
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream_tools.operations.review.labels import give_label
from infra.compute.stream_consumers import ANALYZER_FILTERS, REPORTER_FILTERS
from tests.cli_harness import Command, point_at
from tests.integration.detection.analyzer_harness import NOW, World, refusal, transaction
from tests.unit.reporting.decision_log_harness import put

DAY = "2026-05-28"
"""Of `NOW`."""
Deliver = Callable[[int], Analysis]
_TO_ANALYZER = compile_filters(ANALYZER_FILTERS)
_TO_REPORTER = compile_filters(REPORTER_FILTERS)


@pytest.fixture
def fraudstream(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    point_at(aws.endpoint_url, monkeypatch, transactionsTable="transactions")
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


@pytest.fixture
def deliver(world: World, tmp_path: Path) -> Deliver:
    """Takes what is new on the stream to the log and to the analyzer, once: what fails is given up."""

    def take(at: int) -> Analysis:
        records = world.records()
        for each in records:
            each["dynamodb"]["ApproximateCreationDateTime"] = at / 1000
        put(cut([each for each in records if _TO_REPORTER(each)], "").segments, tmp_path / "log")
        return world.analyze([each for each in records if _TO_ANALYZER(each)])

    return take


def learnt_frauds(world: World) -> int:
    return len(world.profiles()["customer#tok_ann"].profile.labels)


def unlearned(fraudstream: Command) -> list[str]:
    ran = fraudstream("report", "--log", "log", "--date", DAY, "--format", "json", "--output", "report.json")
    assert ran.code == 0, ran.err
    return [
        each["transactionId"] for each in json.loads(Path("report.json").read_bytes())["reconciliation"]["unlearned"]
    ]


@pytest.mark.parametrize("listing", [("--report", "report.json"), ("--log", "log")])
def test_a_label_that_was_given_up_is_listed_redriven_and_learnt(
    fraudstream: Command, world: World, deliver: Deliver, listing: tuple[str, str]
) -> None:
    def refuse(params: Mapping[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles":
            raise refusal("PutItem")

    world.store(transaction(1))
    assert deliver(NOW).failures == []
    label = Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=NOW + HOUR)
    give_label(world.dynamodb, "transactions", "t1", label)
    recover = world.interfere("PutItem", refuse)
    assert len(deliver(NOW + HOUR).failures) == 1
    recover()
    # Something later, so that the label is no longer under way.
    world.store(transaction(3 * HOUR))
    assert deliver(NOW + 3 * HOUR).failures == []
    deliver(NOW + 3 * HOUR)
    assert learnt_frauds(world) == 0
    assert unlearned(fraudstream) == ["t1"]

    ran = fraudstream("redrive", *listing)
    assert ran.out == "1 sent to the analyzer again, 0 had a decision\n"
    assert deliver(NOW + 4 * HOUR).failures == []
    deliver(NOW + 4 * HOUR)
    assert learnt_frauds(world) == 1
    assert unlearned(fraudstream) == []
    assert "lists nothing to redrive" in fraudstream("redrive", *listing).out


def test_a_transaction_never_decided_is_found_in_the_log_and_redriven(
    fraudstream: Command, world: World, deliver: Deliver
) -> None:
    def refuse(params: Mapping[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles":
            raise refusal("PutItem")

    world.store(transaction(1))
    recover = world.interfere("PutItem", refuse)
    assert len(deliver(NOW).failures) == 1
    recover()
    world.store(transaction(3 * HOUR))
    assert deliver(NOW + 3 * HOUR).failures == []
    deliver(NOW + 3 * HOUR)

    ran = fraudstream("redrive", "--log", "log")
    assert ran.out == "1 sent to the analyzer again, 0 had a decision\n"
    assert deliver(NOW + 4 * HOUR).failures == []
    deliver(NOW + 4 * HOUR)
    assert "log lists nothing to redrive" in fraudstream("redrive", "--log", "log").out

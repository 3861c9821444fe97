import json
import uuid
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from botocore.exceptions import ClientError

from fraudstream.settings import CommonSettings, Metric
from fraudstream.telemetry import Log, MetricEmitter, error_name

SETTINGS = CommonSettings(environment_suffix="dev")
SECRET = "mail to someone@example.com"


def make_log() -> Log:
    return Log(f"test-{uuid.uuid4()}", SETTINGS)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_carries_its_sentence_and_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log = make_log()
    log.invocation("11111111-aaaa")
    log.info("a transaction came in", transaction_id="order-1", status=201, milliseconds=3.5, codes=["CARD_VELOCITY"])
    (line,) = lines(capsys)
    assert line["message"] == "a transaction came in"
    assert line["level"] == "INFO"
    assert line["environment"] == "dev"
    assert line["function_request_id"] == "11111111-aaaa"
    assert (line["transaction_id"], line["status"], line["milliseconds"]) == ("order-1", 201, 3.5)
    assert line["codes"] == ["CARD_VELOCITY"]


def test_what_does_not_look_like_an_id_or_a_code_is_withheld(capsys: pytest.CaptureFixture[str]) -> None:
    sneaky: Any = {"transaction_id": SECRET, "codes": [SECRET], "status": {"a": SECRET}, "count": SECRET}
    make_log().warning("something odd", **sneaky)
    out = capsys.readouterr().out
    assert SECRET not in out
    assert out.count("(withheld)") == 4


def test_another_field_is_refused() -> None:
    other: Any = {"customer_id": "customer-81"}
    with pytest.raises(TypeError, match="customer_id"):
        make_log().error("something failed", **other)


def test_a_failure_is_logged_by_class_and_place_and_not_by_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int(SECRET)
    except ValueError as error:
        make_log().failure("something failed", error, transaction_id="order-1")
    out = capsys.readouterr().out
    line = json.loads(out)
    assert SECRET not in out
    assert line["level"] == "ERROR"
    assert line["error"] == "ValueError"
    assert line["where"].startswith("test_telemetry.py:")


def test_an_error_of_aws_is_named_with_its_code() -> None:
    error = ClientError({"Error": {"Code": "ThrottlingException", "Message": SECRET}}, "PutItem")
    assert error_name(error) == "ClientError:ThrottlingException"


def test_lines_below_the_level_of_the_settings_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(f"test-{uuid.uuid4()}", CommonSettings(environment_suffix="dev", log_level="ERROR"))
    log.info("a transaction came in")
    log.warning("something odd")
    log.error("something failed")
    assert [line["message"] for line in lines(capsys)] == ["something failed"]


@pytest.mark.parametrize(("level", "message"), [("INFO", "a transaction came in"), ("WARNING", None)])
def test_what_happened_stands_in_the_line_of_the_metrics(
    capsys: pytest.CaptureFixture[str], level: str, message: str | None
) -> None:
    meter = MetricEmitter(CommonSettings(environment_suffix="dev", log_level=level))
    meter.count(Metric.TRANSACTIONS_STORED)
    meter.explain("a transaction came in", transaction_id="order-1", codes=[SECRET])
    meter.flush()
    meter.count(Metric.TRANSACTIONS_STORED)
    meter.flush()
    first, second = lines(capsys)
    assert (first["TransactionsStored"], first.get("message")) == ([1], message)
    assert first.get("codes") == (["(withheld)"] if message else None)
    assert "message" not in second


def test_metrics_leave_as_one_line_per_flush(capsys: pytest.CaptureFixture[str]) -> None:
    meter = MetricEmitter(SETTINGS)
    meter.flush()
    for stored in (1, 4):
        meter.count(Metric.TRANSACTIONS_STORED, stored)
        meter.milliseconds(Metric.DECISION_LATENCY, 12.5)
        meter.level(Metric.SCORE_DRIFT, 0.07)
        meter.flush()
    first, second = lines(capsys)
    for line, stored in ((first, 1), (second, 4)):
        (declared,) = line["_aws"]["CloudWatchMetrics"]
        assert declared["Namespace"] == "fraudstream"
        assert declared["Dimensions"] == [["Environment"]]
        assert line["Environment"] == "dev"
        assert line["TransactionsStored"] == [stored]
        assert line["DecisionLatency"] == [12.5]
        assert line["ScoreDrift"] == [0.07]


def test_no_line_has_more_values_of_a_metric_than_cloudwatch_takes(capsys: pytest.CaptureFixture[str]) -> None:
    meter = MetricEmitter(SETTINGS)
    meter.count(Metric.DECISIONS_MADE, 250)
    for latency in range(250):
        meter.milliseconds(Metric.DECISION_LATENCY, latency)
    meter.flush()
    meter.flush()
    found = lines(capsys)
    assert [value for line in found for value in line["DecisionLatency"]] == list(range(250))
    assert [len(line["DecisionLatency"]) for line in found] == [100, 100, 50]
    assert [line.get("DecisionsMade") for line in found] == [[250], None, None]
    for line in found:
        (declared,) = line["_aws"]["CloudWatchMetrics"]
        assert {each["Name"] for each in declared["Metrics"]} == line.keys() & set(Metric)


def test_a_line_of_metrics_is_what_powertools_writes(capsys: pytest.CaptureFixture[str]) -> None:
    powertools = AmazonCloudWatchEMFProvider(namespace="fraudstream", default_dimensions={"Environment": "dev"})
    powertools.add_metric(Metric.DECISIONS_MADE, MetricUnit.Count, 2)
    for latency in (12.5, 7):
        powertools.add_metric(Metric.DECISION_LATENCY, MetricUnit.Milliseconds, latency)
    powertools.add_metric(Metric.SCORE_DRIFT, MetricUnit.NoUnit, 0.07)
    powertools.add_metadata("message", "a batch was analyzed")
    powertools.add_metadata("level", "INFO")
    powertools.flush_metrics()
    meter = MetricEmitter(SETTINGS)
    meter.count(Metric.DECISIONS_MADE, 2)
    for latency in (12.5, 7):
        meter.milliseconds(Metric.DECISION_LATENCY, latency)
    meter.level(Metric.SCORE_DRIFT, 0.07)
    meter.explain("a batch was analyzed")
    meter.flush()
    theirs, ours = lines(capsys)
    times = [line["_aws"].pop("Timestamp") for line in (theirs, ours)]
    assert ours == theirs
    assert all(isinstance(each, int) for each in times)
    assert 0 <= times[1] - times[0] < 60_000

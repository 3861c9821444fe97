"""The alarms: what each watches, when it rings, and who is told."""

import re
from pathlib import Path

import pytest

from fraudstream.contract import METRICS_DIMENSION, METRICS_NAMESPACE, SIGNIFICANT_DRIFT
from fraudstream.settings import Metric
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Graph, Resource

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alarms-test"


def alarm(graph: Graph, purpose: str) -> Resource:
    return graph.one("aws:cloudwatch/metricAlarm:MetricAlarm", f"alarm-{purpose}-test")


@pytest.mark.parametrize("purpose", FUNCTIONS)
def test_more_than_one_failure_in_a_hundred_invocations_raises_an_alarm(graph: Graph, purpose: str) -> None:
    found = alarm(graph, f"{purpose}-errors")
    result, *metrics = found["metricQueries"]
    assert result["expression"] == "IF(invocations > 0, 100 * errors / invocations, 0)"
    assert result["returnData"] is True
    assert {query["id"]: query["metric"]["metricName"] for query in metrics} == {
        "errors": "Errors",
        "invocations": "Invocations",
    }
    for query in metrics:
        assert query["returnData"] is False
        assert query["metric"]["dimensions"] == {"FunctionName": f"lambda-{purpose}-test"}
        assert query["metric"]["stat"] == "Sum"
        assert query["metric"]["namespace"] == "AWS/Lambda"
    assert (found["comparisonOperator"], found["threshold"]) == ("GreaterThanThreshold", 1)
    assert found["treatMissingData"] == "notBreaching", "no traffic is no alarm"


@pytest.mark.parametrize(
    ("purpose", "metric", "dimensions"),
    [
        *(
            (f"{each}-throttles", "AWS/Lambda Throttles Sum", {"FunctionName": f"lambda-{each}-test"})
            for each in FUNCTIONS
        ),
        ("fraud-analyzer-lag", "AWS/Lambda IteratorAge Maximum", {"FunctionName": "lambda-fraud-analyzer-test"}),
        ("report-generator-lag", "AWS/Lambda IteratorAge Maximum", {"FunctionName": "lambda-report-generator-test"}),
        (
            "dead-letters",
            "AWS/SQS ApproximateNumberOfMessagesVisible Maximum",
            {"QueueName": "queue-dead-letters-test"},
        ),
        ("api-errors", "AWS/ApiGateway 5XXError Average", {"ApiName": "api-transactions-test", "Stage": "v1"}),
        ("api-latency", "AWS/ApiGateway Latency p99", {"ApiName": "api-transactions-test", "Stage": "v1"}),
        ("profiles-damaged", "fraudstream ProfilesDamaged Sum", {"Environment": "test"}),
        ("ruleset-invalid", "fraudstream RulesetInvalid Sum", {"Environment": "test"}),
        ("undecided", "fraudstream Undecided Maximum", {"Environment": "test"}),
        ("log-missing", "fraudstream LogMissing Maximum", {"Environment": "test"}),
        ("log-damaged", "fraudstream LogDamaged Sum", {"Environment": "test"}),
        ("model-held-back", "fraudstream ModelHeldBack Sum", {"Environment": "test"}),
        ("log-changed", "fraudstream LogChanged Sum", {"Environment": "test"}),
        ("spend", "AWS/ApiGateway Count Sum", {"ApiName": "api-transactions-test", "Stage": "v1"}),
        ("report-missed", "fraudstream ReportsWritten Sum", {"Environment": "test"}),
        ("score-drift", "fraudstream ScoreDrift Maximum", {"Environment": "test"}),
        ("feature-drift", "fraudstream FeatureDrift Maximum", {"Environment": "test"}),
    ],
)
def test_what_else_goes_wrong_raises_an_alarm(
    graph: Graph, purpose: str, metric: str, dimensions: dict[str, str]
) -> None:
    found = alarm(graph, purpose)
    statistic = found.inputs.get("statistic") or found["extendedStatistic"]
    assert f"{found['namespace']} {found['metricName']} {statistic}" == metric
    assert found["dimensions"] == dimensions


@pytest.mark.parametrize(
    ("purpose", "above", "minutes"),
    [
        *((f"{each}-throttles", 0, 5) for each in FUNCTIONS),
        # Of the age in milliseconds.
        ("fraud-analyzer-lag", 60_000, 10),
        ("report-generator-lag", 900_000, 10),
        ("dead-letters", 0, 5),
        # A share: one request in a hundred.
        ("api-errors", 0.01, 5),
        ("api-latency", 1000, 15),
        ("profiles-damaged", 0, 5),
        ("ruleset-invalid", 0, 5),
        ("model-held-back", 0, 5),
        # The daily report finds them: nobody looks again before the next one.
        *((each, 0, 24 * 60) for each in ("undecided", "log-missing", "log-damaged", "log-changed")),
        ("webhook-failing", 0, 15),
        ("change-waiting", 0, 7 * 24 * 60),
        # It is measured once a day; one day alone may be a pay day.
        ("score-drift", SIGNIFICANT_DRIFT, 2 * 24 * 60),
        ("feature-drift", SIGNIFICANT_DRIFT, 2 * 24 * 60),
    ],
)
def test_an_alarm_rings_above_a_bound_that_is_passed_for_some_time(
    everything: Graph, purpose: str, above: float, minutes: int
) -> None:
    found = alarm(everything, purpose)
    assert (found["comparisonOperator"], found["threshold"]) == ("GreaterThanThreshold", above)
    assert found["period"] * found["evaluationPeriods"] == minutes * 60
    assert found["datapointsToAlarm"] == found["evaluationPeriods"]
    assert found["treatMissingData"] == "notBreaching", "nothing that happens is no alarm"


def test_a_webhook_that_takes_nothing_raises_an_alarm(everything: Graph) -> None:
    found = alarm(everything, "webhook-failing")
    metric = found["namespace"], found["metricName"], found["statistic"]
    assert metric == ("AWS/EventBridge/Pipes", "ExecutionFailed", "Sum")
    assert found["dimensions"] == {"PipeName": "pipe-webhook-test"}


def test_more_than_one_in_ten_that_wait_in_vain_raise_an_alarm(graph: Graph) -> None:
    found = alarm(graph, "inline-fallbacks")
    result, *watched = found["metricQueries"]
    # The metric is 1 for who has waited in vain, and else 0: so its average is a share.
    assert result["expression"] == "IF(asked >= 20, 100 * share, 0)"
    assert {query["id"]: (query["metric"]["metricName"], query["metric"]["stat"]) for query in watched} == {
        "share": ("InlineFallback", "Average"),
        "asked": ("InlineFallback", "SampleCount"),
    }
    assert (found["comparisonOperator"], found["threshold"], found["evaluationPeriods"]) == (
        "GreaterThanThreshold",
        10,
        3,
    )


@pytest.mark.parametrize(
    ("purpose", "expression", "threshold", "metrics"),
    [
        ("api-refusals", "IF(refused >= 500, 100 * refused / requests, 0)", 50, {"4XXError", "Count"}),
        ("alert-flood", "IF(alerts >= 100, 100 * alerts / decisions, 0)", 20, {"AlertsRaised", "DecisionsMade"}),
    ],
)
def test_abuse_that_is_no_failure_raises_an_alarm(
    graph: Graph, purpose: str, expression: str, threshold: int, metrics: set[str]
) -> None:
    found = alarm(graph, purpose)
    result, *watched = found["metricQueries"]
    assert result["expression"] == expression
    assert (found["comparisonOperator"], found["threshold"]) == ("GreaterThanThreshold", threshold)
    assert {query["metric"]["metricName"] for query in watched} == metrics
    assert found["treatMissingData"] == "notBreaching", "no traffic is no alarm"


def test_a_day_with_more_requests_than_somebody_expects_raises_an_alarm(graph: Graph) -> None:
    found = alarm(graph, "spend")
    assert (found["threshold"], found["period"], found["evaluationPeriods"]) == (1_000_000, 86_400, 1)


def test_a_missed_report_raises_an_alarm_although_it_leaves_no_trace(graph: Graph) -> None:
    found = alarm(graph, "report-missed")
    assert found["treatMissingData"] == "breaching"
    assert (found["comparisonOperator"], found["threshold"]) == ("LessThanThreshold", 1)
    assert found["period"] * found["evaluationPeriods"] == 26 * 3600


def test_alarms_watch_the_metrics_that_the_functions_write(everything: Graph) -> None:
    watched = [
        metric
        for each in everything.of("aws:cloudwatch/metricAlarm:MetricAlarm")
        for metric in (each.inputs, *(query.get("metric", {}) for query in each.inputs.get("metricQueries", [])))
        if metric.get("namespace") == METRICS_NAMESPACE
    ]
    # Those of an expression are in queries.
    assert {"RulesetInvalid", "AlertsRaised", "InlineFallback"} <= {metric["metricName"] for metric in watched}
    for metric in watched:
        assert metric["metricName"] in [*Metric]
        assert [*metric["dimensions"]] == [METRICS_DIMENSION]


def test_alarms_are_within_what_cloudwatch_can_evaluate(everything: Graph) -> None:
    for each in everything.of("aws:cloudwatch/metricAlarm:MetricAlarm"):
        period = each.inputs.get("period", 300)
        assert period % 60 == 0
        longest = 7 * 86_400 if period >= 3600 else 86_400
        assert period * each["evaluationPeriods"] <= longest


def test_every_alarm_tells_the_operators_when_it_comes_and_goes(everything: Graph) -> None:
    for each in everything.of("aws:cloudwatch/metricAlarm:MetricAlarm"):
        assert each["alarmActions"] == [TOPIC]
        assert each["okActions"] == [TOPIC]
        assert each["alarmDescription"].endswith(".")


def test_the_operators_table_has_a_line_for_each_alarm_and_no_other(everything: Graph) -> None:
    table = OPERATIONS.partition("## Alarms")[2].partition("\n## ")[0]
    described = re.findall(r"`([\w…-]+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    alarms = everything.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    purposes = sorted(each["name"].removeprefix("alarm-").removesuffix("-test") for each in alarms)
    # A row that begins with an ellipsis stands for the alarm of each function.
    named = [
        purpose
        for name in described
        for purpose in ([name.replace("…", each) for each in FUNCTIONS] if name.startswith("…") else [name])
    ]
    assert sorted(named) == purposes


def test_people_are_told_by_mail_if_they_wish(graph: Graph, everything: Graph) -> None:
    assert not graph.has("aws:sns/topicSubscription:TopicSubscription")
    mails = everything.of("aws:sns/topicSubscription:TopicSubscription")
    assert {(mail["topic"].rsplit(":")[-1], mail["protocol"], mail["endpoint"]) for mail in mails} == {
        ("topic-alarms-test", "email", "operators@example.com"),
        ("topic-alerts-test", "email", "analysts@example.com"),
    }

"""Requirements 9, 10 and 11: who is told what, what an operator is given, names, tags, and destruction."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fraudstream.contract import METRICS_DIMENSION, METRICS_NAMESPACE, SIGNIFICANT_DRIFT
from fraudstream.settings import Metric
from fraudstream_tools.operations.report_function import log_group_of
from infra.data.keys import ENCRYPTED
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare, Graph, Resource, output_names

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alarms-test"
# AWS has no tags for these.
WITHOUT_TAGS = {
    "aws:lambda/alias:Alias",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    "aws:apigateway/account:Account",
    "aws:apigateway/deployment:Deployment",
    "aws:apigateway/integration:Integration",
    "aws:apigateway/method:Method",
    "aws:apigateway/methodSettings:MethodSettings",
    "aws:apigateway/model:Model",
    "aws:apigateway/requestValidator:RequestValidator",
    "aws:apigateway/resource:Resource",
    "aws:apigateway/response:Response",
    "aws:apigateway/usagePlanKey:UsagePlanKey",
    "aws:athena/namedQuery:NamedQuery",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/eventApiDestination:EventApiDestination",
    "aws:cloudwatch/eventConnection:EventConnection",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:glue/catalogTable:CatalogTable",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:kms/alias:Alias",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:lambda/permission:Permission",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:scheduler/schedule:Schedule",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:wafv2/webAclAssociation:WebAclAssociation",
}


def alarm(graph: Graph, purpose: str) -> Resource:
    return graph.one("aws:cloudwatch/metricAlarm:MetricAlarm", f"alarm-{purpose}-test")


def test_logs_are_kept_for_seven_days(graph: Graph) -> None:
    groups = graph.of("aws:cloudwatch/logGroup:LogGroup")
    assert {group["name"] for group in groups} == {
        f"log-group-{purpose}-test" for purpose in (*FUNCTIONS, "api-access")
    }
    assert {group["retentionInDays"] for group in groups} == {7}


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
        ("undecided", 0, 5),
        ("log-missing", 0, 5),
        ("log-damaged", 0, 5),
        ("log-changed", 0, 5),
        ("model-held-back", 0, 5),
        ("webhook-failing", 0, 15),
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


def test_the_log_group_that_commands_name_is_the_functions(graph: Graph) -> None:
    for each in graph.of("aws:lambda/function:Function"):
        assert log_group_of(each["name"]) == each["loggingConfig"]["logGroup"]


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


def widgets(graph: Graph) -> list[dict[str, Any]]:
    return json.loads(graph.one("aws:cloudwatch/dashboard:Dashboard")["dashboardBody"])["widgets"]


def test_the_dashboard_is_as_cloudwatch_wants_it(graph: Graph) -> None:
    places: set[tuple[int, int]] = set()
    for widget in widgets(graph):
        assert widget["type"] == "metric"
        assert widget["x"] + widget["width"] <= 24
        places.add((widget["x"], widget["y"]))
        properties = widget["properties"]
        assert properties["region"] == REGION
        assert properties["view"] == "timeSeries"
        for namespace, name, *dimensions, options in properties["metrics"]:
            assert re.fullmatch(r"AWS/\w+|fraudstream", namespace)
            assert name
            assert len(dimensions) % 2 == 0
            assert re.fullmatch(r"Sum|Maximum|Average|p\d\d", options["stat"])
    assert len(places) == len(widgets(graph)), "no widget lies on another"


def test_the_dashboard_shows_every_function_and_every_metric_of_theirs(graph: Graph) -> None:
    shown = json.dumps(widgets(graph))
    for purpose in FUNCTIONS:
        assert f"lambda-{purpose}-test" in shown
    # An invalid ruleset is an alarm, not a curve.
    for metric in set(Metric) - {Metric.RULESET_INVALID}:
        assert f'"{metric.value}"' in shown


def test_the_operator_is_given_what_comes_next(graph: Graph) -> None:
    assert graph.outputs == {
        "apiUrl": f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/v1",
        "bucketName": f"bucket-reports-{ACCOUNT}-test",
        "transactionsTable": "table-transactions-test",
        "profilesTable": "table-profiles-test",
        "alertsTable": "table-alerts-test",
        "outboxTable": "table-outbox-test",
        "deadLetterQueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/queue-dead-letters-test",
        "alarmTopicArn": TOPIC,
        "alertTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alerts-test",
        "processorFunction": "lambda-transaction-processor-test",
        "analyzerFunction": "lambda-fraud-analyzer-test",
        "reportFunction": "lambda-report-generator-test",
        "analystPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/policy-analyst-test",
        "ruleAuthorPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/policy-rule-author-test",
        "auditorPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/policy-auditor-test",
        "dailySchedule": "schedule-daily-report-test",
        "hourlySchedule": "schedule-hourly-roll-up-test",
        "region": REGION,
        "apiGatewayAccountRole": "manage",
        "tokenKeys": "1",
        "tokenNumber": "1",
        "retentionDays": "180",
        "reviewHours": "24",
        "reviewExpiryDays": "30",
        "encryptionKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
    }


def test_an_api_key_is_given_as_a_secret(everything: Graph) -> None:
    assert everything.outputs["apiKey"] == "key-client-test-value"
    assert everything.secret_outputs == {"apiKey"}


def test_a_preview_gives_the_same_outputs(graph: Graph, preview: Graph) -> None:
    assert preview.outputs.keys() == graph.outputs.keys()


def test_a_preview_declares_the_same_resources(graph: Graph, preview: Graph) -> None:
    assert {each.urn for each in preview.resources} == {each.urn for each in graph.resources}


def test_names_are_type_purpose_and_environment(any_graph: Graph) -> None:
    for each in any_graph.resources:
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+-test", each.name), each.name


def test_names_for_aws_are_those_for_pulumi(any_graph: Graph) -> None:
    exceptions = {
        # A model's name holds letters and digits only.
        "aws:apigateway/model:Model": "TransactionRequest",
        # KMS wants the prefix.
        "aws:kms/alias:Alias": "alias/key-data-test",
        # A name within its function, which has the environment in its own.
        "alias-transaction-processor-tokens-test": "tokens",
        # Athena knows no dash in names.
        "aws:glue/catalogDatabase:CatalogDatabase": "database_decision_log_test",
    }
    for each in any_graph.aws():
        tags = each.inputs.get("tags", {})
        physical = [each.inputs.get(key) for key in ("name", "dashboardName", "statementId")]
        physical += [each["bucket"]] if each.type == "aws:s3/bucket:Bucket" else []
        for name in (*filter(None, physical), *filter(None, [tags.get("Name")])):
            if each.type == "aws:glue/catalogTable:CatalogTable":
                # Its database has the environment in its name.
                assert each.name == f"catalog-table-{name}-test"
                continue
            if each.type == "aws:s3/bucket:Bucket":
                # The account is part of it, since names of buckets are global.
                assert name == each.name.replace("-test", f"-{ACCOUNT}-test")
                continue
            assert name == exceptions.get(each.type, exceptions.get(each.name, each.name))


def test_the_environment_is_the_stacks_name_or_a_setting(declare: Declare) -> None:
    assert declare(stack="blue").outputs["alertsTable"] == "table-alerts-blue"
    renamed = declare({"fraudstream:environmentSuffix": "green-2"}, stack="blue")
    assert renamed.outputs["alertsTable"] == "table-alerts-green-2"
    assert alarm_names(renamed)
    assert all(name.endswith("-green-2") for name in alarm_names(renamed))


def alarm_names(graph: Graph) -> list[str]:
    return [each["name"] for each in graph.of("aws:cloudwatch/metricAlarm:MetricAlarm")]


def test_everything_is_tagged_and_stands_in_ohio_by_one_provider(any_graph: Graph) -> None:
    provider = any_graph.one("pulumi:providers:aws")
    assert provider["region"] == "us-east-2"
    assert json.loads(provider["defaultTags"]) == {"tags": {"Environment": "test", "CostCenter": "fraud-detection"}}
    for each in any_graph.aws():
        assert each.provider.startswith(f"{provider.urn}::"), each.name


def test_what_cannot_be_tagged_is_known(everything: Graph, graph: Graph) -> None:
    kinds = {each.type for stack in (everything, graph) for each in stack.aws()}
    assert {kind for kind in kinds if "tags" not in output_names(kind)} == WITHOUT_TAGS


def test_the_cost_centre_is_a_setting(declare: Declare) -> None:
    provider = declare({"fraudstream:costCenter": "payments"}).one("pulumi:providers:aws")
    assert json.loads(provider["defaultTags"])["tags"]["CostCenter"] == "payments"


IGNORED = {
    # The commands write these objects too.
    "aws:s3/bucketObjectv2:BucketObjectv2": {"metadata", "contentType"},
    # A key is never replaced, whatever it was imported as.
    ENCRYPTED: {"length", "lower", "number", "numeric", "overrideSpecial", "special", "upper"},
}


def is_model(resource: Resource) -> bool:
    """Models go with their bucket alone, which is emptied before it is deleted."""
    return resource.type == "aws:s3/bucketObjectv2:BucketObjectv2" and resource["key"].endswith(".json")


def test_everything_can_be_destroyed(any_graph: Graph) -> None:
    for each in any_graph.resources:
        assert not each.protect
        assert each.retain_on_delete == is_model(each)
        assert set(each.ignore_changes) == IGNORED.get(each.type, set())
        for flag in ("deletionProtection", "deletionProtectionEnabled", "skipDestroy"):
            assert not each.inputs.get(flag)
    assert all(each["forceDestroy"] for each in any_graph.of("aws:s3/bucket:Bucket"))


def test_every_resource_belongs_to_a_component(any_graph: Graph) -> None:
    for each in any_graph.aws():
        assert "fraudstream:infra:" in each.parent, each.name


@pytest.mark.parametrize("section", ["## Changing rules", "## Lists"])
def test_what_commands_need_to_leave_a_record_is_among_their_rights(graph: Graph, section: str) -> None:
    policy = json.loads(graph.one("aws:iam/policy:Policy", "policy-rule-author-test")["policy"])
    written = {
        resource.partition("/")[2]
        for statement in policy["Statement"]
        if statement["Action"] == ["s3:PutObject"]
        for resource in statement["Resource"]
    }
    (records,) = [each for each in written if each.startswith("audit/")]
    text = OPERATIONS.partition(f"{section}\n")[2].partition("\n## ")[0]
    assert f"`s3:PutObject` on `{records}`" in text

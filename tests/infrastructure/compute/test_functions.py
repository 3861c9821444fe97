"""The functions, and what feeds them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from embedded_aws.streams.filters import compile_filters
from fraudstream.settings import AnalyzerSettings, CommonSettings, ProcessorSettings, ReporterSettings, read_settings
from infra.data.keys import ENCRYPTED
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, UNKNOWN, Declare, Graph, Resource

FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table-"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue-dead-letters-test"


def function(graph: Graph, purpose: str) -> Resource:
    return graph.one("aws:lambda/function:Function", f"lambda-{purpose}-test")


def test_there_are_three_functions(graph: Graph) -> None:
    assert {each.name for each in graph.of("aws:lambda/function:Function")} == {
        f"lambda-{purpose}-test" for purpose in FUNCTIONS
    }


@pytest.mark.parametrize("purpose", FUNCTIONS)
def test_a_function_is_python_on_arm_with_time_traces_and_a_handler_that_exists(graph: Graph, purpose: str) -> None:
    found = function(graph, purpose)
    assert found["runtime"] == "python3.11"
    assert found["architectures"] == ["arm64"]
    assert found["timeout"] == 300
    assert found["tracingConfig"] == {"mode": "Active"}
    assert found["handler"] == f"fraudstream.functions.{purpose.replace('-', '_')}.handler"
    assert found["sourceCodeHash"]


@pytest.mark.parametrize(
    ("purpose", "concurrency"), [("transaction-processor", 200), ("fraud-analyzer", 100), ("report-generator", 100)]
)
def test_a_function_has_at_least_a_hundred_executions_for_itself(graph: Graph, purpose: str, concurrency: int) -> None:
    assert function(graph, purpose)["reservedConcurrentExecutions"] == concurrency


def test_only_the_report_generator_has_more_storage_than_the_default(graph: Graph) -> None:
    sizes = {purpose: function(graph, purpose)["ephemeralStorage"]["size"] for purpose in FUNCTIONS}
    assert sizes == {"transaction-processor": 512, "fraud-analyzer": 512, "report-generator": 10_240}


@pytest.mark.parametrize("purpose", FUNCTIONS)
def test_a_function_stands_in_both_subnets_behind_the_one_security_group(graph: Graph, purpose: str) -> None:
    assert function(graph, purpose)["vpcConfig"] == {
        "subnetIds": ["subnet-private-a-test-id", "subnet-private-b-test-id"],
        "securityGroupIds": ["security-group-functions-test-id"],
    }


@pytest.mark.parametrize("purpose", FUNCTIONS)
def test_a_function_writes_to_its_own_log_group_which_is_there_before_it(graph: Graph, purpose: str) -> None:
    found = function(graph, purpose)
    assert found["loggingConfig"]["logGroup"] == f"log-group-{purpose}-test"
    group = graph.one("aws:cloudwatch/logGroup:LogGroup", f"log-group-{purpose}-test")
    assert group.urn in graph.ancestors(found)


def test_lines_of_lambda_itself_are_logged_where_everything_is(declare: Declare) -> None:
    for level, of_lambda in (("INFO", "WARN"), ("ERROR", "WARN"), ("DEBUG", "DEBUG")):
        logging = function(declare({"fraudstream:logLevel": level}), FUNCTIONS[0])["loggingConfig"]
        # Lines of metrics have no level, and count as INFO: they must pass at any level of the functions' own.
        assert (logging["logFormat"], logging["applicationLogLevel"]) == ("JSON", "INFO")
        assert logging["systemLogLevel"] == of_lambda


@pytest.mark.parametrize("purpose", FUNCTIONS)
def test_a_function_has_its_rights_and_its_network_before_it_starts(graph: Graph, purpose: str) -> None:
    before = graph.ancestors(function(graph, purpose))
    rights = [each for each in graph.of("aws:iam/rolePolicy:RolePolicy") if each["role"] == f"role-{purpose}-test"]
    network = [
        *graph.of("aws:ec2/vpcEndpoint:VpcEndpoint"),
        # Without its route table a subnet knows no way to the endpoints.
        *graph.of("aws:ec2/routeTableAssociation:RouteTableAssociation"),
        *graph.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"),
    ]
    for needed in (*rights, *network):
        assert needed.urn in before, needed.name


def environment(graph: Graph, purpose: str) -> Mapping[str, str]:
    return function(graph, purpose)["environment"]["variables"]


@pytest.mark.parametrize(
    ("purpose", "settings"),
    [
        ("transaction-processor", ProcessorSettings),
        ("fraud-analyzer", AnalyzerSettings),
        ("report-generator", ReporterSettings),
    ],
)
def test_a_function_can_read_its_settings_from_what_the_program_gives_it(
    graph: Graph, purpose: str, settings: type[CommonSettings]
) -> None:
    assert read_settings(settings, environment(graph, purpose)).environment_suffix == "test"


def test_settings_reach_the_functions(declare: Declare) -> None:
    graph = declare(
        {
            "fraudstream:retentionDays": "90",
            "fraudstream:maxPastDays": "7",
            "fraudstream:maxFutureSeconds": "60",
            "fraudstream:timeZone": "Europe/Berlin",
            "fraudstream:labelDelayDays": "3",
            "fraudstream:decisionLogDays": "50",
            "fraudstream:explorationPercent": "0.5",
            "fraudstream:logLevel": "DEBUG",
            "fraudstream:architecture": "x86_64",
            "fraudstream:processorMemory": "512",
        }
    )
    processor = read_settings(ProcessorSettings, environment(graph, "transaction-processor"))
    assert (processor.retention_days, processor.max_past_days, processor.max_future_seconds) == (90, 7, 60)
    assert (processor.time_zone, processor.label_delay_days) == ("Europe/Berlin", 3)
    assert processor.log_level == "DEBUG"
    analyzer = read_settings(AnalyzerSettings, environment(graph, "fraud-analyzer"))
    assert (analyzer.time_zone, analyzer.label_delay_days) == ("Europe/Berlin", 3)
    assert analyzer.profile_retention_days == 90
    assert analyzer.exploration_per_cent == 0.5
    reporter = read_settings(ReporterSettings, environment(graph, "report-generator"))
    assert reporter.decision_log_days == 50
    assert function(graph, "fraud-analyzer")["architectures"] == ["x86_64"]
    assert function(graph, "transaction-processor")["memorySize"] == 512


def test_a_transaction_shows_as_failed_when_its_stream_record_is_given_up(graph: Graph) -> None:
    processor = read_settings(ProcessorSettings, environment(graph, "transaction-processor"))
    assert processor.decision_deadline_seconds == consumer(graph, "fraud-analyzer")["maximumRecordAgeInSeconds"]


@pytest.mark.parametrize(
    ("purpose", "variable", "name"),
    [("transaction-processor", "TOKEN_KEY", "token-key"), ("report-generator", "LOG_KEY", "log-key")],
)
def test_a_functions_key_is_a_secret_of_256_bits_and_encrypted_where_it_is_used(
    graph: Graph, purpose: str, variable: str, name: str
) -> None:
    holder = function(graph, purpose)
    assert "environment" in holder.secrets
    assert variable in environment(graph, purpose)
    assert holder["kmsKeyArn"] == KEY
    # 43 characters of base64 are 32 bytes; a password is what Pulumi's state holds encrypted.
    key = graph.one(ENCRYPTED, f"secret-{name}-test")
    assert (key["length"], key["special"], key["overrideSpecial"]) == (43, True, "+/")
    assert "result" in key.additional_secret_outputs
    for other in {"transaction-processor", "fraud-analyzer", "report-generator"} - {purpose}:
        assert variable not in environment(graph, other)


def consumer(graph: Graph, purpose: str) -> Resource:
    return graph.one("aws:lambda/eventSourceMapping:EventSourceMapping", f"event-source-{purpose}-test")


def filters(resource: Resource) -> list[Any]:
    return [json.loads(each["pattern"]) for each in resource["filterCriteria"]["filters"]]


def test_the_analyzer_gets_a_hundred_records_at_once_ten_batches_for_each_shard(graph: Graph) -> None:
    found = consumer(graph, "fraud-analyzer")
    assert found["batchSize"] == 100
    assert found["maximumBatchingWindowInSeconds"] == 0
    assert found["parallelizationFactor"] == 10
    assert found["maximumRetryAttempts"] == 10
    assert found["maximumRecordAgeInSeconds"] == 3600


def test_the_reporter_gets_large_batches_one_after_the_other(graph: Graph, declare: Declare) -> None:
    found = consumer(graph, "report-generator")
    assert found["batchSize"] == 10_000
    assert found["maximumBatchingWindowInSeconds"] == 60
    assert found["parallelizationFactor"] == 1
    # For as long as the stream remembers.
    assert (found["maximumRecordAgeInSeconds"], found["maximumRetryAttempts"]) == (86_400, 10_000)
    quick = consumer(declare({"fraudstream:segmentWindowSeconds": "1"}), "report-generator")
    assert quick["maximumBatchingWindowInSeconds"] == 1


@pytest.mark.parametrize("purpose", ["fraud-analyzer", "report-generator"])
def test_a_consumer_isolates_what_fails_and_keeps_what_it_gives_up(graph: Graph, purpose: str) -> None:
    found = consumer(graph, purpose)
    assert found["eventSourceArn"].startswith(f"{TABLE}transactions-test/stream/")
    assert found["bisectBatchOnFunctionError"] is True
    assert found["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["destinationConfig"] == {"onFailure": {"destinationArn": QUEUE}}
    assert found["startingPosition"] == "TRIM_HORIZON"


def test_the_analyzer_sees_new_transactions_labels_and_redrives(graph: Graph) -> None:
    transaction = {"S": ["TXN"]}
    assert filters(consumer(graph, "fraud-analyzer")) == [
        {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": transaction}}},
        {
            "eventName": ["MODIFY"],
            "dynamodb": {"NewImage": {"kind": transaction}, "OldImage": {"kind": {"S": [{"exists": False}]}}},
        },
        {
            "eventName": ["MODIFY"],
            "dynamodb": {"NewImage": {"kind": transaction, "label": {"S": [{"exists": True}]}}},
        },
        {
            "eventName": ["MODIFY"],
            "dynamodb": {"NewImage": {"kind": transaction, "redrivenAt": {"N": [{"exists": True}]}}},
        },
    ]


def test_the_reporter_sees_transactions_come_and_change_and_no_claims(graph: Graph) -> None:
    assert filters(consumer(graph, "report-generator")) == [
        {"eventName": [event], "dynamodb": {"NewImage": {"kind": {"S": ["TXN"]}}}} for event in ("INSERT", "MODIFY")
    ]


def test_the_analyzer_starts_when_its_ruleset_is_there(graph: Graph) -> None:
    before = graph.ancestors(consumer(graph, "fraud-analyzer"))
    objects = graph.of("aws:s3/bucketObjectv2:BucketObjectv2")
    assert len(objects) >= 4
    assert all(each.urn in before for each in objects)


def test_the_report_is_asked_for_every_day_at_an_hour_that_is_a_setting(graph: Graph, declare: Declare) -> None:
    schedule = graph.one("aws:scheduler/schedule:Schedule", "schedule-daily-report-test")
    assert schedule["scheduleExpression"] == "cron(0 1 * * ? *)"
    assert schedule["scheduleExpressionTimezone"] == "UTC"
    assert schedule["flexibleTimeWindow"] == {"mode": "OFF"}
    assert schedule["groupName"] == "schedule-group-reports-test"
    target = schedule["target"]
    assert target["arn"].endswith("function:lambda-report-generator-test")
    assert json.loads(target["input"]) == {"task": "daily-report"}
    assert target["deadLetterConfig"] == {"arn": QUEUE}
    late = declare({"fraudstream:reportHour": "23"}).one(
        "aws:scheduler/schedule:Schedule", "schedule-daily-report-test"
    )
    assert late["scheduleExpression"] == "cron(0 23 * * ? *)"


def test_the_log_is_merged_a_few_minutes_after_every_hour(graph: Graph) -> None:
    schedule = graph.one("aws:scheduler/schedule:Schedule", "schedule-hourly-roll-up-test")
    assert schedule["scheduleExpression"] == "cron(5 * * * ? *)"
    assert json.loads(schedule["target"]["input"]) == {"task": "hourly-roll-up"}
    assert schedule["target"]["arn"].endswith("function:lambda-report-generator-test")


def test_a_report_that_fails_is_tried_again_and_then_kept(graph: Graph) -> None:
    config = graph.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert config["functionName"] == "lambda-report-generator-test"
    assert "qualifier" not in config.inputs
    assert (config["maximumRetryAttempts"], config["maximumEventAgeInSeconds"]) == (2, 3600)
    assert config["destinationConfig"] == {"onFailure": {"destination": QUEUE}}
    for schedule in graph.of("aws:scheduler/schedule:Schedule"):
        assert config.urn in graph.ancestors(schedule)
    allowed = graph.one("aws:iam/rolePolicy:RolePolicy", "policy-report-generator-dead-letters-test")
    assert allowed.urn in graph.ancestors(config), "Lambda asks whether the role may send there"


def test_each_new_alert_is_told_by_the_pipe(graph: Graph) -> None:
    pipe = graph.one("aws:pipes/pipe:Pipe")
    assert pipe["source"].startswith(f"{TABLE}alerts-test/stream/")
    assert pipe["target"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alerts-test"
    stream = pipe["sourceParameters"]["dynamodbStreamParameters"]
    assert stream["batchSize"] <= 10, "SNS takes ten messages at most in a call"
    assert stream["deadLetterConfig"] == {"arn": QUEUE}
    assert stream["onPartialBatchItemFailure"] == "AUTOMATIC_BISECT", "one that fails must not take nine others along"
    (pattern,) = pipe["sourceParameters"]["filterCriteria"]["filters"]
    new_alert = {
        "restoredAt": {"N": [{"exists": False}]},
        "kind": {"S": [{"exists": False}]},
        "explorationPropensity": {"N": [{"exists": False}]},
    }
    assert json.loads(pattern["pattern"]) == {"eventName": ["INSERT"], "dynamodb": {"NewImage": new_alert}}


def test_what_was_drawn_by_chance_is_told_to_nobody(graph: Graph) -> None:
    (pattern,) = graph.one("aws:pipes/pipe:Pipe")["sourceParameters"]["filterCriteria"]["filters"]
    is_told = compile_filters([json.loads(pattern["pattern"])])
    alert = {"transactionId": {"S": "t-1"}, "decision": {"S": "REVIEW"}}
    assert is_told({"eventName": "INSERT", "dynamodb": {"NewImage": alert}})
    drawn = alert | {"decision": {"S": "APPROVE"}, "explorationPropensity": {"N": "0.01"}}
    assert not is_told({"eventName": "INSERT", "dynamodb": {"NewImage": drawn}})


def test_an_alerts_message_holds_its_id_decision_score_and_reasons(graph: Graph) -> None:
    template = graph.one("aws:pipes/pipe:Pipe")["targetParameters"]["inputTemplate"]
    image = "$.dynamodb.NewImage"
    # Each path leads to one text and is in quotes: so the message is JSON, however many reasons there are.
    assert json.loads(template) == {
        "transactionId": f"<{image}.transactionId.S>",
        "decision": f"<{image}.decision.S>",
        "score": f"<{image}.score.N>",
        "reasonCodes": f"<{image}.reasonCodes.S>",
    }


def test_a_preview_knows_all_that_does_not_come_from_aws(preview: Graph) -> None:
    for each in preview.of("aws:lambda/function:Function"):
        assert each["runtime"] == "python3.11"
        assert each["role"] == UNKNOWN


def test_provisioned_concurrency_keeps_the_processors_called_version_ready(declare: Declare) -> None:
    graph = declare({"fraudstream:processorProvisionedConcurrency": "20"})
    function = graph.one("aws:lambda/function:Function", "lambda-transaction-processor-test")
    assert function["publish"] is True
    alias = graph.one("aws:lambda/alias:Alias", "alias-transaction-processor-test")
    assert (alias["functionName"], alias["name"]) == ("lambda-transaction-processor-test", alias.name)
    assert alias["functionVersion"].startswith("lambda-transaction-processor-test"), "the newest"
    ready = graph.one("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    assert (ready["qualifier"], ready["provisionedConcurrentExecutions"]) == (alias.name, 20)
    assert {each["uri"] for each in graph.of("aws:apigateway/integration:Integration")} == {
        "alias-transaction-processor-test-invokeArn"
    }
    assert {each["qualifier"] for each in graph.of("aws:lambda/permission:Permission")} == {alias.name}


def test_functions_of_which_none_is_kept_ready_have_no_versions(graph: Graph) -> None:
    assert not any("publish" in each.inputs for each in graph.of("aws:lambda/function:Function"))
    assert {each["functionVersion"] for each in graph.of("aws:lambda/alias:Alias")} == {"$LATEST"}
    assert not any("qualifier" in each.inputs for each in graph.of("aws:lambda/permission:Permission"))


def test_a_called_version_may_read_its_variables_and_its_code_no_network_rights(declare: Declare) -> None:
    graph = declare({"fraudstream:processorProvisionedConcurrency": "20"})
    for what in ("environment", "network"):
        policy = graph.one("aws:iam/rolePolicy:RolePolicy", f"policy-transaction-processor-{what}-test")
        assert "function:lambda-transaction-processor-test:*" in policy["policy"]

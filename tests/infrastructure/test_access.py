"""Every role may do exact things on exact resources; every policy passes the linter."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.infrastructure import iam_lint_harness
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare, Graph, Resource

PARLIAMENT = iam_lint_harness.load()
PERMISSIONS = (
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/policy:Policy",
    "aws:kms/key:Key",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
)
# What the linter says without cause, and why.
EXCUSED = {
    ("aws:kms/key:Key", "RESOURCE_STAR", ""): "in a key's policy * is the key itself",
    (
        "aws:iam/rolePolicy:RolePolicy",
        "UNKNOWN_CONDITION_FOR_ACTION",
        "lambda:SourceFunctionArn",
    ): "Lambda sets it on every request of a function's code, for all services; AWS's list has it under Lambda only",
    (
        "aws:iam/rolePolicy:RolePolicy",
        "RESOURCE_MISMATCH",
        "ec2:DeleteNetworkInterface",
    ): "Lambda asks for it on */*: the ids of all resources of the account",
}


def findings(resource: Resource) -> Iterator[str]:
    # The label of a stream is a time; the linter takes an ARN apart at every colon.
    text = re.sub(r"T00:00:00\.000", "", resource["policy"])
    for finding in PARLIAMENT.analyze_policy_string(text).findings:
        excused = any(
            (resource.type, finding.issue) == (kind, issue) and word in str(finding.detail)
            for kind, issue, word in EXCUSED
        )
        if not excused:
            yield f"{resource.name}: {finding.issue} {finding.detail}"


@pytest.mark.parametrize("settings", ["graph", "everything", "plain"])
def test_every_policy_passes_the_linter(settings: str, request: pytest.FixtureRequest) -> None:
    stack: Graph = request.getfixturevalue(settings)
    checked = [resource for resource in stack.resources if resource.type in PERMISSIONS]
    assert len(checked) > len(PERMISSIONS)
    assert [finding for resource in checked for finding in findings(resource)] == []


def test_the_linter_would_find_a_wrong_action(graph: Graph) -> None:
    policy = graph.of("aws:iam/rolePolicy:RolePolicy")[0]
    statement = {"Effect": "Allow", "Action": "dynamodb:PutItems", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    wrong = Resource(**{**policy.__dict__, "inputs": {"policy": text}})
    assert any("UNKNOWN_ACTION" in finding for finding in findings(wrong))


def allowed(graph: Graph, role: str) -> Mapping[str, frozenset[str]]:
    """What a role may do: for each action the resources."""
    arn = f"role-{role}-test"
    granted: dict[str, set[str]] = {}
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        if policy["role"] != arn:
            continue
        for statement in json.loads(policy["policy"])["Statement"]:
            if statement["Effect"] == "Allow" and not statement["Action"][0].startswith("kms:"):
                for action in statement["Action"]:
                    granted.setdefault(action, set()).update(statement["Resource"])
    return {action: frozenset(resources) for action, resources in granted.items()}


DYNAMODB = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table-"
STREAM = "/stream/2026-01-01T00:00:00.000"
BUCKET = f"arn:aws:s3:::bucket-reports-{ACCOUNT}-test"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue-dead-letters-test"
INTERFACES = frozenset(
    f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/*" for kind in ("network-interface", "security-group", "subnet")
)
EVERYTHING = frozenset({"*"})


def common(function: str) -> dict[str, frozenset[str]]:
    logs = frozenset({f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:log-group-{function}-test:*"})
    return {
        "logs:CreateLogStream": logs,
        "logs:PutLogEvents": logs,
        "xray:PutTelemetryRecords": EVERYTHING,
        "xray:PutTraceSegments": EVERYTHING,
        "ec2:AssignPrivateIpAddresses": INTERFACES,
        "ec2:CreateNetworkInterface": INTERFACES,
        "ec2:DeleteNetworkInterface": frozenset({f"arn:aws:ec2:{REGION}:{ACCOUNT}:*/*"}),
        "ec2:UnassignPrivateIpAddresses": INTERFACES,
        "ec2:DescribeNetworkInterfaces": EVERYTHING,
        "ec2:DescribeSubnets": EVERYTHING,
    }


def stream(table: str) -> dict[str, frozenset[str]]:
    arn = frozenset({f"{DYNAMODB}{table}-test{STREAM}"})
    return {
        "dynamodb:DescribeStream": arn,
        "dynamodb:GetRecords": arn,
        "dynamodb:GetShardIterator": arn,
        "dynamodb:ListStreams": EVERYTHING,
    }


def test_the_processor_may_add_and_find_transactions_and_read_what_it_judges_by(graph: Graph) -> None:
    transactions = frozenset({f"{DYNAMODB}transactions-test"})
    assert allowed(graph, "transaction-processor") == common("transaction-processor") | {
        "dynamodb:BatchGetItem": frozenset({f"{DYNAMODB}profiles-test"}),
        "dynamodb:PutItem": transactions,
        "dynamodb:Query": transactions,
        "s3:GetObject": frozenset({f"{BUCKET}/rulesets/live/*"}),
    }


def test_without_inline_decisions_the_processor_may_read_nothing_to_judge_by(declare: Declare) -> None:
    graph = declare({"fraudstream:inlineDecisions": "false"})
    transactions = frozenset({f"{DYNAMODB}transactions-test"})
    assert allowed(graph, "transaction-processor") == common("transaction-processor") | {
        "dynamodb:PutItem": transactions,
        "dynamodb:Query": transactions,
    }
    function = graph.one("aws:lambda/function:Function", "lambda-transaction-processor-test")
    variables = function["environment"]["variables"]
    assert not variables.keys() & {"INLINE_BUDGET_MILLISECONDS", "PROFILES_TABLE", "BUCKET"}


def test_the_analyzer_may_read_the_stream_decide_and_write_profiles(graph: Graph) -> None:
    transactions, profiles, alerts = (f"{DYNAMODB}{table}-test" for table in ("transactions", "profiles", "alerts"))
    assert allowed(graph, "fraud-analyzer") == common("fraud-analyzer") | stream("transactions") | {
        "dynamodb:BatchGetItem": frozenset({profiles}),
        "dynamodb:GetItem": frozenset({transactions}),
        "dynamodb:PutItem": frozenset({profiles, alerts}),
        "dynamodb:UpdateItem": frozenset({transactions, profiles, alerts}),
        "s3:GetObject": frozenset({f"{BUCKET}/rulesets/live/*"}),
        "s3:GetObjectVersion": frozenset({f"{BUCKET}/rulesets/live/*"}),
        "s3:ListBucket": frozenset({BUCKET}),
        "s3:ListBucketVersions": frozenset({BUCKET}),
        "sqs:SendMessage": frozenset({QUEUE}),
    }


def test_the_reporter_may_read_the_stream_and_write_log_and_reports(graph: Graph) -> None:
    transactions = frozenset({f"{DYNAMODB}transactions-test"})
    objects = frozenset({f"{BUCKET}/decision-log/*", f"{BUCKET}/reports/*"})
    assert allowed(graph, "report-generator") == common("report-generator") | stream("transactions") | {
        "dynamodb:DescribeTable": transactions,
        "dynamodb:GetItem": frozenset({f"{DYNAMODB}profiles-test"}),
        "dynamodb:Query": frozenset(
            {f"{DYNAMODB}transactions-test/index/by-sample-day", f"{DYNAMODB}profiles-test/index/by-list"}
        ),
        "dynamodb:Scan": transactions,
        "dynamodb:UpdateItem": frozenset({f"{DYNAMODB}profiles-test"}),
        "s3:GetObject": objects | {f"{BUCKET}/rulesets/live/*", f"{BUCKET}/audit/*"},
        "s3:GetObjectVersion": frozenset({f"{BUCKET}/rulesets/live/*"}),
        "s3:ListBucket": frozenset({BUCKET}),
        "s3:ListBucketVersions": frozenset({BUCKET}),
        "s3:PutObject": objects,
        "sqs:SendMessage": frozenset({QUEUE}),
    }


def test_the_pipe_may_follow_alerts_and_publish_them(graph: Graph) -> None:
    assert allowed(graph, "alert-pipe") == stream("alerts") | {
        "sns:Publish": frozenset({f"arn:aws:sns:{REGION}:{ACCOUNT}:topic-alerts-test"}),
        "sqs:SendMessage": frozenset({QUEUE}),
    }


def test_the_schedules_may_invoke_the_reporter(graph: Graph) -> None:
    assert allowed(graph, "report-schedules") == {
        "lambda:InvokeFunction": frozenset(
            {f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:lambda-report-generator-test"}
        ),
        "sqs:SendMessage": frozenset({QUEUE}),
    }


def test_each_function_pipe_schedule_and_the_api_logs_have_a_role(graph: Graph) -> None:
    assert {role.name for role in graph.of("aws:iam/role:Role")} == {
        f"role-{purpose}-test"
        for purpose in (
            "transaction-processor", "fraud-analyzer", "report-generator", "alert-pipe", "report-schedules", "api-logs",
        )
    }  # fmt: skip


def test_function_code_cannot_use_lambdas_network_rights(graph: Graph) -> None:
    for function in ("transaction-processor", "fraud-analyzer", "report-generator"):
        policy = graph.one("aws:iam/rolePolicy:RolePolicy", f"policy-{function}-network-test")
        *allow, deny = json.loads(policy["policy"])["Statement"]
        assert deny["Effect"] == "Deny"
        assert set(deny["Action"]) == {action for statement in allow for action in statement["Action"]}
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:lambda-{function}-test"
        assert deny["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": arn}}


@pytest.mark.parametrize(
    ("role", "service", "source"),
    [
        ("transaction-processor", "lambda", None),
        ("alert-pipe", "pipes", f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/pipe-alerts-test"),
        (
            "report-schedules",
            "scheduler",
            f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/schedule-group-reports-test",
        ),
        ("api-logs", "apigateway", None),
    ],
)
def test_only_the_service_itself_may_take_a_role_and_only_for_this_stack(
    graph: Graph, role: str, service: str, source: str | None
) -> None:
    (statement,) = json.loads(graph.one("aws:iam/role:Role", f"role-{role}-test")["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    if source is not None:
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": source},
        }


def key_uses(graph: Graph, role: str) -> set[tuple[str, str]]:
    """By which services a role may use the key, and how."""
    found: set[tuple[str, str]] = set()
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        for statement in json.loads(policy["policy"])["Statement"] if policy["role"] == f"role-{role}-test" else []:
            if statement["Action"][0].startswith("kms:"):
                ((_, condition),) = statement["Condition"].items()
                ((key, value),) = condition.items()
                found |= {(action, value if key == "kms:ViaService" else key) for action in statement["Action"]}
    return found


@pytest.mark.parametrize("role", ["transaction-processor", "fraud-analyzer", "report-generator", "alert-pipe"])
def test_roles_use_the_key_through_services_only(graph: Graph, role: str) -> None:
    uses = key_uses(graph, role)
    assert uses
    services = {f"{service}.{REGION}.amazonaws.com" for service in ("dynamodb", "s3", "sqs", "sns")}
    assert {by for _, by in uses} <= services | {"kms:EncryptionContext:aws:lambda:FunctionArn"}


def test_a_function_may_decrypt_its_own_environment_only(graph: Graph) -> None:
    policy = graph.one("aws:iam/rolePolicy:RolePolicy", "policy-transaction-processor-environment-test")
    (statement,) = json.loads(policy["policy"])["Statement"]
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:lambda-transaction-processor-test"
    assert statement["Action"] == ["kms:Decrypt"]
    assert statement["Condition"] == {"StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": arn}}


def test_without_a_key_no_role_speaks_of_one(plain: Graph) -> None:
    assert not any("kms:" in policy["policy"] for policy in plain.of("aws:iam/rolePolicy:RolePolicy"))


def policy_of(resource: Resource) -> list[dict[str, Any]]:
    return json.loads(resource["policy"])["Statement"]


def test_the_key_serves_logs_of_this_stack_and_its_owner(graph: Graph) -> None:
    owner, logs = policy_of(graph.one("aws:kms/key:Key"))
    assert owner["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    assert logs["Action"] == ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]
    pattern = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:log-group-*-test"
    assert logs["Condition"] == {"StringLike": {"kms:EncryptionContext:aws:logs:arn": pattern}}


def test_only_alarms_of_this_stack_may_publish_to_their_topic(graph: Graph) -> None:
    deny, allow = policy_of(graph.one("aws:sns/topicPolicy:TopicPolicy", "policy-topic-alarms-test"))
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"]["ArnLike"] == {
        "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:alarm-*-test"
    }


@pytest.mark.parametrize("kind", ["aws:sqs/queuePolicy:QueuePolicy", "aws:s3/bucketPolicy:BucketPolicy"])
def test_queue_and_bucket_speak_tls_only(graph: Graph, kind: str) -> None:
    (statement,) = policy_of(graph.one(kind))
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

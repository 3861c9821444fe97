"""The policy pack accepts the stack, and refuses every stack in which a requirement is broken."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policy.pack import NAME, policies, resource_rules, stack_rules
from policy.rule import CheckedResource
from tests.infrastructure.pulumi_graph_harness import REGION, Declare, Graph, Resource


def checked(resource: Resource, changes: Mapping[str, Any] | None = None) -> CheckedResource:
    """A resource as a rule sees it, with something else at some dotted paths."""
    inputs = json.loads(json.dumps(resource.inputs))
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        target = inputs
        for part in parents:
            target = target.setdefault(part, {})
        target[last] = value
    return CheckedResource(type=resource.type, name=resource.name, inputs=inputs, protect=resource.protect)


def complaints(resources: Iterable[CheckedResource]) -> list[str]:
    everything = [*resources]
    of_resources = [
        f"{rule.name}: {complaint}"
        for rule in resource_rules()
        for resource in everything
        for complaint in rule.complaints(resource)
    ]
    of_stack = [f"{rule.name}: {complaint}" for rule in stack_rules() for complaint in rule.complaints(everything)]
    return of_resources + of_stack


@pytest.mark.parametrize("settings", ["graph", "everything", "plain"])
def test_the_stack_keeps_every_rule(settings: str, request: pytest.FixtureRequest) -> None:
    stack: Graph = request.getfixturevalue(settings)
    assert complaints(map(checked, stack.resources)) == []


def statement(**changes: Any) -> str:
    body = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/*"]} | changes
    return json.dumps({"Version": "2012-10-17", "Statement": [body]})


BROKEN: list[tuple[str, str, str, dict[str, Any]]] = [
    # rule, type, part of the name, what is put in
    ("alarm", "cloudwatch/metricAlarm:MetricAlarm", "", {"alarmActions": []}),
    ("alarm", "cloudwatch/metricAlarm:MetricAlarm", "", {"treatMissingData": "missing"}),
    ("api-method", "apigateway/method:Method", "", {"authorization": "NONE"}),
    ("api-method", "apigateway/method:Method", "", {"requestValidatorId": ""}),
    ("api-method", "apigateway/method:Method", "post", {"requestModels": {}}),
    ("api-permission", "lambda/permission:Permission", "", {"sourceArn": "arn:aws:execute-api:us-east-2:1:api/*/*"}),
    ("api-permission", "lambda/permission:Permission", "", {"sourceArn": None}),
    ("api-stage", "apigateway/stage:Stage", "", {"accessLogSettings.format": "$context.identity.sourceIp"}),
    ("api-stage", "apigateway/stage:Stage", "", {"accessLogSettings.format": "$context.path"}),
    ("api-stage", "apigateway/stage:Stage", "", {"accessLogSettings": None}),
    ("api-stage", "apigateway/stage:Stage", "", {"xrayTracingEnabled": False}),
    ("api-throttle", "apigateway/methodSettings:MethodSettings", "all", {"settings.throttlingRateLimit": 2000}),
    ("api-throttle", "apigateway/methodSettings:MethodSettings", "get", {"settings.throttlingRateLimit": 2000}),
    ("api-throttle", "apigateway/methodSettings:MethodSettings", "all", {"settings.throttlingBurstLimit": None}),
    ("api-throttle", "apigateway/methodSettings:MethodSettings", "all", {"settings.dataTraceEnabled": True}),
    ("api-tls", "apigateway/restApi:RestApi", "", {"securityPolicy": "TLS_1_2"}),
    ("api-tls", "apigateway/restApi:RestApi", "", {"endpointAccessMode": None}),
    ("bucket", "s3/bucket:Bucket", "", {"forceDestroy": False}),
    ("bucket-private", "s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "", {"blockPublicPolicy": False}),
    ("daily-report", "scheduler/schedule:Schedule", "", {"scheduleExpression": "rate(1 hour)"}),
    ("daily-report", "scheduler/schedule:Schedule", "", {"scheduleExpressionTimezone": "Europe/Berlin"}),
    ("destroyable", "dynamodb/table:Table", "", {"deletionProtectionEnabled": True}),
    ("destroyable", "lambda/function:Function", "", {"skipDestroy": True}),
    ("egress", "vpc/securityGroupEgressRule:SecurityGroupEgressRule", "", {"cidrIpv4": "0.0.0.0/0"}),
    ("egress", "vpc/securityGroupEgressRule:SecurityGroupEgressRule", "", {"prefixListId": None}),
    ("egress", "vpc/securityGroupEgressRule:SecurityGroupEgressRule", "", {"toPort": 8443}),
    ("endpoint", "ec2/vpcEndpoint:VpcEndpoint", "", {"policy": None}),
    ("endpoint", "ec2/vpcEndpoint:VpcEndpoint", "", {"vpcEndpointType": "Interface"}),
    (
        "event-invoke",
        "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "",
        {"destinationConfig.onFailure": None},
    ),
    (
        "event-invoke",
        "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "",
        {"maximumRetryAttempts": 0},
    ),
    ("function", "lambda/function:Function", "", {"architectures": ["sparc"]}),
    ("function", "lambda/function:Function", "", {"loggingConfig": None}),
    ("function", "lambda/function:Function", "", {"reservedConcurrentExecutions": 99}),
    ("function", "lambda/function:Function", "", {"runtime": "python3.10"}),
    ("function", "lambda/function:Function", "", {"timeout": 30}),
    ("function", "lambda/function:Function", "", {"tracingConfig.mode": "PassThrough"}),
    ("function", "lambda/function:Function", "", {"vpcConfig": None}),
    ("function", "lambda/function:Function", "", {"vpcConfig.subnetIds": ["subnet-1"]}),
    ("function-reporter", "lambda/function:Function", "report-generator", {"ephemeralStorage": None}),
    ("key", "kms/key:Key", "", {"deletionWindowInDays": 30}),
    ("key", "kms/key:Key", "", {"enableKeyRotation": False}),
    ("log-retention", "cloudwatch/logGroup:LogGroup", "", {"retentionInDays": 14}),
    ("log-retention", "cloudwatch/logGroup:LogGroup", "", {"skipDestroy": True}),
    ("name", "dynamodb/table:Table", "", {"name": "Transactions"}),
    ("name", "ec2/vpc:Vpc", "", {"tags.Name": "vpc"}),
    ("provider", "", "provider-aws", {"defaultTags": json.dumps({"tags": {"Environment": "test"}})}),
    ("provider", "", "provider-aws", {"region": "eu-west-1"}),
    ("queue", "sqs/queue:Queue", "", {"kmsMasterKeyId": None}),
    ("queue", "sqs/queue:Queue", "", {"messageRetentionSeconds": 345_600}),
    ("role", "iam/role:Role", "", {"managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
    ("role", "iam/role:Role", "", {"assumeRolePolicy": statement(Principal={"AWS": "*"})}),
    (
        "role-attachment",
        "iam/rolePolicyAttachment:RolePolicyAttachment",
        "",
        {"policyArn": "arn:aws:iam::aws:policy/X"},
    ),
    ("role-policy", "iam/rolePolicy:RolePolicy", "", {"policy": statement(Action=["logs:CreateLogGroup"])}),
    ("role-policy", "iam/rolePolicy:RolePolicy", "", {"policy": statement(Action="s3:*")}),
    ("role-policy", "iam/rolePolicy:RolePolicy", "", {"policy": statement(NotResource=[])}),
    ("role-policy", "iam/rolePolicy:RolePolicy", "", {"policy": statement(Resource="*")}),
    ("role-policy", "iam/policy:Policy", "analyst", {"policy": statement(Action="dynamodb:*")}),
    ("security-group", "ec2/securityGroup:SecurityGroup", "", {"ingress": [{"protocol": "tcp"}]}),
    ("stream-analyzer", "lambda/eventSourceMapping:EventSourceMapping", "fraud-analyzer", {"batchSize": 10}),
    ("stream-analyzer", "lambda/eventSourceMapping:EventSourceMapping", "fraud-analyzer", {"parallelizationFactor": 1}),
    ("stream-consumer", "lambda/eventSourceMapping:EventSourceMapping", "", {"bisectBatchOnFunctionError": False}),
    ("stream-consumer", "lambda/eventSourceMapping:EventSourceMapping", "", {"destinationConfig": None}),
    ("stream-consumer", "lambda/eventSourceMapping:EventSourceMapping", "", {"filterCriteria": None}),
    ("stream-consumer", "lambda/eventSourceMapping:EventSourceMapping", "", {"functionResponseTypes": []}),
    ("stream-consumer", "lambda/eventSourceMapping:EventSourceMapping", "", {"maximumRetryAttempts": -1}),
    ("stream-consumer", "lambda/eventSourceMapping:EventSourceMapping", "", {"maximumRecordAgeInSeconds": None}),
    ("subnet", "ec2/subnet:Subnet", "", {"mapPublicIpOnLaunch": True}),
    ("table", "dynamodb/table:Table", "", {"billingMode": "PROVISIONED"}),
    ("table", "dynamodb/table:Table", "", {"pointInTimeRecovery.enabled": False}),
    ("table", "dynamodb/table:Table", "", {"serverSideEncryption": None}),
    ("table", "dynamodb/table:Table", "", {"ttl": None}),
    ("table-transactions", "dynamodb/table:Table", "transactions", {"rangeKey": None}),
    ("table-transactions", "dynamodb/table:Table", "transactions", {"streamViewType": "NEW_IMAGE"}),
    (
        "table-transactions",
        "dynamodb/table:Table",
        "transactions",
        {"attributes": [{"name": "transactionId", "type": "S"}, {"name": "timestamp", "type": "S"}]},
    ),
    ("workgroup", "athena/workgroup:Workgroup", "", {"configuration.bytesScannedCutoffPerQuery": None}),
    ("workgroup", "athena/workgroup:Workgroup", "", {"configuration.enforceWorkgroupConfiguration": False}),
    (
        "workgroup",
        "athena/workgroup:Workgroup",
        "",
        {"configuration.resultConfiguration.encryptionConfiguration": None},
    ),
    ("workgroup", "athena/workgroup:Workgroup", "", {"forceDestroy": False}),
]


def matching(graph: Graph, kind: str, part: str) -> Resource:
    return next(each for each in graph.resources if each.type.endswith(kind) and part in each.name and each.custom)


@pytest.mark.parametrize(("rule", "kind", "part", "changes"), BROKEN)
def test_a_broken_resource_is_refused(
    analytics: Graph, *, rule: str, kind: str, part: str, changes: dict[str, Any]
) -> None:
    (found,) = [each for each in resource_rules() if each.name == rule]
    resource = matching(analytics, kind or "providers:aws", part)
    assert list(found.complaints(checked(resource))) == []
    assert list(found.complaints(checked(resource, changes)))


def without(kind: str, part: str = "") -> Callable[[Sequence[CheckedResource]], list[CheckedResource]]:
    return lambda resources: [each for each in resources if not (each.type.endswith(kind) and part in each.name)]


def with_change(kind: str, **changes: Any) -> Callable[[Sequence[CheckedResource]], list[CheckedResource]]:
    def change(resource: CheckedResource) -> CheckedResource:
        if not resource.type.endswith(kind):
            return resource
        return CheckedResource(type=resource.type, name=resource.name, inputs={**resource.inputs, **changes})

    return lambda resources: [*map(change, resources)]


BROKEN_STACKS: list[tuple[str, Callable[[Sequence[CheckedResource]], list[CheckedResource]]]] = [
    ("alarm-errors", without("MetricAlarm", "fraud-analyzer-errors")),
    ("alarm-errors", with_change(":MetricAlarm", threshold=5)),
    ("alarm-errors", with_change(":MetricAlarm", treatMissingData="breaching")),
    ("api-routes", without(":Method", "get")),
    ("api-routes", without(":Resource", "transactions-id")),
    ("api-routes", without(":MethodSettings", "all")),
    ("api-routes", without(":Response", "throttled")),
    ("api-routes", with_change("apigateway/response:Response", responseParameters={})),
    ("buckets", without(":BucketPublicAccessBlock")),
    ("buckets", without(":BucketServerSideEncryptionConfiguration")),
    ("buckets", without(":BucketVersioning")),
    ("buckets", without(":BucketLifecycleConfiguration")),
    ("buckets", with_change(":BucketLifecycleConfiguration", rules=[])),
    ("buckets", with_change(":BucketPolicy", policy=statement())),
    ("buckets", with_change(":BucketVersioning", versioningConfiguration={"status": "Suspended"})),
    ("functions", without(":Function", "report-generator")),
    ("functions", without(":EventSourceMapping", "report-generator")),
    ("functions", without(":LogGroup", "report-generator")),
    ("report-kept", without(":FunctionEventInvokeConfig")),
    ("role-each", with_change("lambda/function:Function", role="arn:aws:iam::1:role/shared")),
]


@pytest.mark.parametrize(("rule", "breaking"), BROKEN_STACKS)
def test_a_broken_stack_is_refused(
    graph: Graph, rule: str, breaking: Callable[[Sequence[CheckedResource]], list[CheckedResource]]
) -> None:
    (found,) = [each for each in stack_rules() if each.name == rule]
    resources = [*map(checked, graph.resources)]
    assert list(found.complaints(resources)) == []
    assert list(found.complaints(breaking(resources)))


@pytest.mark.parametrize(
    "kind", ["aws:ec2/natGateway:NatGateway", "aws:ec2/internetGateway:InternetGateway", "aws:iam/user:User"]
)
def test_what_must_not_be_part_of_a_stack_is_refused(kind: str) -> None:
    assert complaints([CheckedResource(type=kind, name="extra", inputs={})])


def test_a_protected_resource_is_refused(graph: Graph) -> None:
    table = graph.of("aws:dynamodb/table:Table")[0]
    assert complaints([CheckedResource(type=table.type, name=table.name, inputs=table.inputs, protect=True)])


def test_every_rule_is_broken_by_some_test_here() -> None:
    tested = {rule for rule, *_ in BROKEN} | {rule for rule, _ in BROKEN_STACKS} | {"no-way-out", "no-people"}
    assert {rule.name for rule in (*resource_rules(), *stack_rules())} == tested


def _analyze(graph: Graph) -> tuple[list[Any], list[Any]]:
    """What CrossGuard itself says: violations, and rules that it could not apply."""
    servicer = _PolicyAnalyzerServicer(NAME, "0.0.1", policies(), EnforcementLevel.MANDATORY)
    servicer.ConfigureStack(
        analyzer_pb2.AnalyzerStackConfigureRequest(stack="test", project="fraudstream", dry_run=True), None
    )
    requests = []
    for resource in graph.resources:
        properties = struct_pb2.Struct()
        properties.update(dict(resource.inputs))
        requests.append((resource, properties))
    found = [
        diagnostic
        for resource, properties in requests
        for diagnostic in servicer.Analyze(
            analyzer_pb2.AnalyzeRequest(
                type=resource.type, properties=properties, urn=resource.urn, name=resource.name
            ),
            None,
        ).diagnostics
    ]
    stack = analyzer_pb2.AnalyzeStackRequest(
        resources=[
            analyzer_pb2.AnalyzerResource(
                type=resource.type, properties=properties, urn=resource.urn, name=resource.name
            )
            for resource, properties in requests
        ]
    )
    found += servicer.AnalyzeStack(stack, None).diagnostics
    unknown = [each for each in found if "during preview" in each.message]
    return [each.message for each in found if each not in unknown], unknown


@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_every_runtime_that_the_settings_offer_is_accepted(declare: Declare, runtime: str) -> None:
    assert complaints(map(checked, declare({"fraudstream:runtime": runtime}).resources)) == []


def test_another_region_is_accepted_where_permitted(declare: Declare) -> None:
    settings = {"fraudstream:region": "eu-west-1", "fraudstream:allowOtherRegion": "true"}
    assert complaints(map(checked, declare(settings).resources)) == []


def test_crossguard_finds_no_violation(graph: Graph) -> None:
    assert _analyze(graph) == ([], [])


def test_crossguard_finds_no_violation_in_a_preview(preview: Graph) -> None:
    violations, unknown = _analyze(preview)
    assert violations == []
    assert {each.policyName for each in unknown} <= {
        "api-method", "api-permission", "api-stage", "bucket", "buckets", "egress", "endpoint", "event-invoke",
        "function", "functions", "role-each", "role-policy", "security-group", "stream-consumer", "alarm", "queue",
        "name",
    }  # fmt: skip


def test_crossguard_finds_a_violation(graph: Graph) -> None:
    wrong = [
        Resource(**{**each.__dict__, "inputs": {**each.inputs, "region": "eu-west-1"}})
        if each.type == "pulumi:providers:aws"
        else each
        for each in graph.resources
    ]
    violations, _ = _analyze(Graph(resources=wrong))
    assert any(f"region must be {REGION!r}" in violation for violation in violations)

"""What the program says to the provider has the names and types that the provider knows, and values that AWS accepts.

Mocks let wrong nested keys, wrong scalar types and misspelt enums pass; so they are checked against the annotations of
the provider's own package, and against the service models that botocore carries.
"""

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import botocore.session
import pulumi
import pytest
from pulumi import _types

from tests.infrastructure.pulumi_graph_harness import UNKNOWN, Declare, Graph, Resource, resource_class


def _candidates(kind: Any) -> list[Any]:
    """The plain types that an input may have, without what only says that it may come later."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [each for option in typing.get_args(kind) for each in _candidates(option)]
    if kind is type(None) or typing.get_origin(kind) in (pulumi.Output, typing.get_origin(typing.Awaitable[int])):
        return []
    return [kind]


@cache
def _members(args: type) -> tuple[Mapping[str, Any], frozenset[str]]:
    names = _types.input_type_py_to_pulumi_names(args)
    parameters = inspect.signature(args.__init__).parameters
    required = {names[name] for name, each in parameters.items() if name in names and each.default is each.empty}
    return _types.input_type_types(args), frozenset(required)


def _faults(value: Any, kind: Any, path: str) -> Iterator[str]:
    if value == UNKNOWN:
        return
    options = _candidates(kind)
    found = [[*_faults_of(value, option, path)] for option in options]
    if options and all(found):
        yield from min(found, key=len)


def _faults_of(value: Any, kind: Any, path: str) -> Iterator[str]:
    origin = typing.get_origin(kind)
    if origin in (Sequence, list):
        if not isinstance(value, list):
            yield f"{path}: a list is wanted, not {value!r}"
            return
        for index, each in enumerate(value):
            yield from _faults(each, typing.get_args(kind)[0], f"{path}[{index}]")
    elif origin in (Mapping, dict):
        if not isinstance(value, dict):
            yield f"{path}: an object is wanted, not {value!r}"
            return
        for key, each in value.items():
            yield from _faults(each, typing.get_args(kind)[1], f"{path}.{key}")
    elif isinstance(kind, type) and _types.is_input_type(kind):
        yield from _faults_of_object(value, kind, path)
    elif isinstance(kind, type) and issubclass(kind, pulumi.Asset | pulumi.Archive):
        if not isinstance(value, dict) or "path" not in value:
            yield f"{path}: a file is wanted"
    else:
        yield from _faults_of_scalar(value, kind, path)


def _faults_of_scalar(value: Any, kind: type, path: str) -> Iterator[str]:
    fits = {
        str: isinstance(value, str),
        bool: isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, int | float) and not isinstance(value, bool),
    }
    # What else there is are enums of texts.
    if not fits.get(kind, isinstance(value, str)):
        yield f"{path}: {kind.__name__} is wanted, not {value!r}"


def _faults_of_object(value: Any, kind: type, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {kind.__name__} is wanted, not {value!r}"
        return
    members, required = _members(kind)
    for missing in sorted(required - value.keys()):
        yield f"{path}.{missing} is required"
    for key, each in value.items():
        if key not in members:
            yield f"{path}.{key} is not known"
        else:
            yield from _faults(each, members[key], f"{path}.{key}")


def _faults_of_resource(resource: Resource) -> list[str]:
    module = inspect.getmodule(resource_class(resource.type))
    name = resource.type.rsplit(":", 1)[1]
    # Where a nested object has the same name, the resource's own arguments are called so.
    args = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    return [*_faults_of_object(dict(resource.inputs), args, resource.name)]


def test_every_property_has_a_name_and_a_type_that_the_provider_knows(any_graph: Graph) -> None:
    assert [fault for resource in any_graph.aws() for fault in _faults_of_resource(resource)] == []


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("aws:lambda/function:Function", {"tracingConfig": {"Mode": "Active"}}, "tracingConfig.mode is required"),
        ("aws:lambda/function:Function", {"timeout": "300"}, "timeout: int is wanted"),
        ("aws:lambda/function:Function", {"memory": 1}, "memory is not known"),
        ("aws:dynamodb/table:Table", {"ttl": [{"enabled": True}]}, "ttl: TableTtlArgs is wanted"),
    ],
)
def test_a_wrong_property_would_be_found(graph: Graph, kind: str, change: Mapping[str, Any], complaint: str) -> None:
    resource = graph.of(kind)[0]
    wrong = Resource(**{**resource.__dict__, "inputs": {**resource.inputs, **change}})
    assert any(complaint in fault for fault in _faults_of_resource(wrong))


_SHAPES = [
    # type, path, service, shape in the service's model
    ("aws:apigateway/integration:Integration", "type", "apigateway", "IntegrationType"),
    ("aws:apigateway/response:Response", "responseType", "apigateway", "GatewayResponseType"),
    ("aws:apigateway/restApi:RestApi", "apiKeySource", "apigateway", "ApiKeySourceType"),
    ("aws:apigateway/restApi:RestApi", "endpointAccessMode", "apigateway", "EndpointAccessMode"),
    ("aws:apigateway/restApi:RestApi", "endpointConfiguration.types", "apigateway", "EndpointType"),
    ("aws:apigateway/restApi:RestApi", "securityPolicy", "apigateway", "SecurityPolicy"),
    ("aws:athena/namedQuery:NamedQuery", "database", "athena", "DatabaseString"),
    ("aws:athena/namedQuery:NamedQuery", "description", "athena", "DescriptionString"),
    ("aws:athena/namedQuery:NamedQuery", "name", "athena", "NameString"),
    ("aws:athena/namedQuery:NamedQuery", "query", "athena", "QueryString"),
    ("aws:athena/workgroup:Workgroup", "configuration.bytesScannedCutoffPerQuery", "athena", "BytesScannedCutoffValue"),
    (
        "aws:athena/workgroup:Workgroup",
        "configuration.resultConfiguration.encryptionConfiguration.encryptionOption",
        "athena",
        "EncryptionOption",
    ),
    ("aws:athena/workgroup:Workgroup", "name", "athena", "WorkGroupName"),
    ("aws:athena/workgroup:Workgroup", "state", "athena", "WorkGroupState"),
    ("aws:cloudwatch/logGroup:LogGroup", "name", "logs", "LogGroupName"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "alarmDescription", "cloudwatch", "AlarmDescription"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "comparisonOperator", "cloudwatch", "ComparisonOperator"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "datapointsToAlarm", "cloudwatch", "DatapointsToAlarm"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "evaluationPeriods", "cloudwatch", "EvaluationPeriods"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "metricQueries[].expression", "cloudwatch", "MetricExpression"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "metricQueries[].id", "cloudwatch", "MetricId"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "name", "cloudwatch", "AlarmName"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "period", "cloudwatch", "Period"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "statistic", "cloudwatch", "Statistic"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "treatMissingData", "cloudwatch", "TreatMissingData"),
    ("aws:dynamodb/table:Table", "attributes[].type", "dynamodb", "ScalarAttributeType"),
    ("aws:dynamodb/table:Table", "tableClass", "dynamodb", "TableClass"),
    ("aws:xray/samplingRule:SamplingRule", "ruleName", "xray", "RuleName"),
    ("aws:xray/samplingRule:SamplingRule", "fixedRate", "xray", "FixedRate"),
    ("aws:xray/samplingRule:SamplingRule", "priority", "xray", "Priority"),
    ("aws:dynamodb/table:Table", "billingMode", "dynamodb", "BillingMode"),
    ("aws:dynamodb/table:Table", "globalSecondaryIndexes[].keySchemas[].keyType", "dynamodb", "KeyType"),
    ("aws:dynamodb/table:Table", "globalSecondaryIndexes[].name", "dynamodb", "IndexName"),
    ("aws:dynamodb/table:Table", "globalSecondaryIndexes[].projectionType", "dynamodb", "ProjectionType"),
    ("aws:dynamodb/table:Table", "name", "dynamodb", "TableName"),
    ("aws:dynamodb/table:Table", "streamViewType", "dynamodb", "StreamViewType"),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "vpcEndpointType", "ec2", "VpcEndpointType"),
    ("aws:iam/policy:Policy", "name", "iam", "policyNameType"),
    ("aws:iam/role:Role", "name", "iam", "roleNameType"),
    ("aws:iam/rolePolicy:RolePolicy", "name", "iam", "policyNameType"),
    ("aws:kms/alias:Alias", "name", "kms", "AliasNameType"),
    ("aws:kms/key:Key", "description", "kms", "DescriptionType"),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "batchSize", "lambda", "BatchSize"),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "filterCriteria.filters[].pattern", "lambda", "Pattern"),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "functionResponseTypes[]", "lambda", "FunctionResponseType"),
    (
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "maximumBatchingWindowInSeconds",
        "lambda",
        "MaximumBatchingWindowInSeconds",
    ),
    (
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "maximumRecordAgeInSeconds",
        "lambda",
        "MaximumRecordAgeInSeconds",
    ),
    (
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "maximumRetryAttempts",
        "lambda",
        "MaximumRetryAttemptsEventSourceMapping",
    ),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "parallelizationFactor", "lambda", "ParallelizationFactor"),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "startingPosition", "lambda", "EventSourcePosition"),
    ("aws:lambda/function:Function", "architectures[]", "lambda", "Architecture"),
    ("aws:lambda/function:Function", "ephemeralStorage.size", "lambda", "EphemeralStorageSize"),
    ("aws:lambda/function:Function", "handler", "lambda", "Handler"),
    ("aws:lambda/function:Function", "loggingConfig.logFormat", "lambda", "LogFormat"),
    ("aws:lambda/function:Function", "loggingConfig.applicationLogLevel", "lambda", "ApplicationLogLevel"),
    ("aws:lambda/function:Function", "loggingConfig.systemLogLevel", "lambda", "SystemLogLevel"),
    ("aws:lambda/function:Function", "loggingConfig.logGroup", "lambda", "LogGroup"),
    ("aws:lambda/function:Function", "memorySize", "lambda", "MemorySize"),
    ("aws:lambda/function:Function", "name", "lambda", "FunctionName"),
    ("aws:lambda/function:Function", "reservedConcurrentExecutions", "lambda", "ReservedConcurrentExecutions"),
    ("aws:lambda/function:Function", "runtime", "lambda", "Runtime"),
    ("aws:lambda/function:Function", "timeout", "lambda", "Timeout"),
    ("aws:lambda/function:Function", "tracingConfig.mode", "lambda", "TracingMode"),
    (
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "destinationConfig.onFailure.destination",
        "lambda",
        "DestinationArn",
    ),
    (
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "maximumEventAgeInSeconds",
        "lambda",
        "MaximumEventAgeInSeconds",
    ),
    (
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "maximumRetryAttempts",
        "lambda",
        "MaximumRetryAttempts",
    ),
    ("aws:lambda/permission:Permission", "action", "lambda", "Action"),
    ("aws:lambda/permission:Permission", "statementId", "lambda", "StatementId"),
    ("aws:pipes/pipe:Pipe", "name", "pipes", "PipeName"),
    (
        "aws:pipes/pipe:Pipe",
        "sourceParameters.dynamodbStreamParameters.batchSize",
        "pipes",
        "LimitMax10000",
    ),
    (
        "aws:pipes/pipe:Pipe",
        "sourceParameters.dynamodbStreamParameters.maximumRecordAgeInSeconds",
        "pipes",
        "MaximumRecordAgeInSeconds",
    ),
    (
        "aws:pipes/pipe:Pipe",
        "sourceParameters.dynamodbStreamParameters.maximumRetryAttempts",
        "pipes",
        "MaximumRetryAttemptsESM",
    ),
    (
        "aws:pipes/pipe:Pipe",
        "sourceParameters.dynamodbStreamParameters.onPartialBatchItemFailure",
        "pipes",
        "OnPartialBatchItemFailureStreams",
    ),
    (
        "aws:pipes/pipe:Pipe",
        "sourceParameters.dynamodbStreamParameters.startingPosition",
        "pipes",
        "DynamoDBStreamStartPosition",
    ),
    ("aws:pipes/pipe:Pipe", "sourceParameters.filterCriteria.filters[].pattern", "pipes", "EventPattern"),
    ("aws:pipes/pipe:Pipe", "targetParameters.inputTemplate", "pipes", "InputTemplate"),
    ("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules[].status", "s3", "ExpirationStatus"),
    ("aws:s3/bucketOwnershipControls:BucketOwnershipControls", "rule.objectOwnership", "s3", "ObjectOwnership"),
    (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "rules[].applyServerSideEncryptionByDefault.sseAlgorithm",
        "s3",
        "ServerSideEncryption",
    ),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        "versioningConfiguration.status",
        "s3",
        "BucketVersioningStatus",
    ),
    ("aws:scheduler/schedule:Schedule", "flexibleTimeWindow.mode", "scheduler", "FlexibleTimeWindowMode"),
    ("aws:scheduler/schedule:Schedule", "name", "scheduler", "Name"),
    ("aws:scheduler/schedule:Schedule", "scheduleExpression", "scheduler", "ScheduleExpression"),
    (
        "aws:scheduler/schedule:Schedule",
        "target.retryPolicy.maximumEventAgeInSeconds",
        "scheduler",
        "MaximumEventAgeInSeconds",
    ),
    (
        "aws:scheduler/schedule:Schedule",
        "target.retryPolicy.maximumRetryAttempts",
        "scheduler",
        "MaximumRetryAttempts",
    ),
    ("aws:scheduler/scheduleGroup:ScheduleGroup", "name", "scheduler", "ScheduleGroupName"),
    ("aws:wafv2/webAcl:WebAcl", "name", "wafv2", "EntityName"),
    ("aws:wafv2/webAcl:WebAcl", "scope", "wafv2", "Scope"),
    ("aws:wafv2/webAcl:WebAcl", "rules[].statement.rateBasedStatement.limit", "wafv2", "RateLimit"),
    (
        "aws:wafv2/webAcl:WebAcl",
        "rules[].statement.rateBasedStatement.aggregateKeyType",
        "wafv2",
        "RateBasedStatementAggregateKeyType",
    ),
]


def _values(value: Any, path: str) -> Iterator[Any]:
    part, _, rest = path.partition(".")
    for each in [value] if not part.endswith("[]") else (value or {}).get(part[:-2]) or []:
        found = each if part.endswith("[]") else (each or {}).get(part)
        if found is not None and found != UNKNOWN:
            yield from _values(found, rest) if rest else [found]


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@pytest.fixture(scope="session")
def all_resources(graph: Graph, everything: Graph, plain: Graph, declare: Declare) -> list[Resource]:
    """What the program declares, with the longest names that it allows too."""
    longest = declare(stack="a" * 20)
    return [resource for each in (graph, everything, plain, longest) for resource in each.resources]


@pytest.mark.parametrize(("kind", "path", "service", "shape"), _SHAPES)
def test_values_are_such_as_aws_accepts(
    all_resources: list[Resource], *, kind: str, path: str, service: str, shape: str
) -> None:
    values = [
        value for resource in all_resources if resource.type == kind for value in _values(dict(resource.inputs), path)
    ]
    assert values, "the program sets nothing there"
    model = _model(service).shape_for(shape)
    for value in values:
        size = value if model.type_name in ("integer", "long", "float", "double") else len(value)
        if getattr(model, "enum", None):
            assert value in model.enum
        assert model.metadata.get("min", size) <= size <= model.metadata.get("max", size)
        if "pattern" in model.metadata:
            assert re.fullmatch(_python_pattern(model.metadata["pattern"]), value)


def _python_pattern(pattern: str) -> str:
    """A service model's pattern, which is Java's or JavaScript's, as Python's."""
    return re.sub(r"\\p\{[A-Za-z]+\}", r"\\w", pattern)

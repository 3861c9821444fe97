"""Rules about everything: names, tags, region, destruction, and notification when something breaks."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from policy.rule import CheckedResource, Complaints, of, resource_rule, stack_rule

PROVIDER = "pulumi:providers:aws"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"
HOME_REGION = "us-east-2"
TAGS = ("CostCenter", "Environment")
PREFIXES: Mapping[str, str] = {
    "aws:apigateway/apiKey:ApiKey": "key",
    "aws:apigateway/restApi:RestApi": "api",
    "aws:apigateway/usagePlan:UsagePlan": "usage-plan",
    "aws:athena/namedQuery:NamedQuery": "query",
    "aws:athena/workgroup:Workgroup": "workgroup",
    "aws:cloudtrail/trail:Trail": "trail",
    "aws:cloudwatch/dashboard:Dashboard": "dashboard",
    "aws:cloudwatch/eventApiDestination:EventApiDestination": "destination",
    "aws:cloudwatch/eventConnection:EventConnection": "connection",
    "aws:cloudwatch/logGroup:LogGroup": "log-group",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "alarm",
    "aws:dynamodb/table:Table": "table",
    "aws:ec2/securityGroup:SecurityGroup": "security-group",
    "aws:ec2/subnet:Subnet": "subnet",
    "aws:ec2/vpc:Vpc": "vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "endpoint",
    "aws:iam/policy:Policy": "policy",
    "aws:iam/role:Role": "role",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:lambda/function:Function": "lambda",
    "aws:pipes/pipe:Pipe": "pipe",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:scheduler/schedule:Schedule": "schedule",
    "aws:scheduler/scheduleGroup:ScheduleGroup": "schedule-group",
    "aws:sns/topic:Topic": "topic",
    "aws:sqs/queue:Queue": "queue",
    "aws:wafv2/webAcl:WebAcl": "waf",
    "aws:xray/samplingRule:SamplingRule": "trace",
}
"""The first part of the name of what AWS knows by a name."""
NAME_KEYS = ("name", "bucket", "dashboardName", "ruleName", "tags.Name")
"""Inputs that hold a resource's name for AWS: the first that is set counts."""


def check_provider(provider: CheckedResource) -> Complaints:
    """Everything is in the home region, unless the stack's settings permit another, and is tagged."""
    tags: Any = provider.at("defaultTags")
    # A provider's settings travel as JSON text.
    decoded: Any = json.loads(tags) if isinstance(tags, str) else tags or {}
    region = provider.at("region")
    # The program tags everything so where fraudstream:allowOtherRegion permits it.
    if region not in (HOME_REGION, decoded.get("tags", {}).get("Region")):
        yield f"region must be {HOME_REGION!r}, or that of the default tag Region; it is {region!r}"
    for tag in TAGS:
        if not decoded.get("tags", {}).get(tag):
            yield f"defaultTags must hold {tag}"


def check_name(resource: CheckedResource) -> Complaints:
    """Names are {resource-type}-{purpose}-{environmentSuffix}, for Pulumi and for AWS alike."""
    prefix = PREFIXES.get(resource.type)
    if prefix is None:
        return
    for name in (resource.name, next((resource.at(key) for key in NAME_KEYS if resource.at(key)), None)):
        if not re.fullmatch(rf"{prefix}(-[a-z0-9]+){{2,}}", str(name)):
            yield f"the name {name!r} must be {prefix}-{{purpose}}-{{environmentSuffix}}"


def check_destroyable(resource: CheckedResource) -> Complaints:
    """Whatever the stack makes, it can destroy."""
    if resource.protect:
        yield "protect must not be set"
    for flag in ("deletionProtection", "deletionProtectionEnabled", "skipDestroy"):
        if resource.at(flag):
            yield f"{flag} must not be set"


def check_alarm(alarm: CheckedResource) -> Complaints:
    """An alarm tells somebody, and says what silence means."""
    if not alarm.at("alarmActions"):
        yield "alarmActions must name the topic"
    if alarm.at("treatMissingData") not in ("notBreaching", "breaching"):
        yield "treatMissingData must say what silence means"


def check_error_alarms(resources: Sequence[CheckedResource]) -> Complaints:
    """Every function has an alarm on more than one failure in a hundred invocations."""
    for function in of(resources, FUNCTION):
        if not any(_watches_errors(alarm, str(function.at("name"))) for alarm in of(resources, ALARM)):
            yield f"{function.name} must have an alarm on an error rate above 1 %"


def _watches_errors(alarm: CheckedResource, function: str) -> bool:
    queries = alarm.entries("metricQueries")
    metrics = [query["metric"] for query in queries if query.get("metric")]
    watched = {metric["metricName"] for metric in metrics if metric["dimensions"] == {"FunctionName": function}}
    return (
        watched == {"Errors", "Invocations"}
        and any("errors / invocations" in query.get("expression", "") for query in queries)
        and alarm.at("threshold") == 1
        and alarm.at("comparisonOperator") == "GreaterThanThreshold"
        and alarm.at("treatMissingData") == "notBreaching"
    )


RESOURCE_RULES = (
    resource_rule("provider", [PROVIDER], check_provider),
    resource_rule("name", PREFIXES, check_name),
    resource_rule("destroyable", [], check_destroyable),
    resource_rule("alarm", [ALARM], check_alarm),
)
STACK_RULES = (stack_rule("alarm-errors", check_error_alarms),)

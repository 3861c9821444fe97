"""Names, tags, times of logs, and destruction: what holds for every resource."""

import json
import re

from fraudstream_tools.operations.report_function import log_group_of
from infra.data.keys import ENCRYPTED
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, Declare, Graph, Resource, output_names

FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
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


def test_logs_are_kept_for_seven_days(graph: Graph) -> None:
    groups = graph.of("aws:cloudwatch/logGroup:LogGroup")
    assert {group["name"] for group in groups} == {
        f"log-group-{purpose}-test" for purpose in (*FUNCTIONS, "api-access")
    }
    assert {group["retentionInDays"] for group in groups} == {7}


def test_the_log_group_that_commands_name_is_the_functions(graph: Graph) -> None:
    for each in graph.of("aws:lambda/function:Function"):
        assert log_group_of(each["name"]) == each["loggingConfig"]["logGroup"]


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

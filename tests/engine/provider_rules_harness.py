"""How the real AWS provider treats changed inputs, for each type that the stack uses.

Two kinds of rules decide what an `up` does to what is there: which inputs a resource cannot change in place (`ForceNew`
in the provider's source), and which inputs are optional and computed, so that an input which is no longer set keeps the
value that it had. Each row names the file of hashicorp/terraform-provider-aws (version 6, on which pulumi-aws 7 is
built) that declares the type's schema; input names are Pulumi's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.data.keys import ENCRYPTED, READABLE

SOURCE = "https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What the provider does about a type's inputs."""

    source: str
    """File below `SOURCE` that declares the type's schema."""
    replaced_by: frozenset[str] = frozenset()
    """Inputs whose change makes a new resource."""
    keeps: frozenset[str] = frozenset()
    """Inputs, as dotted paths, that keep their value when they are no longer set."""
    reads: frozenset[str] = frozenset()
    """Inputs that are optional and not computed, and that a refresh reads: a value that somebody else set is a change
    where the program sets none."""
    unique: str | None = None
    """The input that no two resources of an account and region may share."""
    global_name: bool = False
    """Whether that name counts in all regions."""
    regional: bool = True
    """Whether a resource lies in one region, which every resource of version 6 has as an input that forces replacement
    (the provider's guide to enhanced region support)."""


def _rule(
    source: str,
    replaced_by: str = "",
    *,
    keeps: str = "",
    reads: str = "",
    unique: str | None = None,
    global_name: bool = False,
    regional: bool = True,
) -> Rule:
    names = frozenset(replaced_by.split()) | ({unique} if unique else set())
    return Rule(
        source=source,
        replaced_by=frozenset(names),
        keeps=frozenset(keeps.split()),
        reads=frozenset(reads.split()),
        unique=unique,
        global_name=global_name,
        regional=regional,
    )


RULES: Mapping[str, Rule] = {
    "aws:apigateway/account:Account": _rule("apigateway/account.go"),
    "aws:apigateway/apiKey:ApiKey": _rule("apigateway/api_key.go", "value", keeps="value"),
    "aws:apigateway/deployment:Deployment": _rule("apigateway/deployment.go", "restApi triggers"),
    "aws:apigateway/integration:Integration": _rule(
        "apigateway/integration.go",
        "restApi resourceId httpMethod integrationHttpMethod type",
        keeps="passthroughBehavior cacheNamespace",
    ),
    "aws:apigateway/method:Method": _rule("apigateway/method.go", "restApi resourceId httpMethod"),
    "aws:apigateway/methodSettings:MethodSettings": _rule(
        "apigateway/method_settings.go",
        "restApi stageName methodPath",
        keeps="settings.cacheDataEncrypted settings.cacheTtlInSeconds settings.cachingEnabled settings.dataTraceEnabled"
        " settings.loggingLevel settings.metricsEnabled settings.requireAuthorizationForCacheControl"
        " settings.unauthorizedCacheControlHeaderStrategy",
    ),
    "aws:apigateway/model:Model": _rule("apigateway/model.go", "restApi name contentType"),
    "aws:apigateway/requestValidator:RequestValidator": _rule("apigateway/request_validator.go", "restApi"),
    "aws:apigateway/resource:Resource": _rule("apigateway/resource.go", "restApi"),
    "aws:apigateway/response:Response": _rule("apigateway/gateway_response.go", "restApiId responseType"),
    "aws:apigateway/restApi:RestApi": _rule(
        "apigateway/rest_api.go",
        keeps="apiKeySource description disableExecuteApiEndpoint endpointConfiguration policy securityPolicy",
    ),
    "aws:apigateway/stage:Stage": _rule("apigateway/stage.go", "restApi stageName"),
    "aws:apigateway/usagePlan:UsagePlan": _rule("apigateway/usage_plan.go"),
    "aws:apigateway/usagePlanKey:UsagePlanKey": _rule("apigateway/usage_plan_key.go", "keyId keyType usagePlanId"),
    "aws:athena/namedQuery:NamedQuery": _rule("athena/named_query.go", "name database workgroup query description"),
    "aws:athena/workgroup:Workgroup": _rule("athena/workgroup.go", unique="name"),
    "aws:cloudwatch/dashboard:Dashboard": _rule("cloudwatch/dashboard.go", unique="dashboardName"),
    "aws:cloudwatch/eventApiDestination:EventApiDestination": _rule("events/api_destination.go", unique="name"),
    "aws:cloudwatch/eventConnection:EventConnection": _rule("events/connection.go", unique="name"),
    "aws:cloudwatch/logGroup:LogGroup": _rule("logs/group.go", "logGroupClass", keeps="logGroupClass", unique="name"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _rule(
        "cloudwatch/metric_alarm.go", keeps="evaluateLowSampleCountPercentiles", unique="name"
    ),
    "aws:dynamodb/table:Table": _rule(
        "dynamodb/table.go",
        "hashKey rangeKey",
        keeps="pointInTimeRecovery readCapacity serverSideEncryption serverSideEncryption.kmsKeyArn streamViewType"
        " writeCapacity",
        unique="name",
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _rule("ec2/vpc_default_security_group.go", "vpcId"),
    "aws:ec2/routeTable:RouteTable": _rule("ec2/vpc_route_table.go", "vpcId", keeps="propagatingVgws routes"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _rule("ec2/vpc_route_table_association.go", "subnetId"),
    "aws:ec2/securityGroup:SecurityGroup": _rule(
        "ec2/vpc_security_group.go", "description name vpcId", keeps="egress ingress"
    ),
    "aws:ec2/subnet:Subnet": _rule("ec2/vpc_subnet.go", "availabilityZone cidrBlock vpcId", keeps="availabilityZone"),
    "aws:ec2/vpc:Vpc": _rule("ec2/vpc_.go", "cidrBlock", keeps="cidrBlock enableDnsHostnames"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _rule(
        "ec2/vpc_endpoint.go", "serviceName vpcEndpointType vpcId", keeps="policy privateDnsEnabled routeTableIds"
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": _rule("glue/catalog_database.go", unique="name"),
    "aws:glue/catalogTable:CatalogTable": _rule("glue/catalog_table.go", "databaseName name"),
    "aws:iam/role:Role": _rule(
        "iam/role.go", keeps="inlinePolicies managedPolicyArns", unique="name", global_name=True, regional=False
    ),
    "aws:iam/rolePolicy:RolePolicy": _rule("iam/role_policy.go", "name role", regional=False),
    "aws:iam/policy:Policy": _rule(
        "iam/policy.go", "description path", unique="name", global_name=True, regional=False
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _rule(
        "iam/role_policy_attachment.go", "policyArn role", regional=False
    ),
    "aws:kms/alias:Alias": _rule("kms/alias.go", unique="name"),
    "aws:kms/key:Key": _rule("kms/key.go", keeps="description policy rotationPeriodInDays"),
    "aws:lambda/alias:Alias": _rule("lambda/alias.go", "functionName name"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _rule(
        "lambda/event_source_mapping.go",
        "eventSourceArn startingPosition",
        keeps="maximumRecordAgeInSeconds maximumRetryAttempts parallelizationFactor",
    ),
    "aws:lambda/function:Function": _rule(
        "lambda/function.go",
        "packageType",
        keeps="architectures ephemeralStorage loggingConfig sourceCodeHash tracingConfig",
        unique="name",
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _rule(
        "lambda/function_event_invoke_config.go", "functionName"
    ),
    "aws:lambda/permission:Permission": _rule(
        "lambda/permission.go", "action function principal qualifier sourceArn statementId"
    ),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": _rule(
        "lambda/provisioned_concurrency_config.go", "functionName qualifier"
    ),
    "aws:pipes/pipe:Pipe": _rule("pipes/pipe.go", "source", unique="name"),
    "aws:s3/bucket:Bucket": _rule("s3/bucket.go", unique="bucket", global_name=True),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _rule(
        "s3/bucket_lifecycle_configuration.go", "bucket"
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": _rule(
        "s3/object.go",
        "bucket key",
        keeps="bucketKeyEnabled contentType etag kmsKeyId serverSideEncryption storageClass",
        reads="cacheControl contentDisposition contentEncoding contentLanguage metadata websiteRedirect",
    ),
    "aws:cloudtrail/trail:Trail": _rule("cloudtrail/trail.go", unique="name"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _rule(
        "s3/bucket_object_lock_configuration.go", "bucket"
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _rule("s3/bucket_ownership_controls.go", "bucket"),
    "aws:s3/bucketPolicy:BucketPolicy": _rule("s3/bucket_policy.go", "bucket"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _rule("s3/bucket_public_access_block.go", "bucket"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _rule(
        "s3/bucket_server_side_encryption_configuration.go", "bucket"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _rule("s3/bucket_versioning.go", "bucket"),
    "aws:scheduler/schedule:Schedule": _rule("scheduler/schedule.go", "groupName", unique="name"),
    "aws:scheduler/scheduleGroup:ScheduleGroup": _rule("scheduler/schedule_group.go", unique="name"),
    "aws:sns/topic:Topic": _rule("sns/topic.go", keeps="policy signatureVersion tracingConfig", unique="name"),
    "aws:sns/topicPolicy:TopicPolicy": _rule("sns/topic_policy.go", "arn"),
    "aws:sns/topicSubscription:TopicSubscription": _rule("sns/topic_subscription.go", "endpoint protocol topic"),
    "aws:sqs/queue:Queue": _rule(
        "sqs/queue.go",
        keeps="kmsDataKeyReusePeriodSeconds policy redriveAllowPolicy redrivePolicy sqsManagedSseEnabled",
        unique="name",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": _rule("sqs/queue_policy.go", "queueUrl"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule(
        "ec2/vpc_security_group_egress_rule.go", "securityGroupId"
    ),
    "aws:wafv2/webAcl:WebAcl": _rule("wafv2/web_acl.go", "scope", unique="name"),
    "aws:xray/samplingRule:SamplingRule": _rule("xray/sampling_rule.go", "ruleName", unique="ruleName"),
    "aws:wafv2/webAclAssociation:WebAclAssociation": _rule("wafv2/web_acl_association.go", "resourceArn webAclArn"),
    # Of the provider of random values: any change makes new ones.
    READABLE: Rule(source="", replaced_by=frozenset({"length"}), regional=False),
    ENCRYPTED: Rule(source="", replaced_by=frozenset({"length", "overrideSpecial", "special"}), regional=False),
}

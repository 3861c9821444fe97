"""What an AWS account still has after a stack was destroyed: by tags, by names, and what AWS keeps by itself."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

AwsClient = Any
"""A boto3 client: each service has a class of its own."""
Clients = Callable[[str], AwsClient]
"""Returns a boto3 client of a service in the stack's region."""

PROJECT_PREFIXES: Final = (
    "alarm", "alias", "api", "bucket", "dashboard", "database", "lambda", "log-group", "pipe", "queue", "role",
    "schedule", "schedule-group", "table", "topic", "trail", "waf", "workgroup",
)  # fmt: skip
"""First parts of the names of a stack's resources."""
PURPOSES: Final = (
    "transactions", "profiles", "alerts", "outbox", r"(?:reports|audit)-\d{12}",
    "transaction-processor", "fraud-analyzer", "report-generator", "api-access", "api-logs",
    "alert-pipe", "event-pipe", "webhook-pipe", "report-schedules",
)  # fmt: skip
"""Second parts, of what is found by its name, as patterns: a stack's suffix may have dashes too."""
_OF_OTHERS: Final = re.compile(rf"(?:{'|'.join(PURPOSES)})[-_].+")
_LAMBDA_INTERFACE: Final = re.compile(r"AWS Lambda VPC ENI-(.+?)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that is still there."""

    kind: str
    name: str
    """Its ARN, or what AWS calls it."""
    ends: str
    """When it goes, or how to remove it."""
    stays: bool = True
    """Whether it stays until somebody removes it."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """A service that could not be asked."""

    kind: str
    why: str


def find_leftovers(clients: Clients, environment: str) -> Iterator[Leftover | Unseen]:
    """Yield what an account still has of a stack. Nothing is changed.

    Args:
        clients: of the services.
        environment: the stack's environment suffix, with which all its names end.
    """
    searches: Iterable[tuple[str, Callable[[], Iterator[Leftover]]]] = (
        ("tagged resources", lambda: _tagged(clients("resourcegroupstaggingapi"), environment)),
        ("tables", lambda: _tables(clients("dynamodb"), environment)),
        ("table backups", lambda: _backups(clients("dynamodb"), environment)),
        ("buckets", lambda: _buckets(clients("s3"), environment)),
        ("log groups", lambda: _log_groups(clients("logs"), environment)),
        ("network interfaces", lambda: _interfaces(clients("ec2"), environment)),
        ("keys", lambda: _keys(clients("kms"), environment)),
        ("roles", lambda: _roles(clients("iam"), environment)),
    )
    seen: set[str] = set()
    for kind, search in searches:
        try:
            for leftover in search():
                if leftover.name not in seen:
                    seen.add(leftover.name)
                    yield leftover
        except (ClientError, BotoCoreError) as error:
            yield Unseen(kind=kind, why=str(error))


def _is_of(name: str, environment: str) -> bool:
    first = "|".join(map(re.escape, PROJECT_PREFIXES))
    match = re.fullmatch(rf"(?:{first})[-_]([A-Za-z0-9-_]*)[-_]{re.escape(environment)}", name)
    # `table-alerts-x-dev` is of the stack `x-dev`, and not of `dev`.
    return match is not None and not _OF_OTHERS.fullmatch(match[1])


def _tagged(client: AwsClient, environment: str) -> Iterator[Leftover]:
    pages = client.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "Environment", "Values": [environment]}, {"Key": "CostCenter"}]
    )
    for page in pages:
        for each in page["ResourceTagMappingList"]:
            arn = each["ResourceARN"]
            # The index of tags is hours behind: what is looked at below by itself is not taken from it.
            if arn.split(":")[2] not in {"dynamodb", "s3", "logs", "kms"}:
                yield Leftover(
                    kind="tagged resource", name=arn, ends="the index of tags may be hours behind", stays=False
                )


def _tables(client: AwsClient, environment: str) -> Iterator[Leftover]:
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if _is_of(name, environment):
                yield Leftover(kind="table", name=name, ends="aws dynamodb delete-table --table-name " + name)


def _backups(client: AwsClient, environment: str) -> Iterator[Leftover]:
    # Of a deleted table with point-in-time recovery DynamoDB makes one by itself.
    for page in client.get_paginator("list_backups").paginate(BackupType="ALL"):
        for each in page["BackupSummaries"]:
            if _is_of(each["TableName"], environment):
                expiry = each.get("BackupExpiryDateTime")
                arn = each["BackupArn"]
                ends = f"it ends on {expiry:%Y-%m-%d}" if expiry else f"aws dynamodb delete-backup --backup-arn {arn}"
                yield Leftover(kind="table backup", name=arn, ends=ends, stays=not expiry)


def _buckets(client: AwsClient, environment: str) -> Iterator[Leftover]:
    for each in client.list_buckets()["Buckets"]:
        if _is_of(each["Name"], environment):
            yield Leftover(kind="bucket", name=each["Name"], ends=_emptied_and_deleted(each["Name"]))


def _emptied_and_deleted(bucket: str) -> str:
    # `aws s3 rb --force` leaves old versions, and S3 deletes no bucket that has any.
    resource = f"boto3.resource('s3').Bucket('{bucket}')"
    code = f"import boto3; bucket = {resource}; bucket.object_versions.delete(); bucket.delete()"
    locked = "; if its files are locked: delete(BypassGovernanceRetention=True)" if "bucket-audit-" in bucket else ""
    return f'{sys.executable} -c "{code}"{locked}'


def _log_groups(client: AwsClient, environment: str) -> Iterator[Leftover]:
    # Services make groups of their own when something is written after the stack's group was deleted.
    for page in client.get_paginator("describe_log_groups").paginate():
        for each in page["logGroups"]:
            name = each["logGroupName"]
            if _is_of(name.rpartition("/")[2], environment):
                days = each.get("retentionInDays")
                yield Leftover(
                    kind="log group",
                    name=name,
                    ends=f"aws logs delete-log-group --log-group-name {name}"
                    + (f"; its lines end after {days} days" if days else "; without that it is kept for ever"),
                )


def _interfaces(client: AwsClient, environment: str) -> Iterator[Leftover]:
    for page in client.get_paginator("describe_network_interfaces").paginate():
        for each in page["NetworkInterfaces"]:
            of_lambda = _LAMBDA_INTERFACE.match(each["Description"])
            if of_lambda and _is_of(of_lambda[1], environment):
                yield Leftover(
                    kind="network interface",
                    name=each["NetworkInterfaceId"],
                    ends="Lambda removes it within 45 minutes",
                    stays=False,
                )


def _keys(client: AwsClient, environment: str) -> Iterator[Leftover]:
    for page in client.get_paginator("list_keys").paginate():
        for each in page["Keys"]:
            try:
                tags = client.list_resource_tags(KeyId=each["KeyId"])["Tags"]
            except ClientError:
                # A key of somebody else's, whose policy says so.
                continue
            if {"TagKey": "Name", "TagValue": f"key-data-{environment}"} not in tags:
                continue
            key = client.describe_key(KeyId=each["KeyId"])["KeyMetadata"]
            ends = key.get("DeletionDate")
            yield Leftover(
                kind="key",
                name=key["Arn"],
                ends=f"KMS deletes it on {ends:%Y-%m-%d}"
                if ends
                else f"aws kms schedule-key-deletion --key-id {key['Arn']}",
                stays=not ends,
            )


def _roles(client: AwsClient, environment: str) -> Iterator[Leftover]:
    for page in client.get_paginator("list_roles").paginate():
        for each in page["Roles"]:
            name = each["RoleName"]
            if _is_of(name, environment):
                yield Leftover(kind="role", name=name, ends=" && ".join(_role_deletion(client, name)))


def _role_deletion(client: AwsClient, name: str) -> Iterator[str]:
    """Yield the commands that delete a role; IAM deletes none that still has policies."""
    role = f"--role-name {name}"
    for page in client.get_paginator("list_role_policies").paginate(RoleName=name):
        for policy in page["PolicyNames"]:
            yield f"aws iam delete-role-policy {role} --policy-name {policy}"
    for page in client.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        for policy in page["AttachedPolicies"]:
            yield f"aws iam detach-role-policy {role} --policy-arn {policy['PolicyArn']}"
    yield f"aws iam delete-role {role}"

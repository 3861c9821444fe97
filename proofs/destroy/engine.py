"""What Pulumi's engine does with a stack in its life: it makes what the program declares, and deletes it at the end.

It deletes by the calls of AWS's own APIs that Pulumi's provider makes, in the opposite order of the creation, so that
AWS refuses here what it refuses there: a bucket that holds something, a role that has policies.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer, free_port
from embedded_aws.provider import Account, LocalProvider
from embedded_aws.pulumi_program import Created, Resource, run_program
from embedded_aws.unpacked import UnpackedPackages

_LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
_Delete = Callable[[Callable[[str], Any], Resource, str], None]
"""Deletes a resource by its id, by clients of services."""


class DestroyableStack:
    """A stack on the embedded AWS, without the processes of its functions."""

    def __init__(self, server: MinistackServer, name: str, folder: Path) -> None:
        """Store where it is made.

        Args:
            server: plays the account.
            name: of the stack, with which its resources' names end.
            folder: for its packages; there must be none yet.
        """
        self._server = server
        self._name = name
        self._made: list[tuple[Resource, str]] = []
        """Resources and their ids, in the order of their creation."""
        folder.mkdir()
        self._inner = LocalProvider(
            Account(server), packages=UnpackedPackages(folder), reserve_port=free_port, on_progress=lambda _: None
        )

    def up(self, program: Callable[[], object]) -> Mapping[str, Any]:
        """Make what a program declares, and return what it exports."""
        return run_program(program, project="fraudstream", stack=self._name, config={}, provider=self)

    def create(self, resource: Resource, urn: str) -> Created:
        """Make a resource; log groups too, which are files where functions run."""
        created = self._inner.create(resource, urn)
        if resource.type == _LOG_GROUP:
            self._server.client("logs").create_log_group(logGroupName=created.id)
        self._made.append((resource, created.id))
        return created

    def call(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer what the program asks of its cloud."""
        return self._inner.call(token, arguments)

    def destroy(self) -> list[str]:
        """Delete what was made, and return what AWS refused to delete."""
        refused: list[str] = []
        for resource, identity in reversed(self._made):
            if resource.is_retained or (delete := _DELETIONS.get(resource.type)) is None:
                continue
            try:
                delete(self._server.client, resource, identity)
            except ClientError as error:
                refused.append(f"{resource.name}: {error}")
        return refused


def _role_policy(clients: Callable[[str], Any], resource: Resource, identity: str) -> None:
    role = resource.inputs["role"]
    policy = identity.removeprefix(f"{role}:")
    clients("iam").delete_role_policy(RoleName=role, PolicyName=policy)


def _attachment(clients: Callable[[str], Any], resource: Resource, _: str) -> None:
    role, policy = resource.inputs["role"], resource.inputs["policyArn"]
    clients("iam").detach_role_policy(RoleName=role, PolicyArn=policy)


def _key(clients: Callable[[str], Any], resource: Resource, identity: str) -> None:
    days = resource.inputs.get("deletionWindowInDays", 30)
    clients("kms").schedule_key_deletion(KeyId=identity, PendingWindowInDays=days)


def _object(clients: Callable[[str], Any], resource: Resource, identity: str) -> None:
    _empty(clients("s3"), resource.inputs["bucket"], identity)


def _bucket(clients: Callable[[str], Any], resource: Resource, identity: str) -> None:
    if resource.inputs.get("forceDestroy"):
        _empty(clients("s3"), identity, "")
    clients("s3").delete_bucket(Bucket=identity)


def _empty(s3: Any, bucket: str, prefix: str) -> None:  # noqa: ANN401  (a client)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


_DELETIONS: Final[Mapping[str, _Delete]] = {
    "aws:cloudwatch/logGroup:LogGroup": lambda aws, _, name: aws("logs").delete_log_group(logGroupName=name),
    "aws:dynamodb/table:Table": lambda aws, _, name: aws("dynamodb").delete_table(TableName=name),
    "aws:iam/policy:Policy": lambda aws, _, arn: aws("iam").delete_policy(PolicyArn=arn),
    "aws:iam/role:Role": lambda aws, _, name: aws("iam").delete_role(RoleName=name),
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment,
    "aws:kms/alias:Alias": lambda aws, _, name: aws("kms").delete_alias(AliasName=name),
    "aws:kms/key:Key": _key,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:sns/topic:Topic": lambda aws, _, arn: aws("sns").delete_topic(TopicArn=arn),
    "aws:sqs/queue:Queue": lambda aws, _, url: aws("sqs").delete_queue(QueueUrl=url),
}
"""By type. What is not here goes along with something that is, or is not made in this account."""

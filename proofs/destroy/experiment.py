"""A stack that is made, filled and destroyed in an account that has another one: what is left of it?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

import pulumi

from fraudstream.contract import AUDIT_PREFIX, DECISION_LOG_PREFIX, REPORT_PREFIX
from fraudstream_tools.operations.leftovers import Unseen, find_leftovers
from infra.compute.lambda_packages import Package, Target
from infra.program import main
from proofs.destroy.account import everything
from proofs.destroy.engine import DestroyableStack

if TYPE_CHECKING:
    from embedded_aws.ministack.server import MinistackServer

Clients = Callable[[str], Any]
Change = Callable[[pulumi.ResourceTransformationArgs], pulumi.ResourceTransformationResult | None]
"""Changes a resource as the program declares it."""

_TABLES: Final = {
    "transactions": {"transactionId": {"S": "order-1"}, "timestamp": {"N": "1"}},
    "profiles": {"entity": {"S": "customer#1"}},
    "alerts": {"transactionId": {"S": "order-1"}},
    "outbox": {"transactionId": {"S": "order-1"}, "eventId": {"S": "1"}},
}


@dataclass(frozen=True, kw_only=True)
class StackLife:
    """What became of a stack."""

    made: int
    """Resources in the account."""
    refused: list[str]
    """What AWS refused to delete."""
    left: list[str]
    """What is still there."""
    gone: list[str]
    """What was there before, and is not any more: of others."""
    told: list[str]
    """Kinds and names of what `fraudstream leftovers` finds."""
    pending: list[str]
    """Keys among them whose deletion has begun."""

    @property
    def untold(self) -> list[str]:
        """Return what is left, and `fraudstream leftovers` does not name."""
        return [each for each in self.left if not any(each.split(" ")[-1] in told for told in self.told)]

    @property
    def is_clean(self) -> bool:
        """Return whether nothing is left but the key that waits for its end, and nothing else is told."""
        return not (self.refused or self.left or self.gone) and self.told == self.pending


def live(
    server: "MinistackServer",
    name: str,
    folder: Path,
    *,
    change: Change | None = None,
    afterwards: Callable[[Clients, str], None] | None = None,
) -> StackLife:
    """Make a stack, fill it as a running system does, and destroy it.

    Args:
        server: plays the account.
        name: of the stack; no other has had it.
        folder: for its files.
        change: to what the program declares: a fault.
        afterwards: what AWS does by itself after a stack is destroyed, by clients and the stack's name.
    """
    before = everything(server.client)
    stack, outputs = make(server, name, folder, change)
    made = everything(server.client) - before
    _fill(server.client, outputs, name)
    refused = stack.destroy()
    if afterwards:
        afterwards(server.client, name)
    now = everything(server.client)
    found = list(find_leftovers(server.client, name))
    told = [f"{each.kind} {each.why if isinstance(each, Unseen) else each.name}" for each in found]
    pending = [
        f"{each.kind} {each.name}"
        for each in found
        if not isinstance(each, Unseen) and each.ends.startswith("KMS deletes it on")
    ]
    return StackLife(
        made=len(made),
        refused=refused,
        left=sorted(now - before),
        gone=sorted(before - now),
        told=told,
        pending=pending,
    )


def make(
    server: "MinistackServer", name: str, folder: Path, change: Change | None = None
) -> tuple[DestroyableStack, Mapping[str, Any]]:
    """Make a stack, and return it and what it exports; see `live`."""
    stack = DestroyableStack(server, name, folder)
    return stack, stack.up(lambda: _program(folder, change))


def _program(folder: Path, change: Change | None) -> None:
    if change:
        pulumi.runtime.register_stack_transformation(change)
    main(lambda function, target: _package(folder, function, target))


def _package(folder: Path, function: str, _: Target) -> Package:
    """Return a package without code: nothing runs."""
    path = folder / f"{function}.zip"
    ZipFile(path, "w").close()
    return Package(path=path, sha256="")


def _fill(clients: Clients, outputs: Mapping[str, Any], name: str) -> None:
    """Store what makes deleting hard: items, objects in versions and behind delete markers, messages, lines of logs."""
    dynamodb, s3, logs = clients("dynamodb"), clients("s3"), clients("logs")
    for table, key in _TABLES.items():
        dynamodb.put_item(TableName=outputs[f"{table}Table"], Item=key)
    bucket = outputs["bucketName"]
    for prefix in (AUDIT_PREFIX, DECISION_LOG_PREFIX, REPORT_PREFIX):
        for content in (b"old", b"new"):
            s3.put_object(Bucket=bucket, Key=f"{prefix}date=2026-01-01/1.json", Body=content)
    s3.delete_object(Bucket=bucket, Key=f"{REPORT_PREFIX}date=2026-01-01/1.json")
    clients("sqs").send_message(QueueUrl=outputs["deadLetterQueueUrl"], MessageBody="{}")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            if group["logGroupName"].endswith(f"-{name}"):
                logs.create_log_stream(logGroupName=group["logGroupName"], logStreamName="1")

"""Faults put back: what a destroy leaves. Each must be found, and `fraudstream leftovers` must name it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from proofs.destroy.experiment import Change, Clients


@dataclass(frozen=True, kw_only=True)
class DestroyMutation:
    """A fault that is put back."""

    change: Change | None = None
    """To what the program declares."""
    afterwards: Callable[[Clients, str], None] | None = None
    """What AWS makes by itself, by clients and the stack's name."""


def _retained(kind: str, part: str) -> Change:
    """Have the engine keep a resource.

    Args:
        kind: its type.
        part: of its name.
    """

    def change(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ != kind or part not in args.name:
            return None
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(retain_on_delete=True))
        return pulumi.ResourceTransformationResult(args.props, opts)

    return change


def _bucket_kept(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """Have a bucket deleted only where it is empty."""
    if args.type_ != "aws:s3/bucket:Bucket":
        return None
    props: Mapping[str, Any] = args.props
    return pulumi.ResourceTransformationResult({**props, "force_destroy": False}, args.opts)


def _log_again(clients: Clients, name: str) -> None:
    """Write the last line of a function, as Lambda does, when its log group is gone."""
    clients("logs").create_log_group(logGroupName=f"/aws/lambda/lambda-fraud-analyzer-{name}")


def _backup(clients: Clients, name: str) -> None:
    """Keep a table's last state, as DynamoDB does with a table that has point-in-time recovery."""
    dynamodb, table = clients("dynamodb"), f"table-alerts-{name}"
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "transactionId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "transactionId", "KeyType": "HASH"}],
    )
    dynamodb.create_backup(TableName=table, BackupName="last")
    dynamodb.delete_table(TableName=table)


MUTATIONS: Final[Mapping[str, DestroyMutation]] = {
    "a table is retained": DestroyMutation(change=_retained("aws:dynamodb/table:Table", "profiles")),
    "a log group is retained": DestroyMutation(change=_retained("aws:cloudwatch/logGroup:LogGroup", "analyzer")),
    "a role is retained": DestroyMutation(change=_retained("aws:iam/role:Role", "report-generator")),
    "a topic is retained": DestroyMutation(change=_retained("aws:sns/topic:Topic", "alerts")),
    "the dead letters are retained": DestroyMutation(change=_retained("aws:sqs/queue:Queue", "dead-letters")),
    "the key is retained": DestroyMutation(change=_retained("aws:kms/key:Key", "data")),
    "a bucket is kept for what it holds": DestroyMutation(change=_bucket_kept),
    "Lambda makes a log group anew": DestroyMutation(afterwards=_log_again),
    "DynamoDB keeps a backup of a table": DestroyMutation(afterwards=_backup),
}
"""By what they do."""

"""What every pipe from a table's stream has: retries, splitting at what fails, and the dead-letter queue."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.compute.roles import ServiceRole
from infra.data.queues import DeadLetters
from infra.data.tables import Table
from infra.naming import StackContext

ALERT_PIPE = "alert-pipe"
EVENT_PIPE = "event-pipe"
WEBHOOK_PIPE = "webhook-pipe"
"""Purposes of the pipes' roles, as in names."""


@dataclass(frozen=True, kw_only=True)
class StreamPipeSpec:
    """What is particular to a pipe."""

    purpose: str
    batch_size: int
    retries: int
    record_age_seconds: int
    filters: Sequence[str]
    """Event patterns as JSON: a record passes if any matches."""
    target: pulumi.Input[str]
    """ARN."""
    message: str
    """Input template: what the target gets of a record."""


def pipe_role(place: StackContext, plan_purpose: str, role_purpose: str, opts: pulumi.ResourceOptions) -> ServiceRole:
    """Create the role of a pipe, which that pipe alone may assume."""
    return ServiceRole(
        place,
        role_purpose,
        service="pipes.amazonaws.com",
        source_arn=place.arn("pipes", f"pipe/{place.name('pipe', plan_purpose)}"),
        opts=opts,
    )


def make_pipe(
    place: StackContext,
    plan: StreamPipeSpec,
    *,
    table: Table,
    role: ServiceRole,
    dead_letters: DeadLetters,
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> aws.pipes.Pipe:
    """Create a pipe from a table's stream, after what writes the table; its role may do all that it does."""
    name = place.name("pipe", plan.purpose)
    return aws.pipes.Pipe(
        name,
        name=name,
        role_arn=role.arn,
        source=table.stream_arn,
        source_parameters={
            "dynamodb_stream_parameters": {
                "starting_position": "TRIM_HORIZON",
                "batch_size": plan.batch_size,
                "maximum_retry_attempts": plan.retries,
                "maximum_record_age_in_seconds": plan.record_age_seconds,
                "on_partial_batch_item_failure": "AUTOMATIC_BISECT",
                "dead_letter_config": {"arn": dead_letters.arn},
            },
            "filter_criteria": {"filters": [{"pattern": pattern} for pattern in plan.filters]},
        },
        target=plan.target,
        target_parameters={"input_template": plan.message},
        # A pipe that is made before its role is known everywhere fails for good; the functions take a minute.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*role.policies, *after]),
    )

"""The dead-letter queue: whatever could not be delivered or processed ends there."""

import pulumi
import pulumi_aws as aws

from infra.compute.roles import ServiceRole, Statement, document, tls_only
from infra.data.keys import Keys
from infra.naming import StackContext

RETENTION_SECONDS = 14 * 24 * 3600
"""The longest that SQS keeps a message."""


class DeadLetters(pulumi.ComponentResource):
    """An encrypted queue for what failed."""

    def __init__(self, place: StackContext, keys: Keys, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the queue."""
        super().__init__("fraudstream:infra:DeadLetters", place.name("component", "dead-letters"), None, opts)
        self._keys = keys
        child = pulumi.ResourceOptions(parent=self)
        name = place.name("queue", "dead-letters")
        queue = aws.sqs.Queue(
            name,
            name=name,
            message_retention_seconds=RETENTION_SECONDS,
            kms_master_key_id=keys.arn,
            sqs_managed_sse_enabled=True if keys.arn is None else None,
            opts=child,
        )
        aws.sqs.QueuePolicy(
            place.name("policy", "dead-letters"),
            queue_url=queue.url,
            policy=document(tls_only(queue.arn, actions=("sqs:*",))),
            opts=child,
        )
        self.arn = queue.arn
        self.url = queue.url
        self.name = name
        self.register_outputs({"url": queue.url})

    def grant_send(self, role: ServiceRole) -> None:
        """Allow a role to send failed events to the queue."""
        statement = Statement(actions=("sqs:SendMessage",), resources=(self.arn,))
        role.allow("dead-letters", statement, *self._keys.to_write("sqs"))

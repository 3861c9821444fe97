"""Events for other systems: from the outbox's stream to a topic, and to a webhook."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from fraudstream.contract import EVENT_FIELDS, RESENT_AT
from infra.compute.roles import ServiceRole, Statement
from infra.data.queues import DeadLetters
from infra.data.tables import Table
from infra.monitoring.stream_pipe import EVENT_PIPE, WEBHOOK_PIPE, StreamPipeSpec, make_pipe, pipe_role
from infra.monitoring.topics import PIPE_BATCH, PIPE_RECORD_AGE_SECONDS, PIPE_RETRIES, Topics
from infra.naming import StackContext
from infra.settings import StackSettings

WEBHOOK_RETRIES = 185
"""As often as EventBridge tries again by itself (EventBridge user guide, retry policy)."""
WEBHOOK_RECORD_AGE_SECONDS = 24 * 3600
"""What a receiver may miss: the stream keeps no more."""
WEBHOOK_REQUESTS_PER_SECOND = 50
FILTERS = tuple(
    json.dumps(pattern)
    for pattern in (
        {"eventName": ["INSERT"]},
        # Nobody changes an event but to send it again.
        {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {RESENT_AT: {"N": [{"exists": True}]}}}},
    )
)
# Each path leads to one text, which is always there (EventBridge Pipes, input transformation: texts go between quotes,
# and are not escaped; what an event says needs no escape).
MESSAGE = "{" + ", ".join(f'"{name}": "<$.dynamodb.NewImage.{name}.S>"' for name in EVENT_FIELDS) + "}"


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where events come from, and where they end if they cannot be delivered."""

    outbox: Table
    dead_letters: DeadLetters
    after: Sequence[pulumi.Resource]


class EventDelivery(pulumi.ComponentResource):
    """Carries each event to the topic, and to the webhook if there is one.

    A pipe has one target, and a stream two readers: so there is a pipe for each, and a webhook that is down holds up
    nobody else.
    """

    def __init__(
        self,
        place: StackContext,
        *,
        outbox: Table,
        topics: Topics,
        settings: StackSettings,
        dead_letters: DeadLetters,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the topic, the pipes and their roles, after what writes the outbox."""
        super().__init__("fraudstream:infra:EventDelivery", place.name("component", "event-delivery"), None, opts)
        self._place = place
        self._source = _Source(outbox=outbox, dead_letters=dead_letters, after=after)
        topic = topics.add_events()
        role = self._role("events", EVENT_PIPE)
        topics.grant_publish(role, "events", topic)
        plan = StreamPipeSpec(
            purpose="events",
            batch_size=PIPE_BATCH,
            retries=PIPE_RETRIES,
            record_age_seconds=PIPE_RECORD_AGE_SECONDS,
            filters=FILTERS,
            target=topic.arn,
            message=MESSAGE,
        )
        self._pipe(plan, role)
        if settings.alert_webhook_url and settings.alert_webhook_secret:
            self._deliver_to(settings.alert_webhook_url, settings.alert_webhook_header, settings.alert_webhook_secret)
        self.topic_arn = topic.arn
        self.register_outputs({"topicArn": topic.arn})

    def _deliver_to(self, url: str, header: str, secret: str) -> None:
        child = pulumi.ResourceOptions(parent=self)
        name = self._place.name("connection", "webhook")
        connection = aws.cloudwatch.EventConnection(
            name,
            name=name,
            authorization_type="API_KEY",
            auth_parameters={"api_key": {"key": header, "value": pulumi.Output.secret(secret)}},
            opts=child,
        )
        name = self._place.name("destination", "webhook")
        destination = aws.cloudwatch.EventApiDestination(
            name,
            name=name,
            connection_arn=connection.arn,
            invocation_endpoint=pulumi.Output.secret(url),
            http_method="POST",
            invocation_rate_limit_per_second=WEBHOOK_REQUESTS_PER_SECOND,
            opts=child,
        )
        role = self._role("webhook", WEBHOOK_PIPE)
        role.allow("post", Statement(actions=("events:InvokeApiDestination",), resources=(destination.arn,)))
        plan = StreamPipeSpec(
            purpose="webhook",
            batch_size=1,
            retries=WEBHOOK_RETRIES,
            record_age_seconds=WEBHOOK_RECORD_AGE_SECONDS,
            filters=FILTERS,
            target=destination.arn,
            message=MESSAGE,
        )
        self._pipe(plan, role)

    def _role(self, pipe: str, purpose: str) -> ServiceRole:
        role = pipe_role(self._place, pipe, purpose, pulumi.ResourceOptions(parent=self))
        self._source.outbox.grant_read_stream(role)
        self._source.dead_letters.grant_send(role)
        return role

    def _pipe(self, plan: StreamPipeSpec, role: ServiceRole) -> None:
        source = self._source
        make_pipe(
            self._place,
            plan,
            table=source.outbox,
            role=role,
            dead_letters=source.dead_letters,
            after=source.after,
            parent=self,
        )

"""Notification: the topics of alarms, alerts and events, and the pipe that carries alerts to their topic."""

import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from fraudstream.contract import EXPLORATION_PROPENSITY, RESTORED_AT
from infra.compute.roles import ServiceRole, Statement, document, tls_only
from infra.data.keys import Keys
from infra.data.queues import DeadLetters
from infra.data.tables import Table
from infra.monitoring.stream_pipe import ALERT_PIPE, StreamPipeSpec, make_pipe, pipe_role
from infra.naming import StackContext

PIPE_BATCH = 10
"""SNS takes at most ten messages in one call."""
PIPE_RETRIES = 10
PIPE_RECORD_AGE_SECONDS = 3600
NEW_ALERTS = {
    "eventName": ["INSERT"],
    # Of those that come back from a backup people have been told before; cases are stored beside the alerts; and what
    # was drawn by chance can wait until somebody looks at the queue.
    "dynamodb": {
        "NewImage": {
            RESTORED_AT: {"N": [{"exists": False}]},
            "kind": {"S": [{"exists": False}]},
            EXPLORATION_PROPENSITY: {"N": [{"exists": False}]},
        }
    },
}
# Streams give numbers as text, and a text goes between quotes. Every path leads to one text: what a template makes of a
# path through the items of a list is not documented for none or one of them (EventBridge Pipes, input transformation).
MESSAGE = (
    '{"transactionId": "<$.dynamodb.NewImage.transactionId.S>",'
    ' "decision": "<$.dynamodb.NewImage.decision.S>",'
    ' "score": "<$.dynamodb.NewImage.score.N>",'
    ' "reasonCodes": "<$.dynamodb.NewImage.reasonCodes.S>"}'
)


class Topics(pulumi.ComponentResource):
    """The topic that operators follow (alarms), the one that analysts follow (alerts), and that of systems (events)."""

    def __init__(
        self,
        place: StackContext,
        keys: Keys,
        *,
        alarm_email: str | None,
        alert_email: str | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the topics, and subscribe the addresses that are given; AWS asks each for a confirmation."""
        super().__init__("fraudstream:infra:Topics", place.name("component", "topics"), None, opts)
        self._place = place
        self._keys = keys
        alarm_publisher = Statement(
            principal={"Service": "cloudwatch.amazonaws.com"},
            actions=("sns:Publish",),
            resources=(place.arn("sns", place.name("topic", "alarms")),),
            conditions={
                "StringEquals": {"aws:SourceAccount": place.account_id},
                "ArnLike": {"aws:SourceArn": place.arn("cloudwatch", f"alarm:{place.name('alarm', '*')}")},
            },
        )
        # Without the stack's key: nothing works where that is disabled or to be deleted, and alarms are to tell of it.
        self.alarms = self._topic("alarms", alarm_email, alarm_publisher)
        self.alerts = self._topic("alerts", alert_email, key=keys.arn)
        self.register_outputs({"alarms": self.alarms.arn, "alerts": self.alerts.arn})

    def add_events(self) -> aws.sns.Topic:
        """Create the topic that other systems follow."""
        return self._topic("events", None, key=self._keys.arn)

    def _topic(
        self, purpose: str, email: str | None, *publishers: Statement, key: pulumi.Output[str] | None = None
    ) -> aws.sns.Topic:
        child = pulumi.ResourceOptions(parent=self)
        name = self._place.name("topic", purpose)
        topic = aws.sns.Topic(name, name=name, kms_master_key_id=key, opts=child)
        aws.sns.TopicPolicy(
            self._place.name("policy", f"topic-{purpose}"),
            arn=topic.arn,
            policy=document(tls_only(topic.arn, actions=("sns:Publish",)), *publishers),
            opts=child,
        )
        if email is not None:
            aws.sns.TopicSubscription(
                self._place.name("subscription", purpose),
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=child,
            )
        return topic

    def grant_publish(self, role: ServiceRole, what: str, topic: aws.sns.Topic) -> None:
        """Allow a role to publish in one of the topics."""
        statement = Statement(actions=("sns:Publish",), resources=(topic.arn,))
        role.allow(f"publish-{what}", statement, *self._keys.to_write("sns"))


class AlertPipe(pulumi.ComponentResource):
    """Carries each new alert from its table's stream to the topic."""

    def __init__(
        self,
        place: StackContext,
        *,
        alerts: Table,
        topics: Topics,
        dead_letters: DeadLetters,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the pipe and its role, after what writes the alerts."""
        super().__init__("fraudstream:infra:AlertPipe", place.name("component", "alert-pipe"), None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = pipe_role(place, "alerts", ALERT_PIPE, child)
        alerts.grant_read_stream(role)
        topics.grant_publish(role, "alerts", topics.alerts)
        dead_letters.grant_send(role)
        plan = StreamPipeSpec(
            purpose="alerts",
            batch_size=PIPE_BATCH,
            retries=PIPE_RETRIES,
            record_age_seconds=PIPE_RECORD_AGE_SECONDS,
            filters=[json.dumps(NEW_ALERTS)],
            target=topics.alerts.arn,
            message=MESSAGE,
        )
        make_pipe(place, plan, table=alerts, role=role, dead_letters=dead_letters, after=after, parent=self)
        self.register_outputs({})

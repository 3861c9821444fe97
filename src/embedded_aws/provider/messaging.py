"""Queues, topics and pipes."""

import json
from collections.abc import Mapping
from typing import Any

from embedded_aws.provider.account import Account
from embedded_aws.provider.creators import Create
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.plan import PipePlan, ServicePlan
from embedded_aws.provider.policies import without_transport_demands
from embedded_aws.pulumi_program import Created, DeploymentError
from embedded_aws.specs import PipeSpec

_QUEUE_ATTRIBUTES = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redrivePolicy": "RedrivePolicy",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


class Messaging:
    """SQS, SNS and EventBridge Pipes."""

    def __init__(self, account: Account, plan: ServicePlan) -> None:
        self._account = account
        self._plan = plan

    def creators(self) -> Mapping[str, Create]:
        """Return the methods by resource type."""
        return {
            "aws:sqs/queue:Queue": self.queue,
            "aws:sqs/queuePolicy:QueuePolicy": self.queue_policy,
            "aws:sns/topic:Topic": self.topic,
            "aws:sns/topicPolicy:TopicPolicy": self.topic_policy,
            "aws:sns/topicSubscription:TopicSubscription": self.subscription,
            "aws:pipes/pipe:Pipe": self.pipe,
        }

    def queue(self, name: str, inputs: Inputs) -> Created:
        """Create a queue."""
        # SQS's own encryption has nothing to encrypt to where everything stays in one process's memory.
        inputs.skip("sqsManagedSseEnabled")
        queue = inputs.get("name", name)
        values = {theirs: inputs.get(ours) for ours, theirs in _QUEUE_ATTRIBUTES.items()}
        sqs = self._account.client("sqs")
        url = sqs.create_queue(
            QueueName=queue,
            Attributes={key: str(value) for key, value in values.items() if value is not None},
            tags=inputs.tags(),
        )["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return Created(id=url, outputs={"arn": arn, "name": queue, "url": url})

    def queue_policy(self, _name: str, inputs: Inputs) -> Created:
        """Attach a policy to a queue, as far as it can hold without TLS."""
        url = inputs["queueUrl"]
        if policy := without_transport_demands(inputs["policy"]):
            self._account.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return Created(id=url)

    def topic(self, name: str, inputs: Inputs) -> Created:
        """Create a topic."""
        topic = inputs.get("name", name)
        attributes = {"DisplayName": inputs.get("displayName"), "KmsMasterKeyId": inputs.get("kmsMasterKeyId")}
        arn = self._account.client("sns").create_topic(
            Name=topic,
            Attributes={key: value for key, value in attributes.items() if value is not None},
            Tags=inputs.tag_list(),
        )["TopicArn"]
        return Created(id=arn, outputs={"arn": arn, "name": topic})

    def topic_policy(self, _name: str, inputs: Inputs) -> Created:
        """Attach a policy to a topic, as far as it can hold without TLS."""
        arn = inputs["arn"]
        if policy := without_transport_demands(inputs["policy"]):
            self._account.client("sns").set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=policy
            )
        return Created(id=arn)

    def subscription(self, _name: str, inputs: Inputs) -> Created:
        """Subscribe to a topic; ministack sends no e-mail."""
        arn = self._account.client("sns").subscribe(
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return Created(id=arn, outputs={"arn": arn})

    def pipe(self, name: str, inputs: Inputs) -> Created:
        """Plan a pipe from a DynamoDB stream to a topic."""
        inputs.skip("tags", "description")
        pipe = inputs.get("name", name)
        source, target = inputs["source"], inputs["target"]
        if "/stream/" not in source or ":sns:" not in target:
            raise DeploymentError("only pipes from a DynamoDB stream to an SNS topic are played here")
        parameters = inputs["sourceParameters"]
        stream: Mapping[str, Any] = parameters["dynamodbStreamParameters"]
        filters = parameters.get("filterCriteria", {}).get("filters", [])
        spec = PipeSpec(
            name=pipe,
            stream_arn=source,
            topic_arn=target,
            # What is not given is as EventBridge has it: batches of 100, retries and age without end.
            batch_size=stream.get("batchSize", 100),
            starting_position=stream["startingPosition"],
            filters=tuple(json.loads(each["pattern"]) for each in filters),
            input_template=inputs.get("targetParameters", {}).get("inputTemplate"),
            maximum_retry_attempts=stream.get("maximumRetryAttempts", -1),
            maximum_record_age_seconds=stream.get("maximumRecordAgeInSeconds", -1),
            dead_letter_queue_arn=stream.get("deadLetterConfig", {}).get("arn"),
        )
        self._plan.pipes.append(PipePlan(spec=spec, role_arn=inputs["roleArn"]))
        return Created(id=pipe, outputs={"arn": self._account.arn("pipes", f"pipe/{pipe}"), "name": pipe})

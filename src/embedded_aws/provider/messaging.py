"""Queues, topics, pipes and the API destinations that pipes deliver to."""

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from embedded_aws.provider.account import Account
from embedded_aws.provider.creators import Create
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.plan import PipePlan, ServicePlan
from embedded_aws.provider.policies import without_transport_demands
from embedded_aws.pulumi_program import Created, DeploymentError
from embedded_aws.specs import ApiDestinationSpec, PipeSpec
from embedded_aws.streams.api_destinations import is_loopback

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
    """SQS, SNS, EventBridge Pipes and API destinations."""

    def __init__(self, account: Account, plan: ServicePlan) -> None:
        self._account = account
        self._plan = plan
        self._connections: dict[str, Mapping[str, str]] = {}
        """The headers that a connection adds, by its ARN."""
        self._destinations: dict[str, ApiDestinationSpec] = {}

    def creators(self) -> Mapping[str, Create]:
        """Return the methods by resource type."""
        return {
            "aws:sqs/queue:Queue": self.queue,
            "aws:sqs/queuePolicy:QueuePolicy": self.queue_policy,
            "aws:sns/topic:Topic": self.topic,
            "aws:sns/topicPolicy:TopicPolicy": self.topic_policy,
            "aws:sns/topicSubscription:TopicSubscription": self.subscription,
            "aws:pipes/pipe:Pipe": self.pipe,
            "aws:cloudwatch/eventConnection:EventConnection": self.connection,
            "aws:cloudwatch/eventApiDestination:EventApiDestination": self.api_destination,
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

    def connection(self, name: str, inputs: Inputs) -> Created:
        """Remember what a connection adds to requests; its secret stays in this process."""
        inputs.skip("description")
        connection = inputs.get("name", name)
        parameters: Mapping[str, Any] = inputs["authParameters"]
        if inputs["authorizationType"] != "API_KEY" or set(parameters) != {"apiKey"}:
            raise DeploymentError("only connections with an API key are played here")
        arn = self._account.arn("events", f"connection/{connection}/{_identifier(connection)}")
        self._connections[arn] = {parameters["apiKey"]["key"]: parameters["apiKey"]["value"]}
        return Created(id=connection, outputs={"arn": arn, "name": connection})

    def api_destination(self, name: str, inputs: Inputs) -> Created:
        """Remember an API destination; nothing leaves this machine."""
        inputs.skip("description")
        destination = inputs.get("name", name)
        url: str = inputs["invocationEndpoint"]
        if urlsplit(url).scheme not in ("http", "https") or not is_loopback(url):
            raise DeploymentError("delivers to this machine alone: the invocation endpoint must be a loopback address")
        arn = self._account.arn("events", f"api-destination/{destination}/{_identifier(destination)}")
        self._destinations[arn] = ApiDestinationSpec(
            url=url,
            method=inputs["httpMethod"],
            headers=self._connections[inputs["connectionArn"]],
            # What is not given is as EventBridge has it.
            requests_per_second=inputs.get("invocationRateLimitPerSecond", 300),
        )
        return Created(id=destination, outputs={"arn": arn, "name": destination})

    def pipe(self, name: str, inputs: Inputs) -> Created:
        """Plan a pipe from a DynamoDB stream to a topic or to an API destination."""
        inputs.skip("tags", "description")
        pipe = inputs.get("name", name)
        source, target = inputs["source"], inputs["target"]
        destination = self._destinations.get(target)
        if "/stream/" not in source or not (":sns:" in target or destination):
            raise DeploymentError(
                "only pipes from a DynamoDB stream to an SNS topic or an API destination are played here"
            )
        parameters = inputs["sourceParameters"]
        stream: Mapping[str, Any] = parameters["dynamodbStreamParameters"]
        filters = parameters.get("filterCriteria", {}).get("filters", [])
        spec = PipeSpec(
            name=pipe,
            stream_arn=source,
            target_arn=target,
            destination=destination,
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


def _identifier(name: str) -> str:
    """Return the UUID with which such ARNs end: the same for the same name, so that two runs declare the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))

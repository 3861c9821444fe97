"""The whole system on this machine, with a receiver of its events, for one block of code."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from botocore.credentials import Credentials

from embedded_aws.cloud import LocalCloud
from embedded_aws.seams import Seams
from fraudstream_tools.lab.replay.signing import SignedRequests
from infra.program import main
from proofs.running.webhook import Receiver, receiver

CONFIG: Final[Mapping[str, str]] = {
    "fraudstream:packageFor": "host",
    "fraudstream:segmentWindowSeconds": "1",
    # On a busy machine a new environment takes seconds; the default is for Lambda.
    "fraudstream:inlineBudgetMilliseconds": "5000",
}
NOTIFICATIONS: Final = "queue-of-the-experiment"
WEBHOOK_SECRET: Final = "0123456789abcdef"  # noqa: S105  (of a webhook on this machine)


@dataclass(frozen=True)
class RunningSystem:
    """A deployed system, and who receives its events."""

    cloud: LocalCloud
    webhook: Receiver

    @property
    def state(self) -> Path:
        """Return the folder of what the system writes on this machine."""
        return self.cloud.log_file("").parents[2]

    @property
    def api_url(self) -> str:
        """Return the API's URL, without a slash at its end."""
        return self.cloud.outputs["apiUrl"]

    def auth(self) -> httpx.Auth:
        """Return the signer of a client who may call both routes."""
        keys = Credentials(self.cloud.credentials.access_key, self.cloud.credentials.secret_key)
        return SignedRequests(keys, self.cloud.outputs["region"])

    def run_task(self, task: str, **asked: object) -> Any:  # noqa: ANN401  (each task has an answer of its own)
        """Have the report function do a task."""
        return self.cloud.invoke(self.cloud.outputs["reportFunction"], {"task": task, **asked})


def local_cloud(
    folder: Path, stack: str, config: Mapping[str, str], *, enforce_iam: bool, seams: Seams | None = None
) -> LocalCloud:
    """Return the Pulumi program in an embedded AWS, which entering deploys.

    Args:
        folder: for packages, logs and the like.
        stack: its name.
        config: settings of the stack, beside those that every experiment has.
        enforce_iam: whether policies are enforced.
        seams: what stands between functions and AWS; nothing without it.
    """
    return LocalCloud(
        program=main,
        project="fraudstream",
        stack=stack,
        config={**CONFIG, **config},
        folder=folder,
        enforce_iam=enforce_iam,
        seams=seams or Seams(),
    )


@contextmanager
def deployed(folder: Path, stack: str, config: Mapping[str, str] | None = None) -> Generator[RunningSystem]:
    """Deploy the Pulumi program with its policies enforced.

    Args:
        folder: for packages, logs and the like.
        stack: its name.
        config: more settings of the stack.
    """
    with receiver() as webhook:
        told = {"fraudstream:alertWebhookUrl": webhook.url, "fraudstream:alertWebhookSecret": WEBHOOK_SECRET}
        told |= config or {}
        with local_cloud(folder, stack, told, enforce_iam=True) as cloud:
            yield RunningSystem(cloud, webhook)


def follow_notifications(system: RunningSystem) -> None:
    """Subscribe a queue, `NOTIFICATIONS`, to every topic."""
    sqs, sns = system.cloud.client("sqs"), system.cloud.client("sns")
    url = sqs.create_queue(QueueName=NOTIFICATIONS)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    for topic in sns.list_topics()["Topics"]:
        sns.subscribe(
            TopicArn=topic["TopicArn"],
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": json.dumps(obj=True)},
        )

"""A processor that decides while clients wait, on tables and a bucket of the embedded AWS behind a faulty network."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_FILES, RULESET_PREFIX
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.inline import InlineJudge
from fraudstream.detection.sca_policy import ScaPolicy
from fraudstream.detection.stores.rulesets.active import RulesetStore
from fraudstream.transactions.decisions.inline import LazyDecider
from fraudstream.transactions.storage.deadline import Deadline
from tests.integration.detection import analyzer_harness
from tests.integration.detection.analyzer_harness import World
from tests.integration.transactions.processor_harness import Processor, body_of, connect, make_processor, payment

BUCKET = "rules"
PATIENT_SECONDS = 120
"""No answer is too slow for it, on whatever machine and however busy."""
IMPATIENT_SECONDS = 1
"""For a network that never answers."""


@dataclass
class FaultyNetwork:
    """Passes connections on to a server; those that are made while it is `silent` never get an answer."""

    server: tuple[str, int]
    silent: bool = False
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.server) as server:
            back = threading.Thread(target=self._carry, args=(server, client, lambda: self.silent), daemon=True)
            back.start()
            self._carry(client, server, lambda: False)
            back.join()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, swallows: Callable[[], bool]) -> None:
        try:
            while data := source.recv(65536):
                if not swallows():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


@dataclass
class Inline:
    """What tests of inline decisions need."""

    world: World
    processor: Processor
    network: FaultyNetwork
    s3: Any
    own_dynamodb: Any
    """The client that inline decisions have for themselves."""
    calls: Counter[str]
    """Of the clients that inline decisions have for themselves: `begun` and `ended`."""
    failures: list[Exception]
    judge: InlineJudge
    rulesets: RulesetStore

    def post(self, transaction: Mapping[str, Any], prefer: str | None = f"wait={PATIENT_SECONDS}") -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} | ({"Prefer": prefer} if prefer is not None else {})
        return self.processor.post(transaction, headers=headers)

    def store_ruleset(self, rules: bytes = analyzer_harness.RULESET_FILES[0]) -> None:
        _, *others = analyzer_harness.RULESET_FILES
        for name, content in zip(RULESET_FILES, (rules, *others), strict=True):
            self.s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + name, Body=content)


def make_bucket(aws: MinistackServer) -> None:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})


@contextmanager
def inline_processor(
    aws: MinistackServer, world: World, sca: ScaPolicy | None = None, budget_seconds: int = PATIENT_SECONDS
) -> Iterator[Inline]:
    """A processor whose clients of inline decisions reach the embedded AWS through a network of their own."""
    s3 = aws.client("s3")
    place = urlsplit(aws.endpoint_url)
    network = FaultyNetwork((place.hostname or "", place.port or 0))
    threading.Thread(target=network.serve, daemon=True).start()
    config = Config(
        connect_timeout=budget_seconds / 2,
        read_timeout=budget_seconds / 2,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    deadline = Deadline()
    own = {service: _own_client(network, service, config) for service in ("dynamodb", "s3")}
    calls: Counter[str] = Counter()
    for client in own.values():
        client.meta.events.register("request-created", deadline.check)
        client.meta.events.register("before-call", lambda **_: calls.update(["begun"]))
        for end in ("after-call", "after-call-error"):
            client.meta.events.register(end, lambda **_: calls.update(["ended"]))
    failures: list[Exception] = []
    rulesets = RulesetStore(own["s3"], bucket=BUCKET, on_refused=failures.append)
    judge = InlineJudge(
        dynamodb=own["dynamodb"],
        deadline=deadline,
        table="profiles",
        rulesets=rulesets,
        calendar=Calendar(),
        budget_seconds=budget_seconds,
        on_failure=failures.append,
        sca=sca,
    )
    processor = make_processor(connect(aws.endpoint_url), "transactions")
    api = replace(processor.api, decider=LazyDecider(lambda: judge, failures.append))
    inline = Inline(
        world=world,
        processor=replace(processor, api=api),
        network=network,
        s3=s3,
        own_dynamodb=own["dynamodb"],
        calls=calls,
        failures=failures,
        judge=judge,
        rulesets=rulesets,
    )
    try:
        yield inline
    finally:
        network.listener.close()


def _own_client(network: FaultyNetwork, service: str, config: Any) -> Any:
    client: Any = boto3.client
    return client(
        service,
        endpoint_url=network.endpoint,
        region_name="us-east-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


def refuse(operation: str) -> Callable[..., None]:
    """Give a hook that makes a call fail as DynamoDB does under load."""

    def hook(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, operation)

    return hook


def unreachable(**_: object) -> None:
    raise BotoCoreError


def answered_at_last(inline: Inline) -> int:
    """Post transactions until one is answered with a decision, as on a busy machine the first may be too late; give
    how many it took."""
    for posted in range(1, 61):
        if body_of(inline.post(payment()))["decisionStage"] == "INLINE":
            return posted
    raise AssertionError


def abroad(**fields: Any) -> dict[str, Any]:
    return payment(cardToken="card-1", cardCountry="DE", ipCountry="VN", **fields)


def stored(inline: Inline) -> dict[str, Any]:
    (item,) = inline.processor.transactions()
    return item


def is_pending(answer: dict[str, Any]) -> bool:
    state = body_of(answer)
    return (
        answer["statusCode"] == 201
        and (state["status"], state["decision"], state["decisionStage"]) == ("PENDING", None, None)
        and "inlineDecision" not in state
        and "Preference-Applied" not in answer["headers"]
    )

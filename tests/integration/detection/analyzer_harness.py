"""A world for the analyzer's tests: tables on a real DynamoDB interface, their stream, and a small ruleset."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import LISTED_PREFIX, SET_ASIDE_PREFIX, EventType, ItemKind
from fraudstream.detection.analyzer import Analysis, Analyzer
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.profiles.sharded import Sharding, entity_of, undivided
from fraudstream.detection.rules.ruleset import load
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.detection.stores.decisions.outbox import Outbox
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.profiles.items import StoredProfile, add_shards, read_items
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.transactions.decisions.decision import Decision
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.transaction import Transaction, TransactionType
from proofs.faults.rules import ruleset_files
from tests.aws_harness import TRANSACTION_KEYS, create_table

NOW = 1_780_000_000_000
BLOCKING_RULESET = b"""
schemaVersion: 1
baseLogOdds: -4
thresholds: {review: 30, decline: 80}
rules:
  - {id: blocked, description: d, when: 'listed("blocked")', decision: DECLINE, reasonCode: BLOCKED_ENTITY,
     severity: high, source: own}
"""
"""A ruleset.yaml that declines who is on the list `blocked`."""
RULESET_FILES = ruleset_files(-4)
RULESET = load(*RULESET_FILES)
TABLES = {
    "transactions": TRANSACTION_KEYS,
    "profiles": {"entity": "S"},
    "alerts": {"transactionId": "S"},
    "outbox": {"transactionId": "S", "eventId": "S"},
}


def transaction(number: int | str, **fields: Any) -> Transaction:
    at = number if isinstance(number, int) else 0
    known: dict[str, Any] = {
        "transaction_id": f"t{number}",
        "timestamp": NOW + at,
        "received_at": NOW + at,
        "amount_minor": 2000,
        "currency": "EUR",
        "type": TransactionType.PAYMENT,
        "customer_id": "tok_ann",
    }
    return Transaction(**(known | fields))


def suspicious(number: int | str) -> Transaction:
    """One of a burst with one card from abroad: after three of them, the next one is reviewed."""
    return transaction(number, card_token="tok_card", card_country="DE", ip_country="VN")


@dataclass
class World:
    """Tables of their own, the stream between them, and the analyzer."""

    dynamodb: Any
    streams: Any
    pool: ThreadPoolExecutor
    read_up_to: dict[str, str] = field(default_factory=dict)

    def analyzer(self, raiser: TokenRaiser | None = None, *, exploration_share: float = 0.0) -> Analyzer:
        return Analyzer(
            profiles=self.profile_store(),
            decisions=DecisionStore(self.dynamodb, "transactions", self.pool),
            alerts=AlertStore(self.dynamodb, "alerts", 400),
            pool=self.pool,
            calendar=Calendar(),
            clock=lambda: NOW + 60_000,
            raiser=raiser,
            outbox=Outbox(self.dynamodb, "outbox", types=EventType, environment="test"),
            exploration_share=exploration_share,
        )

    def profile_store(self) -> ProfileStore:
        return ProfileStore(self.dynamodb, "profiles", 400, self.pool)

    def store(self, *transactions: Transaction, **attributes: object) -> None:
        for each in transactions:
            item = each.to_item() | to_item({"kind": ItemKind.TRANSACTION, "expiresAt": 4_000_000_000, **attributes})
            self.dynamodb.put_item(TableName="transactions", Item=item)

    def records(self) -> list[dict[str, Any]]:
        """Give what is new on the stream, as Lambda delivers it."""
        return new_records(self.dynamodb, self.streams, "transactions", self.read_up_to)

    def analyze(self, records: Sequence[Mapping[str, Any]] | None = None) -> Analysis:
        return self.analyzer().analyze(self.records() if records is None else records, RULESET)

    def decision(self, transaction_id: str) -> Decision | None:
        (item,) = [item for item in self.items("transactions") if item["transactionId"] == {"S": transaction_id}]
        return Decision.from_item(item)

    def items(self, table: str) -> list[dict[str, Any]]:
        return self.dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]

    def profiles(self) -> dict[str, StoredProfile]:
        """All profiles; the divided ones whole."""
        apart = SET_ASIDE_PREFIX, LISTED_PREFIX
        items = [item for item in self.items("profiles") if not item["entity"]["S"].startswith(apart)]
        loaded = read_items(items)
        add_shards(loaded, items)
        return {
            key: StoredProfile(undivided(stored.profile), stored.version)
            for key, stored in loaded.profiles.items()
            if key == entity_of(key)
        }

    def divide(self, key: str) -> Sharding:
        """Divide a profile as a batch does that others have overtaken too often."""
        store = self.profile_store()
        assert store.divide(store.load([key]).profiles) == {key}
        return store.load([key]).divided()[key]

    def alert(self, transaction_id: str) -> dict[str, Any]:
        return from_item(
            self.dynamodb.get_item(TableName="alerts", Key={"transactionId": {"S": transaction_id}})["Item"]
        )

    def events(self) -> dict[str, dict[str, Any]]:
        """Give what other systems are told, by its id."""
        return {event["eventId"]: event for event in map(from_item, self.items("outbox"))}

    def forget_events(self) -> None:
        """Empty the outbox, as its time to live does after days."""
        for item in self.items("outbox"):
            key = {name: item[name] for name in ("transactionId", "eventId")}
            self.dynamodb.delete_item(TableName="outbox", Key=key)

    def change(self, each: Transaction, attributes: Mapping[str, object]) -> None:
        self.dynamodb.update_item(
            TableName="transactions",
            Key=to_item({"transactionId": each.transaction_id, "timestamp": each.timestamp}),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in attributes.items()}),
        )

    def interfere(self, operation: str, hook: Callable[..., None]) -> Callable[[], None]:
        """Run a hook before each call of an operation, until the returned function is called."""
        event = f"provide-client-params.dynamodb.{operation}"
        self.dynamodb.meta.events.register(event, hook)
        return lambda: self.dynamodb.meta.events.unregister(event, hook)


def new_records(dynamodb: Any, streams: Any, table: str, read_up_to: dict[str, str]) -> list[dict[str, Any]]:
    """Give what is new on a table's stream, as Lambda delivers it, and note up to where it was read."""
    arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    found: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        name = shard["ShardId"]
        position = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": read_up_to[name]}
            if name in read_up_to
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=name, **position)["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        if records:
            read_up_to[name] = records[-1]["dynamodb"]["SequenceNumber"]
        found.extend(records)
    return json.loads(json.dumps(found, default=as_lambda_does))


def as_lambda_does(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def refusal(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, operation)


@contextmanager
def a_world(server: MinistackServer) -> Iterator[World]:
    """Tables on an empty server, and threads to reach them with."""
    dynamodb = server.client("dynamodb")
    for name, keys in TABLES.items():
        create_table(dynamodb, name, keys, stream=True)
    with ThreadPoolExecutor(16) as pool:
        yield World(dynamodb, server.client("dynamodbstreams"), pool)

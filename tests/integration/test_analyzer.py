"""The fraud analyzer on a real DynamoDB interface: effects happen once, whatever is repeated, lost or concurrent."""

import base64
import json
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fraudstream.detection.analyzer import Analysis, Analyzer, first_failure
from fraudstream.detection.batch import Batch, ContentionError
from fraudstream.detection.decision_store import AlertStore, DecisionStore
from fraudstream.detection.entities import EntityKind
from fraudstream.detection.judge import Judge
from fraudstream.detection.profile_store import ProfileStore, Stored
from fraudstream.detection.profiles import Profile, ProfileError
from fraudstream.detection.records import PoisonRecordError
from fraudstream.detection.ruleset import load
from fraudstream.transactions.attributes import from_item, to_item
from fraudstream.transactions.decision import Decision, Label, Truth, Verdict
from fraudstream.transactions.transaction import Kind, Transaction, TransactionType
from fraudstream_tools.local.server import MinistackServer

NOW = 1_780_000_000_000
RULESET = load(
    b"""
schemaVersion: 1
baseLogOdds: -4
thresholds: {review: 30, decline: 80}
rules:
  - id: often
    description: often
    when: cardCount2h >= 3
    points: 2.5
    reasonCode: CARD_VELOCITY
    severity: low
    source: own
  - id: abroad
    description: abroad
    when: ipCountry != cardCountry
    points: 1.5
    reasonCode: COUNTRY_MISMATCH
    severity: low
    source: own
""",
    b"{baseCurrency: EUR, rates: [{validFrom: 2026-01-01, perBase: {}}]}",
    b"{blocked: {}}",
)
TABLES = {
    "transactions": {"transactionId": "S", "timestamp": "N"},
    "profiles": {"entity": "S"},
    "alerts": {"transactionId": "S"},
}


def transaction(number: int | str, **fields: object) -> Transaction:
    at = number if isinstance(number, int) else 0
    known = {
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

    def analyzer(self) -> Analyzer:
        return Analyzer(
            profiles=self.profile_store(),
            decisions=DecisionStore(self.dynamodb, "transactions", self.pool),
            alerts=AlertStore(self.dynamodb, "alerts", 400),
            pool=self.pool,
            time_zone=UTC,
            clock=lambda: (NOW + 60_000) / 1000,
        )

    def profile_store(self) -> ProfileStore:
        return ProfileStore(self.dynamodb, "profiles", 400, self.pool)

    def store(self, *transactions: Transaction, **attributes: object) -> None:
        for each in transactions:
            item = each.to_item() | to_item({"kind": Kind.TRANSACTION, "expiresAt": 4_000_000_000, **attributes})
            self.dynamodb.put_item(TableName="transactions", Item=item)

    def records(self) -> list[dict[str, Any]]:
        """Give what is new on the stream, as Lambda delivers it."""
        arn = self.dynamodb.describe_table(TableName="transactions")["Table"]["LatestStreamArn"]
        found: list[dict[str, Any]] = []
        for shard in self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            name = shard["ShardId"]
            position = (
                {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.read_up_to[name]}
                if name in self.read_up_to
                else {"ShardIteratorType": "TRIM_HORIZON"}
            )
            iterator = self.streams.get_shard_iterator(StreamArn=arn, ShardId=name, **position)["ShardIterator"]
            records = self.streams.get_records(ShardIterator=iterator)["Records"]
            if records:
                self.read_up_to[name] = records[-1]["dynamodb"]["SequenceNumber"]
            found.extend(records)
        return json.loads(json.dumps(found, default=as_lambda_does))

    def analyze(self, records: Sequence[Mapping[str, Any]] | None = None) -> Analysis:
        return self.analyzer().analyze(self.records() if records is None else records, RULESET)

    def decision(self, transaction_id: str) -> Decision | None:
        (item,) = [item for item in self.items("transactions") if item["transactionId"] == {"S": transaction_id}]
        return Decision.from_item(item)

    def items(self, table: str) -> list[dict[str, Any]]:
        return self.dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]

    def profiles(self) -> dict[str, Stored]:
        return {
            item["entity"]["S"]: Stored(Profile.unpack(bytes(item["state"]["B"])), int(item["version"]["N"]))
            for item in self.items("profiles")
        }

    def alert(self, transaction_id: str) -> dict[str, Any]:
        return from_item(
            self.dynamodb.get_item(TableName="alerts", Key={"transactionId": {"S": transaction_id}})["Item"]
        )

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


def as_lambda_does(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def refusal(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, operation)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinistackServer]:
    with MinistackServer(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture
def world(server: MinistackServer) -> Iterator[World]:
    server.reset()
    dynamodb = server.client("dynamodb")
    for name, keys in TABLES.items():
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
    with ThreadPoolExecutor(16) as pool:
        yield World(dynamodb, server.client("dynamodbstreams"), pool)


def test_a_stored_transaction_is_decided_with_its_reasons_and_features(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    analysis = world.analyze()
    assert analysis.failures == []
    assert sorted(analysis.latencies) == [59_997, 59_998, 59_999, 60_000]
    first, last = world.decision("t0"), world.decision("t3")
    assert first is not None
    assert last is not None
    assert (first.decision, [reason.code for reason in first.reasons]) == (Verdict.APPROVE, ["COUNTRY_MISMATCH"])
    assert (last.decision, [reason.code for reason in last.reasons]) == (
        Verdict.REVIEW,
        ["CARD_VELOCITY", "COUNTRY_MISMATCH"],
    )
    assert last.ruleset_version == RULESET.version
    assert len(last.features) == 76


def test_every_entity_of_a_batch_is_read_and_written_once(world: World) -> None:
    world.store(*(transaction(number, customer_id=f"tok_{number % 120}") for number in range(240)))
    analysis = world.analyze()
    assert len(analysis.latencies) == 240
    profiles = world.profiles()
    assert len(profiles) == 120
    assert {(len(each.profile.events), each.version) for each in profiles.values()} == {(2, 1)}


def test_a_profile_expires_unless_it_is_written_again(world: World) -> None:
    world.store(transaction(1))
    world.analyze()
    (item,) = world.items("profiles")
    assert int(item["expiresAt"]["N"]) > 400 * 86_400


def test_a_repeated_batch_changes_nothing(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()
    world.analyze(records)
    before = {name: world.items(name) for name in TABLES}
    again = world.analyze(records)
    assert again == Analysis()
    assert {name: world.items(name) for name in TABLES} == before


def test_the_analyzers_own_writes_ask_for_nothing(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    before = world.items("profiles")
    own = world.records()
    assert len(own) == 4
    assert world.analyze(own) == Analysis()
    assert world.items("profiles") == before


def test_claims_and_removals_ask_for_nothing(world: World) -> None:
    each = transaction(1)
    claim = to_item({"transactionId": "t1", "timestamp": 0, "kind": Kind.CLAIM, "payloadHash": "x"})
    world.dynamodb.put_item(TableName="transactions", Item=claim)
    world.store(each, decision="APPROVE")
    world.dynamodb.delete_item(
        TableName="transactions", Key=to_item({"transactionId": "t1", "timestamp": each.timestamp})
    )
    assert world.analyze() == Analysis()
    assert world.items("profiles") == []


def test_a_crash_between_profiles_and_decision_is_repaired_by_the_retry_with_the_same_decision(world: World) -> None:
    burst = [suspicious(number) for number in range(5)]
    world.store(*burst)
    records = world.records()
    expected = Batch(world.profile_store(), Judge(RULESET), burst, NOW + 60_000).run(
        DecisionStore(world.dynamodb, "transactions", world.pool)
    )
    assert {each.version for each in world.profiles().values()} == {1}
    world.analyze(records)
    assert {each.transaction_id: world.decision(each.transaction_id) for each in burst} == {
        name: decision for name, (_, decision) in expected.items()
    }
    assert {each.version for each in world.profiles().values()} == {1}


def test_a_decision_is_never_overwritten(world: World) -> None:
    world.store(transaction(1))
    records = world.records()
    world.change(transaction(1), {"decision": "DECLINE", "score": 99, "rulesetVersion": "old", "decidedAt": 1})
    assert world.analyze(records).latencies == []
    decision = world.decision("t1")
    assert decision is not None
    assert (decision.decision, decision.ruleset_version) == (Verdict.DECLINE, "old")


def test_a_transaction_that_is_no_longer_stored_is_not_brought_back(world: World) -> None:
    each = transaction(1)
    world.store(each)
    records = world.records()
    world.dynamodb.delete_item(
        TableName="transactions", Key=to_item({"transactionId": "t1", "timestamp": each.timestamp})
    )
    assert world.analyze(records).failures == []
    assert world.items("transactions") == []


def test_a_reviewed_transaction_raises_one_alert(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    assert world.analyze().alerts == 1
    alert = world.alert("t3")
    shard = zlib.crc32(b"t3") % 4
    assert alert.pop("expiresAt") > NOW / 1000
    assert alert == {
        "transactionId": "t3",
        "timestamp": NOW + 3,
        "createdAt": NOW + 60_000,
        "status": "OPEN",
        "statusShard": f"OPEN#{shard}",
        "decision": "REVIEW",
        "score": 50,
        "reasonCodes": ["CARD_VELOCITY", "COUNTRY_MISMATCH"],
        "entity": "customer#tok_ann",
    }


def test_a_label_closes_the_alert_once(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    world.records()
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=NOW + 90_000)
    world.change(suspicious(3), from_item(label.to_item()))
    records = world.records()
    assert world.analyze(records).failures == []
    alert = world.alert("t3")
    assert (alert["status"], alert["label"], alert["closedAt"]) == ("CLOSED", "FRAUD", NOW + 90_000)
    assert alert["statusShard"] == f"CLOSED#{zlib.crc32(b't3') % 4}"
    world.analyze(records)
    assert world.alert("t3") == alert


def test_a_label_on_an_approved_transaction_raises_nothing(world: World) -> None:
    world.store(transaction(1))
    world.analyze()
    world.change(transaction(1), {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW})
    assert world.analyze().failures == []
    assert world.items("alerts") == []


def test_a_redriven_transaction_is_judged_if_it_is_undecided(world: World) -> None:
    world.store(transaction(1))
    world.records()
    world.change(transaction(1), {"redrivenAt": NOW + 5})
    records = world.records()
    assert len(world.analyze(records).latencies) == 1
    world.records()
    world.change(transaction(1), {"redrivenAt": NOW + 9})
    assert world.analyze() == Analysis()


def test_a_labelled_transaction_that_is_redriven_raises_no_alert(world: World) -> None:
    world.store(*(suspicious(number) for number in range(3)))
    world.analyze()
    world.store(suspicious(3), label="FRAUD", labelSource="analyst", labeledAt=NOW)
    analysis = world.analyze()
    assert (len(analysis.latencies), analysis.alerts) == (1, 0)


def test_a_poison_record_fails_alone_and_its_neighbours_are_decided(world: World) -> None:
    world.store(transaction(1), transaction(2), transaction(3))
    records = world.records()
    del records[1]["dynamodb"]["NewImage"]["currency"]
    analysis = world.analyze(records)
    assert len(analysis.latencies) == 2
    (failure,) = analysis.failures
    assert isinstance(failure.error, PoisonRecordError)
    assert first_failure(records, analysis.failures) == records[1]["dynamodb"]["SequenceNumber"]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("timestamp", {"N": "-5"}),
        ("timestamp", {"N": "1e400"}),
        ("amountMinor", {"N": "-1"}),
        ("amountMinor", {"S": "secret"}),
        ("latitude", {"N": "1e9"}),
        ("type", {"S": "secret"}),
        ("customerId", {"B": "%%%"}),
        ("customerId", {}),
        ("customerId", {"SS": ["secret"]}),
        ("metadata", "secret"),
    ],
)
def test_whatever_is_wrong_with_a_record_it_fails_alone_and_says_no_value(
    world: World, attribute: str, value: object
) -> None:
    world.store(transaction(1), transaction(2))
    records = world.records()
    records[0]["dynamodb"]["NewImage"][attribute] = value
    analysis = world.analyze(records)
    assert len(analysis.latencies) == 1
    (failure,) = analysis.failures
    assert isinstance(failure.error, PoisonRecordError)
    assert "secret" not in str(failure.error)


def test_a_record_without_a_sequence_number_fails_the_batch_since_it_could_not_be_named(world: World) -> None:
    world.store(transaction(1))
    records = world.records()
    del records[0]["dynamodb"]["SequenceNumber"]
    with pytest.raises(PoisonRecordError, match="SequenceNumber"):
        world.analyze(records)


def test_a_profile_of_another_schema_fails_its_own_records_and_stays_as_it_is(world: World) -> None:
    foreign = to_item({"entity": "customer#tok_ben", "state": b"\x63later", "version": 7, "expiresAt": 1})
    world.dynamodb.put_item(TableName="profiles", Item=foreign)
    world.store(transaction(1), transaction(2, customer_id="tok_ben"), transaction(3))
    analysis = world.analyze()
    assert len(analysis.latencies) == 2
    (failure,) = analysis.failures
    assert isinstance(failure.error, ProfileError)
    assert world.dynamodb.get_item(TableName="profiles", Key={"entity": foreign["entity"]})["Item"] == foreign


def test_a_refused_decision_fails_its_record_and_the_retry_makes_it(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()

    def refuse(params: Mapping[str, Any], **_: object) -> None:
        if params["Key"]["transactionId"] == {"S": "t3"}:
            raise refusal("UpdateItem")

    recover = world.interfere("UpdateItem", refuse)
    analysis = world.analyze(records)
    recover()
    assert (len(analysis.latencies), analysis.alerts) == (3, 1)
    assert first_failure(records, analysis.failures) == records[3]["dynamodb"]["SequenceNumber"]
    again = world.analyze(records[3:])
    assert (len(again.latencies), again.alerts) == (1, 0)
    decision = world.decision("t3")
    assert decision is not None
    assert decision.decision is Verdict.REVIEW


def test_a_refused_profile_fails_the_records_that_touch_it(world: World) -> None:
    world.store(transaction(1), transaction(2, customer_id="tok_ben"))
    records = world.records()

    def refuse(params: Mapping[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles" and params["Item"]["entity"] == {"S": "customer#tok_ben"}:
            raise refusal("PutItem")

    recover = world.interfere("PutItem", refuse)
    analysis = world.analyze(records)
    recover()
    assert len(analysis.latencies) == 1
    assert first_failure(records, analysis.failures) == records[1]["dynamodb"]["SequenceNumber"]
    assert len(world.analyze(records[1:]).latencies) == 1


def test_another_writer_in_between_is_taken_into_account(world: World) -> None:
    def with_shared_card(number: int, customer: str) -> Transaction:
        return transaction(number, card_token="tok_card", customer_id=customer)

    world.store(with_shared_card(3, "tok_ann"))
    records = world.records()
    waiting = [[with_shared_card(number, "tok_ben") for number in range(3)]]

    def overtake(params: Mapping[str, Any], **_: object) -> None:
        if params["Item"].get("entity") == {"S": "card#tok_card"} and waiting:
            batch = Batch(world.profile_store(), Judge(RULESET), waiting.pop(), NOW)
            batch.run(DecisionStore(world.dynamodb, "transactions", world.pool))

    recover = world.interfere("PutItem", overtake)
    assert world.analyze(records).failures == []
    recover()
    decision = world.decision("t3")
    assert decision is not None
    assert [reason.code for reason in decision.reasons] == ["CARD_VELOCITY"]
    learnt = {key: (len(each.profile.events), each.version) for key, each in world.profiles().items()}
    assert learnt == {"card#tok_card": (4, 2), "customer#tok_ann": (1, 1), "customer#tok_ben": (3, 1)}


def test_a_profile_that_others_change_all_the_time_fails_the_record_for_a_retry(world: World) -> None:
    world.store(transaction("x"))
    versions = count(1)
    busy = threading.local()

    def overtake(params: Mapping[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles" and not getattr(busy, "overtaking", False):
            busy.overtaking = True
            item = {
                "entity": "customer#tok_ann",
                "state": Profile(EntityKind.CUSTOMER).pack(),
                "version": next(versions),
            }
            world.dynamodb.put_item(TableName="profiles", Item=to_item(item))
            busy.overtaking = False

    recover = world.interfere("PutItem", overtake)
    analysis = world.analyze()
    recover()
    (failure,) = analysis.failures
    assert isinstance(failure.error, ContentionError)
    assert world.decision("tx") is None


def test_concurrent_analyzers_lose_no_event_of_a_customer_they_share(world: World) -> None:
    world.store(*(transaction(number) for number in range(40)))
    records = world.records()
    batches = [records[start::8] for start in range(8)]

    def until_done(batch: list[dict[str, Any]]) -> int:
        decided = 0
        for _ in range(20):
            analysis = world.analyze(batch)
            decided += len(analysis.latencies)
            if not analysis.failures:
                break
        return decided

    with ThreadPoolExecutor(8) as lambdas:
        assert sum(lambdas.map(until_done, batches)) == 40
    profile = world.profiles()["customer#tok_ann"].profile
    known = profile.past.count + len(profile.events)
    # What arrives when 24 newer events are known is judged, but not learnt.
    assert 24 <= known <= 40
    assert [each.time for each in profile.events] == [NOW + number for number in range(16, 40)]


def test_keys_that_dynamodb_leaves_out_are_asked_for_again(world: World) -> None:
    world.store(*(transaction(number, customer_id=f"tok_{number}") for number in range(10)))
    records = world.records()
    world.analyze(records)
    left: list[int] = []

    def leave_out(parsed: dict[str, Any], **_: object) -> None:
        items = parsed["Responses"]["profiles"]
        if len(items) > 3:
            kept, out = items[:3], items[3:]
            parsed["Responses"]["profiles"] = kept
            parsed["UnprocessedKeys"] = {"profiles": {"Keys": [{"entity": item["entity"]} for item in out]}}
            left.append(len(out))

    world.dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", leave_out)
    loaded = world.profile_store().load({f"customer#tok_{number}" for number in range(10)})
    world.dynamodb.meta.events.unregister("after-call.dynamodb.BatchGetItem", leave_out)
    assert left == [7, 4, 1]
    assert len(loaded.profiles) == 10

"""The fraud analyzer when something is wrong: a record, a profile, DynamoDB, or another analyzer in between."""

import threading
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fraudstream.contract import EntityKind
from fraudstream.detection.analyzer import first_failure
from fraudstream.detection.batch import Batch, ContentionError
from fraudstream.detection.batch_steps import BatchStep
from fraudstream.detection.judge import Judge
from fraudstream.detection.profiles.codec import CLOSED_SCHEMA, pack
from fraudstream.detection.profiles.layout import Personal, Shared
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stream_records import PoisonRecordError
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.transaction import Transaction
from tests.integration.detection.analyzer_harness import NOW, RULESET, World, refusal, suspicious, transaction


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


def test_a_record_without_a_sequence_number_fails_the_batch(world: World) -> None:
    world.store(transaction(1))
    records = world.records()
    del records[0]["dynamodb"]["SequenceNumber"]
    with pytest.raises(PoisonRecordError, match="SequenceNumber"):
        world.analyze(records)


def newer(state: bytes) -> bytes:
    body = bytes([CLOSED_SCHEMA + 1]) + state[1:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_a_damaged_profile_is_set_aside_and_its_entity_begins_anew(world: World) -> None:
    damaged = to_item({"entity": "customer#tok_ben", "state": b"\x03what was it", "version": 7, "expiresAt": 1})
    world.dynamodb.put_item(TableName="profiles", Item=damaged)
    world.store(transaction(1), transaction(2, customer_id="tok_ben"), transaction(3))
    analysis = world.analyze()
    assert (len(analysis.latencies), analysis.failures, analysis.damaged) == (3, [], 1)
    (aside,) = [item for item in world.items("profiles") if item["entity"]["S"].startswith("damaged#customer#tok_ben")]
    assert aside["item"]["M"] == damaged
    decision = world.decision("t2")
    assert decision is not None
    assert [(each.code, each.source) for each in decision.reasons] == [("PROFILE_DAMAGED", "customer#tok_ben")]
    learnt = world.profiles()["customer#tok_ben"]
    assert (len(learnt.profile.ring), learnt.version) == (1, 8)


@pytest.mark.parametrize("without", [("state",), ("version",), ("state", "version")])
def test_a_profile_that_lacks_an_attribute_is_damaged_too(world: World, without: tuple[str, ...]) -> None:
    state = pack(Profile.new(EntityKind.CUSTOMER))
    item = to_item({"entity": "customer#tok_ann", "state": state, "version": 7, "expiresAt": 1})
    world.dynamodb.put_item(TableName="profiles", Item={key: item[key] for key in item if key not in without})
    world.store(transaction(1))
    assert len(world.analyze().latencies) == 1
    assert len(world.profiles()["customer#tok_ann"].profile.ring) == 1


def test_a_profile_of_a_newer_version_stays_as_it_is_and_stops_nothing(world: World) -> None:
    state = newer(pack(Profile.new(EntityKind.CUSTOMER)))
    foreign = to_item({"entity": "customer#tok_ben", "state": state, "version": 7, "expiresAt": 1})
    world.dynamodb.put_item(TableName="profiles", Item=foreign)
    sale = transaction(2, customer_id="tok_ben", merchant_id="tok_shop")
    world.store(transaction(1), sale)
    world.change(sale, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    records = world.records()
    for _ in range(2):
        analysis = world.analyze(records)
        assert (analysis.failures, analysis.newer) == ([], 1)
    assert world.dynamodb.get_item(TableName="profiles", Key={"entity": foreign["entity"]})["Item"] == foreign
    decision = world.decision("t2")
    assert decision is not None
    assert [(each.code, each.source) for each in decision.reasons] == [("PROFILE_NEWER", "customer#tok_ben")]
    world.dynamodb.delete_item(TableName="profiles", Key={"entity": foreign["entity"]})
    shop = world.profiles()["merchant#tok_shop"].profile.days
    assert [shop.total(column, NOW // DAY, NOW // DAY) for column in (Shared.COUNT, Shared.FRAUDS)] == [1, 1]


def test_a_refused_decision_fails_its_record_and_the_retry_makes_it(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()

    def refuse(params: Mapping[str, Any], **_: object) -> None:
        # It is flagged: written together with its alert and its events.
        if params["TransactItems"][0]["Update"]["Key"]["transactionId"] == {"S": "t3"}:
            raise refusal("TransactWriteItems")

    recover = world.interfere("TransactWriteItems", refuse)
    analysis = world.analyze(records)
    recover()
    assert (len(analysis.latencies), analysis.alerts) == (3, 0)
    assert first_failure(records, analysis.failures) == records[3]["dynamodb"]["SequenceNumber"]
    again = world.analyze(records[3:])
    assert (len(again.latencies), again.alerts) == (1, 1)
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


def test_what_follows_a_failed_record_with_a_profile_of_it_waits_for_it(world: World) -> None:
    # Ann's second payment shares nothing with the shop, and yet her profile must not learn it before the first one.
    sale, later, other = (
        transaction(1, merchant_id="tok_shop"),
        transaction(2),
        transaction(3, customer_id="tok_ben"),
    )
    world.store(sale, later, other)
    records = world.records()

    def refuse(params: Mapping[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles" and params["Item"]["entity"] == {"S": "merchant#tok_shop"}:
            raise refusal("PutItem")

    recover = world.interfere("PutItem", refuse)
    analysis = world.analyze(records)
    recover()
    assert len(analysis.failures) == 2
    assert [world.decision(each.transaction_id) is not None for each in (sale, later, other)] == [False, False, True]
    assert "customer#tok_ann" not in world.profiles()
    assert len(world.analyze(records).latencies) == 2
    ring = world.profiles()["customer#tok_ann"].profile.ring
    assert [each.time for each in ring] == [sale.timestamp, later.timestamp]


@pytest.mark.parametrize(
    ("code", "refusals", "failures"),
    [
        ("ProvisionedThroughputExceededException", 7, 0),
        ("ProvisionedThroughputExceededException", 8, 1),
        ("InternalServerError", 2, 0),
        ("InternalServerError", 3, 1),
    ],
)
def test_a_refused_write_is_repeated_and_longer_where_too_much_is_written(
    world: World, code: str, refusals: int, failures: int
) -> None:
    world.store(transaction(1))
    left = list(range(refusals))

    def refuse(**_: object) -> None:
        if left:
            left.pop()
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "PutItem")

    recover = world.interfere("PutItem", refuse)
    analysis = world.analyze()
    recover()
    assert len(analysis.failures) == failures


def test_another_writer_in_between_is_taken_into_account(world: World) -> None:
    def with_shared_card(number: int, customer: str) -> Transaction:
        return transaction(number, card_token="tok_card", customer_id=customer)

    world.store(with_shared_card(3, "tok_ann"))
    records = world.records()
    waiting = [[BatchStep(str(number), with_shared_card(number, "tok_ben")) for number in range(3)]]

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
    learnt = {key: (len(each.profile.ring), each.version) for key, each in world.profiles().items()}
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
                "state": pack(Profile.new(EntityKind.CUSTOMER)),
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
    assert profile.days.total(Personal.COUNT, NOW // DAY, NOW // DAY) == 40
    assert [each.time for each in profile.ring] == [NOW + number for number in range(30, 40)]


def test_concurrent_analyzers_count_everything_of_a_busy_merchant(world: World) -> None:
    sales = [transaction(n, customer_id=f"tok_{n}", merchant_id="tok_shop") for n in range(120)]
    world.store(*sales)
    for each in sales[:40]:
        world.change(each, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    records = world.records()
    batches = [records[start::6] for start in range(6)]

    def until_done(batch: list[dict[str, Any]]) -> bool:
        return any(not world.analyze(batch).failures for _ in range(20))

    with ThreadPoolExecutor(6) as lambdas:
        assert all(lambdas.map(until_done, batches))
    days = world.profiles()["merchant#tok_shop"].profile.days
    assert days.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 120
    assert days.total(Shared.FRAUDS, NOW // DAY, NOW // DAY) == 40
    assert all(world.decision(each.transaction_id) for each in sales)


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


def test_a_transaction_that_breaks_the_judge_fails_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store(transaction(1), transaction(2), transaction(3))
    records = world.records()
    judge = Judge.judge

    def broken(self: Judge, of: Transaction, *arguments: Any, **options: Any) -> Any:
        if of.transaction_id == transaction(2).transaction_id:
            raise ZeroDivisionError
        return judge(self, of, *arguments, **options)

    monkeypatch.setattr(Judge, "judge", broken)
    analysis = world.analyze(records)
    assert len(analysis.latencies) == 2
    assert [type(failure.error) for failure in analysis.failures] == [ZeroDivisionError]
    assert first_failure(records, analysis.failures) == records[1]["dynamodb"]["SequenceNumber"]
    monkeypatch.undo()
    assert world.analyze(records[1:]).failures == []
    assert all(world.decision(transaction(number).transaction_id) for number in (1, 2, 3))

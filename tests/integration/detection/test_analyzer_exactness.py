"""The fraud analyzer counts everything once, whatever becomes of its calls and of their answers."""

import copy
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fraudstream.contract import EntityKind
from fraudstream.detection.batch import Batch
from fraudstream.detection.batch_steps import BatchStep
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.profiles.layout import Personal, Shared, SharedHour
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.rules.rule import Thresholds
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.profiles.items import StoredProfile
from fraudstream.detection.stores.profiles.store import SavedProfiles
from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.storage.attributes import from_item
from tests.integration.detection.analyzer_harness import NOW, RULESET, World, refusal, suspicious, transaction
from tests.unit.detection.model_harness import severe_model


def lose_first_answer(world: World, operation: str, table: str) -> Callable[[], list[str]]:
    """Have botocore send a call again although it was applied: once for each item of a table."""
    lost: list[str] = []
    sent: list[str] = []

    def remember(request: Any, **_: object) -> None:
        body = json.loads(request.body)
        sent.append(f"{body['TableName']} {json.dumps(body.get('Key') or body['Item'].get('entity'))}")

    def once_more(attempts: int, **_: object) -> float | None:
        if attempts > 1 or not sent[-1].startswith(f"{table} ") or sent[-1] in lost:
            return None
        lost.append(sent[-1])
        return 0.0

    events = world.dynamodb.meta.events
    events.register(f"before-send.dynamodb.{operation}", remember)
    events.register_first(f"needs-retry.dynamodb.{operation}", once_more)

    def recover() -> list[str]:
        events.unregister(f"before-send.dynamodb.{operation}", remember)
        events.unregister(f"needs-retry.dynamodb.{operation}", once_more)
        return lost

    return recover


def analyze_unnoted(world: World, records: list[Any]) -> None:
    """Have profiles learn records, and nobody note on the transactions that they were learnt."""

    def refuse(**_: object) -> None:
        raise refusal("UpdateItem")

    recover = world.interfere("UpdateItem", refuse)
    world.analyze(records)
    recover()


def test_a_long_batch_counts_once_although_every_answer_was_lost(world: World) -> None:
    world.pool = ThreadPoolExecutor(1)
    world.store(*(transaction(number, merchant_id="tok_shop") for number in range(60)))
    records = world.records()
    recover = lose_first_answer(world, "PutItem", "profiles")
    analysis = world.analyze(records)
    assert len(recover()) == 2
    assert (len(analysis.latencies), analysis.failures, analysis.uncertain) == (60, [], 0)
    days = {key: stored.profile.days for key, stored in world.profiles().items()}
    assert days["customer#tok_ann"].total(Personal.COUNT, NOW // DAY, NOW // DAY) == 60
    assert days["customer#tok_ann"].total(Personal.SUM, NOW // DAY, NOW // DAY) == 60 * 2000
    assert days["merchant#tok_shop"].total(Shared.COUNT, NOW // DAY, NOW // DAY) == 60
    assert {stored.version for stored in world.profiles().values()} == {1}


def test_a_decision_whose_answer_was_lost_counts_as_made(world: World) -> None:
    world.pool = ThreadPoolExecutor(1)
    world.store(*(transaction(number) for number in range(5)))
    records = world.records()
    recover = lose_first_answer(world, "UpdateItem", "transactions")
    analysis = world.analyze(records)
    assert len(recover()) == 5
    assert len(analysis.latencies) == 5


def test_a_decision_is_known_as_soon_as_it_is_made(world: World) -> None:
    world.store(transaction(1))
    records = world.records()
    world.analyze(records)
    asked: list[bool] = []
    stop = world.interfere("GetItem", lambda params, **_: asked.append(params["ConsistentRead"]))
    assert world.analyze(records).latencies == []
    stop()
    # By a read that is not consistent it might not be there yet, on AWS: the event would count once more.
    assert asked == [True]


def test_an_own_write_is_known_after_others_have_written_up_to_seven_times(world: World) -> None:
    store, profile = world.profile_store(), Profile.new(EntityKind.CUSTOMER)
    mine = {"customer#tok_ann": StoredProfile(profile, None)}

    def others_write(times: int) -> SavedProfiles:
        """Write, lose the answer, and repeat the write when others have written so many times."""
        done: list[int] = []

        def before(params: Mapping[str, Any], **_: object) -> None:
            if len(done) == 0:
                done.append(1)
                world.dynamodb.put_item(**params)
                for _time in range(times):
                    there = store.load(mine).profiles["customer#tok_ann"]
                    assert store.save({"customer#tok_ann": there}).conflicts == set()

        recover = world.interfere("PutItem", before)
        saved = store.save(mine)
        recover()
        world.dynamodb.delete_item(TableName="profiles", Key={"entity": {"S": "customer#tok_ann"}})
        return saved

    assert [others_write(times).conflicts for times in (0, 1, 7)] == [set(), set(), set()]
    assert others_write(8).conflicts == {"customer#tok_ann"}


def test_an_event_with_a_failed_merchant_write_counts_after_newer_ones(world: World) -> None:
    first = transaction(0, merchant_id="tok_shop")
    world.store(first)
    records = world.records()

    def refuse(params: Mapping[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles" and params["Item"]["entity"] == {"S": "merchant#tok_shop"}:
            raise refusal("PutItem")

    recover = world.interfere("PutItem", refuse)
    assert len(world.analyze(records).failures) == 1
    recover()
    assert world.profiles() == {}
    world.store(*(transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(1, 20)))
    assert world.analyze().failures == []
    assert world.analyze(records).failures == []
    shop = world.profiles()["merchant#tok_shop"].profile.days
    assert shop.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 20


def test_an_event_counts_though_another_batch_learnt_a_later_one(world: World) -> None:
    sales = [transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(21)]
    steps = [BatchStep(str(number), each) for number, each in enumerate(sales)]
    batch = Batch(world.profile_store(), Judge(RULESET), steps[1:], NOW)
    batch.run(DecisionStore(world.dynamodb, "transactions", world.pool))  # and then nothing is decided
    world.store(*sales)
    records = world.records()
    assert world.analyze([records[0], records[20]]).failures == []
    shop = world.profiles()["merchant#tok_shop"].profile
    assert shop.days.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 21
    assert shop.hours.total(SharedHour.COUNT, NOW // HOUR, NOW // HOUR) == 21


def test_an_event_counts_though_labels_follow_it_in_its_batch(world: World) -> None:
    sales = [transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(21)]
    steps = [BatchStep(str(number), each) for number, each in enumerate(sales)]
    batch = Batch(world.profile_store(), Judge(RULESET), steps[1:], NOW)
    batch.run(DecisionStore(world.dynamodb, "transactions", world.pool))  # and then nothing is decided
    world.store(*sales)
    records = world.records()
    for each in sales[1:]:
        world.change(each, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    # As many as the shop remembers events follow the first one: but they are no events.
    assert world.analyze([records[0], records[20], *world.records()]).failures == []
    shop = world.profiles()["merchant#tok_shop"].profile
    assert shop.days.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 21


def test_a_label_counts_though_another_batch_learnt_a_later_one(world: World) -> None:
    sales = [transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(13)]
    world.store(*sales)
    world.analyze()
    world.records()  # the decisions
    for each in sales:
        world.change(each, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    records = world.records()
    for second, record in enumerate(records):
        record["dynamodb"]["ApproximateCreationDateTime"] += second
    analyze_unnoted(world, records[1:])
    assert world.analyze([records[0], records[12]]).failures == []
    shop = world.profiles()["merchant#tok_shop"].profile
    assert shop.days.total(Shared.FRAUDS, NOW // DAY, NOW // DAY) == 13


def test_a_batch_that_alone_fills_the_ring_counts_once_when_it_comes_again(world: World) -> None:
    sales = [transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(60)]
    steps = [BatchStep(str(number), each) for number, each in enumerate(sales)]
    Batch(world.profile_store(), Judge(RULESET), steps, NOW).run(
        DecisionStore(world.dynamodb, "transactions", world.pool)
    )
    world.dynamodb.delete_item(TableName="profiles", Key={"entity": {"S": "customer#tok_3"}})  # not yet written
    world.store(*sales)
    assert world.analyze().failures == []
    shop = world.profiles()["merchant#tok_shop"].profile
    assert shop.days.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 60


def test_what_was_given_up_counts_though_its_batch_fills_the_ring(world: World) -> None:
    sales = [transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(61)]
    given_up, *others = [BatchStep(str(number), each) for number, each in enumerate(sales)]
    world.store(*sales)
    decisions = DecisionStore(world.dynamodb, "transactions", world.pool)
    for steps in (others, [given_up._replace(is_redriven=True), *others]):  # and then nothing is decided
        Batch(world.profile_store(), Judge(RULESET), steps, NOW).run(decisions)
    shop = world.profiles()["merchant#tok_shop"].profile
    assert shop.days.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 61


def test_a_label_is_learnt_once_though_others_made_the_shop_forget_it(world: World) -> None:
    sales = [transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop") for number in range(21)]
    world.store(*sales)
    world.analyze()
    world.records()  # the decisions
    for each in sales:
        world.change(each, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    first, *others = world.records()
    for second, record in enumerate(others, start=1):
        record["dynamodb"]["ApproximateCreationDateTime"] += second
    analyze_unnoted(world, [first])
    assert world.analyze(others).failures == []
    assert world.analyze([first]).failures == []
    days = {key: stored.profile.days for key, stored in world.profiles().items()}
    assert days["customer#tok_0"].total(Personal.FRAUDS, NOW // DAY, NOW // DAY) == 1
    assert days["merchant#tok_shop"].total(Shared.FRAUDS, NOW // DAY, NOW // DAY) == 21


def test_every_label_of_a_burst_is_learnt_once_whatever_the_order(world: World) -> None:
    stolen = [transaction(number, merchant_id="tok_shop") for number in range(30)]
    world.store(*stolen)
    world.analyze()
    for each in stolen:
        world.change(each, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    records = world.records()
    for start in (2, 0, 1, 2, 0):
        assert world.analyze(records[start::3]).failures == []
    days = {key: stored.profile.days for key, stored in world.profiles().items()}
    assert days["customer#tok_ann"].total(Personal.FRAUDS, NOW // DAY, NOW // DAY) == 30
    assert days["merchant#tok_shop"].total(Shared.FRAUDS, NOW // DAY, NOW // DAY) == 30


def test_a_label_of_a_transaction_that_is_gone_brings_nothing_of_it_back(world: World) -> None:
    sale = transaction(1)
    world.store(sale)
    world.analyze()
    world.change(sale, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    records = world.records()
    key = {"transactionId": {"S": sale.transaction_id}, "timestamp": {"N": str(sale.timestamp)}}
    world.dynamodb.delete_item(TableName="transactions", Key=key)
    assert world.analyze(records).failures == []
    assert world.items("transactions") == []


def test_a_label_that_was_given_up_is_learnt_when_its_transaction_is_redriven(world: World) -> None:
    sale = transaction(1)
    world.store(sale)
    world.analyze()
    world.change(sale, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    world.records()  # given up
    for _ in range(2):
        world.change(sale, {"redrivenAt": NOW + 2})
        assert world.analyze().failures == []
        days = world.profiles()["customer#tok_ann"].profile.days
        assert days.total(Personal.FRAUDS, NOW // DAY, NOW // DAY) == 1


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DECLINE])
def test_an_alert_is_of_the_attempt_that_decides_whatever_comes_late(world: World, verdict: Verdict) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()
    late: list[dict[str, Any]] = []

    def delay(params: dict[str, Any], **_: object) -> None:
        late.append(copy.deepcopy(params))
        raise refusal("TransactWriteItems")

    recover = world.interfere("TransactWriteItems", delay)
    world.analyze(records)
    recover()
    other = copy.copy(RULESET)
    other.thresholds = Thresholds(99, 100) if verdict is Verdict.APPROVE else Thresholds(1, 2)
    world.analyzer().analyze(records, other)
    for request in late:
        with pytest.raises(ClientError, match="TransactionCanceled"):
            world.dynamodb.transact_write_items(**request)
    decision = world.decision("t3")
    alerts = {alert["transactionId"]: alert for alert in map(from_item, world.items("alerts"))}
    assert decision is not None
    assert decision.decision is verdict
    if verdict is Verdict.APPROVE:
        assert "t3" not in alerts
    else:
        alert = alerts["t3"]
        assert (alert["decision"], alert["score"], alert["status"]) == (decision.decision, decision.score, "OPEN")


def test_a_decision_that_another_attempt_has_made_first_counts_there_alone(world: World) -> None:
    world.store(transaction(1))
    records = world.records()
    by_model = RULESET.with_models(ActiveModels(severe_model()))
    decided: list[int] = []

    def be_first(**_: object) -> None:
        if not decided:
            decided.append(len(world.analyze(records).latencies))

    recover = world.interfere("TransactWriteItems", be_first)
    second = world.analyzer().analyze(records, by_model)
    recover()
    assert (decided, second.latencies) == ([1], [])
    # What is not decided now raises no alert, and is nothing that the model flagged.
    assert (second.failures, second.alerts, second.only_model) == ([], 0, 0)
    decision = world.decision("t1")
    assert decision is not None
    assert decision.decision is Verdict.APPROVE

"""Labels that are corrected, given up or redriven: profiles know each fraud once, and nothing stays undecided."""

from typing import Any

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.profiles.layout import Personal
from fraudstream.durations import DAY
from fraudstream.transactions.transaction import Transaction
from tests.integration.detection.analyzer_harness import NOW, World, refusal, transaction

FRAUD = {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1}
LEGITIMATE = {"label": "LEGITIMATE", "labelSource": "analyst", "labeledAt": NOW + 2}


def known_frauds(world: World) -> int:
    days = world.profiles()["customer#tok_ann"].profile.days
    return days.total(Personal.FRAUDS, NOW // DAY, NOW // DAY)


def given_up(world: World, sale: Transaction) -> None:
    """Have a transaction stored that is never decided, as one is whose record was given up."""
    world.store(sale)
    world.records()


def test_a_redriven_transaction_is_decided_beside_its_known_label(world: World) -> None:
    sale = transaction(1)
    given_up(world, sale)
    world.change(sale, FRAUD)
    world.change(sale, {"redrivenAt": NOW + 5})
    assert len(world.analyze().latencies) == 1
    assert world.decision("t1") is not None
    assert known_frauds(world) == 1


def test_a_redriven_transaction_is_not_judged_by_its_own_label(world: World) -> None:
    sale, earlier = transaction(2, card_token="tok_card"), transaction(1, card_token="tok_card")
    world.store(earlier)
    world.change(earlier, FRAUD)
    world.analyze()
    given_up(world, sale)
    world.change(sale, FRAUD)
    world.analyze()
    assert known_frauds(world) == 2
    world.change(sale, {"redrivenAt": NOW + 5})
    world.analyze()
    decision = world.decision("t2")
    assert decision
    values = dict(zip(NAMES, unpack(decision.features), strict=True))
    frauds = {name: value for name, value in values.items() if name.endswith("Frauds30d") and value is not None}
    assert frauds == {"customerFrauds30d": 1, "cardFrauds30d": 1}
    assert known_frauds(world) == 2


def test_a_labelled_transaction_whose_decision_failed_is_decided_by_the_retry(world: World) -> None:
    sale = transaction(1)
    given_up(world, sale)
    world.change(sale, FRAUD)
    world.records()
    world.change(sale, {"redrivenAt": NOW + 5})
    records = world.records()

    def refuse(params: dict[str, Any], **_: object) -> None:
        if "decision" in str(params["UpdateExpression"]):
            raise refusal("UpdateItem")

    recover = world.interfere("UpdateItem", refuse)
    assert len(world.analyze(records).failures) == 1
    recover()
    assert world.analyze(records).failures == []
    assert world.decision("t1") is not None
    assert known_frauds(world) == 1


def test_a_correction_of_two_people_is_learnt_where_the_analyzer_is_behind(world: World) -> None:
    sale = transaction(1)
    world.store(sale)
    world.analyze()
    world.change(sale, FRAUD | {"labelApprovedAt": NOW + 2})
    first = world.records()
    world.change(sale, LEGITIMATE | {"labelApprovedAt": NOW + 3})
    both = first + world.records()
    assert world.analyze(both).failures == []
    assert known_frauds(world) == 0


def test_a_correction_of_a_label_that_was_never_learnt_takes_nothing_away(world: World) -> None:
    sale = transaction(1)
    world.store(sale)
    world.analyze()
    world.change(sale, FRAUD)
    world.records()  # given up
    world.change(sale, LEGITIMATE)
    assert world.analyze().failures == []
    assert known_frauds(world) == 0
    other = transaction(2)
    world.store(other)
    world.analyze()
    world.change(other, FRAUD)
    world.analyze()
    assert known_frauds(world) == 1


def test_more_labels_of_a_day_than_are_counted_can_all_be_corrected(world: World) -> None:
    sales = [transaction(number, merchant_id="tok_shop") for number in range(300)]
    world.store(*sales)
    world.analyze()
    for label in (FRAUD, LEGITIMATE):
        for sale in sales:
            world.change(sale, label)
        assert world.analyze().failures == []
    assert known_frauds(world) == 0
    world.analyze()
    world.store(transaction("later"))
    assert world.analyze().failures == []

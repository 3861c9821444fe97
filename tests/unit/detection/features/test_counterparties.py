"""What is known of the other side of a transfer: who sent it money, for the first time or again, and what it paid."""

import random
from typing import Any

import pytest

from fraudstream.contract import EntityKind
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.learning import learn_label, learn_transaction
from fraudstream.detection.profiles.codec import pack, unpack
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import peer_hash
from fraudstream.detection.profiles.layout import LAYOUTS
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.profiles.sharded import merged, new_shard
from fraudstream.detection.profiles.view import FeatureValues
from fraudstream.detection.rotation import renamed
from fraudstream.durations import DAY, HOUR, MINUTE
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType
from tests.unit.detection.features.feature_harness import NOW, transaction

KEY = "counterparty#mule"
RING = LAYOUTS[EntityKind.COUNTERPARTY].ring


def sent(number: int, at: int, sender: str | None = None, **fields: Any) -> Transaction:
    known: dict[str, Any] = {
        "type": TransactionType.TRANSFER,
        "customer_id": sender or f"victim-{number}",
        "card_token": None,
        "counterparty_token": "mule",
        "amount_minor": 50_000,
    }
    return transaction(number, at, **(known | fields))


def judged(history: list[Transaction], profiles: dict[str, Profile] | None = None) -> FeatureValues:
    """The features of a history's last transaction."""
    known = {} if profiles is None else profiles
    values: FeatureValues = {}
    for each in history:
        amount = each.amount_minor / 100
        learned = learn_transaction(each, known, amount, reporting_threshold=10_000, label_delay_days=7)
        values = compute(each, learned.views, amount, Calendar())
        known.update({key: unpack(pack(profile)) for key, profile in learned.changed.items()})
    return values


def test_a_counterparty_is_whom_the_transaction_names() -> None:
    assert entities(sent(1, 0, "ann")) == {
        EntityKind.CUSTOMER: "customer#ann",
        EntityKind.DEVICE: "device#phone",
        EntityKind.IP: "ip#address",
        EntityKind.COUNTERPARTY: KEY,
    }
    assert EntityKind.COUNTERPARTY not in entities(transaction(1))


def test_whom_a_counterparty_knows_it_knows_by_the_next_tokens_too() -> None:
    tenants = [f"tenant-{number}" for number in range(20)]
    profiles: dict[str, Profile] = {}
    judged([sent(number, number * DAY, name) for number, name in enumerate(tenants)], profiles)
    hashes = {peer_hash(name): peer_hash(f"{name}-again") for name in tenants}
    profiles[KEY] = renamed(profiles[KEY], hashes)
    values = judged([sent(99, 30 * DAY, "tenant-3-again")], profiles)
    assert (values["counterpartySenders7d"], values["counterpartyNewSenders7d"]) == (1, 0)
    assert judged([sent(100, 31 * DAY, "somebody")], profiles)["counterpartyNewSenders7d"] == 1


def test_a_payment_in_a_shop_has_no_feature_of_a_counterparty() -> None:
    assert not [name for name in judged([transaction(1)]) if name.startswith("counterparty")]


def test_nothing_is_known_of_a_new_one_but_this_sender() -> None:
    values = judged([sent(1, 0)])
    found = {name: value for name, value in values.items() if name.startswith("counterparty")}
    assert found == {
        "counterpartyAgeDays": 0,
        "counterpartyCount30d": 0,
        "counterpartyFrauds30d": 0,
        "counterpartyIn24h": 0,
        "counterpartyOut24h": 0,
        "counterpartySenders24h": 1,
        "counterpartySenders7d": 1,
        "counterpartyNewSenders7d": 1,
    }


def test_a_mule_is_sent_money_by_many_who_never_sent_any() -> None:
    values = judged([sent(number, -(9 - number) * 12 * HOUR) for number in range(1, 10)])
    assert (values["counterpartySenders24h"], values["counterpartySenders7d"]) == (2, 9)
    assert values["counterpartyNewSenders7d"] == 9
    assert (values["counterpartyCount30d"], values["counterpartyAgeDays"]) == (8, 4)


def test_a_landlord_is_sent_money_by_the_same_people_every_month() -> None:
    tenants = [f"tenant-{number}" for number in range(8)]
    history = [
        sent(100 * month + number, -30 * month * DAY - number * HOUR, tenant)
        for month in (4, 3, 2, 1, 0)
        for number, tenant in reversed(list(enumerate(tenants)))
    ]
    values = judged(history)
    assert (values["counterpartySenders24h"], values["counterpartySenders7d"]) == (8, 8)
    assert values["counterpartyNewSenders7d"] == 0


def test_a_new_sender_is_seen_among_those_who_left_the_ring() -> None:
    history = [sent(number, -(60 - number) * HOUR, f"known-{number % 3}") for number in range(3 * RING)]
    assert judged([*history, sent(99, 0, "known-1")])["counterpartyNewSenders7d"] == 0
    assert judged([*history, sent(99, 0, "somebody new")])["counterpartyNewSenders7d"] == 1


def test_money_in_and_out_is_what_was_not_declined() -> None:
    history = [
        sent(1, -30 * HOUR),
        sent(2, -3 * HOUR, amount_minor=30_000),
        sent(3, -2 * HOUR, amount_minor=70_000, authorization_result=AuthorizationResult.DECLINED),
        sent(4, -HOUR, type=TransactionType.DEPOSIT, amount_minor=20_000),
    ]
    values = judged([*history, sent(5, 0)])
    assert (values["counterpartyIn24h"], values["counterpartyOut24h"]) == (300, 200)


def test_a_payer_is_no_sender() -> None:
    values = judged([sent(number, -number * HOUR, type=TransactionType.DEPOSIT) for number in (3, 2, 1, 0)])
    assert (values["counterpartySenders7d"], values["counterpartyNewSenders7d"]) == (0, 0)
    assert values["counterpartyOut24h"] == 1500


def test_sums_of_a_busy_one_come_from_its_days() -> None:
    values = judged([sent(number, -(2 * RING - number) * MINUTE, "employer") for number in range(2 * RING + 1)])
    assert values["counterpartyIn24h"] == 2 * RING * 500
    assert values["counterpartyCount30d"] == 2 * RING


def test_a_known_fraud_is_known_of_the_counterparty() -> None:
    profiles: dict[str, Profile] = {}
    judged([sent(1, -2 * DAY)], profiles)
    profiles |= learn_label(sent(1, -2 * DAY), profiles, LabelChange(NOW - DAY, 1), 1).changed
    assert judged([sent(2, 0)], profiles)["counterpartyFrauds30d"] == 1


def test_a_victim_from_whom_a_mule_got_money_is_no_fraudster() -> None:
    profiles: dict[str, Profile] = {}
    paid = sent(1, -2 * DAY, type=TransactionType.DEPOSIT)
    judged([paid], profiles)
    profiles |= learn_label(paid, profiles, LabelChange(NOW - DAY, 1), 1).changed
    assert judged([sent(2, 0)], profiles)["counterpartyFrauds30d"] == 0


@pytest.mark.parametrize(("senders", "least", "most"), [(27, 0.0, 0.02), (100, 0.06, 0.14), (1000, 0.93, 1.0)])
def test_the_filter_takes_as_many_new_senders_for_known_ones_as_it_says(
    senders: int, least: float, most: float
) -> None:
    chance = random.Random(7)
    profile, step = Profile.new(EntityKind.COUNTERPARTY), DAY
    for number in range(senders):
        learned = learn_transaction(
            sent(number, -1000 * DAY + number * step, f"{chance.random()}"),
            {KEY: profile},
            1.0,
            reporting_threshold=10_000,
            label_delay_days=7,
        )
        profile = learned.changed[KEY]
    tried = 400
    known = 0
    for number in range(tried):
        new = sent(10_000 + number, 900 * DAY, f"{chance.random()}")
        values = judged([new], {KEY: profile})
        known += values["counterpartyNewSenders7d"] == 0
    assert least <= known / tried <= most


def test_a_divided_profile_knows_the_senders_of_all_its_parts() -> None:
    profiles: dict[str, Profile] = {}
    judged([sent(number, -(90 - number) * HOUR, f"known-{number % 3}") for number in range(2 * RING)], profiles)
    base = profiles[KEY]
    whole = merged(base, [new_shard(base), new_shard(base)])
    assert whole == base
    assert judged([sent(99, 0, "known-1")], {KEY: whole})["counterpartyNewSenders7d"] == 0


def payroll(month: int, *, employees: int = 40) -> list[Transaction]:
    """A firm's salaries, one a minute; month 0 is now."""
    return [
        sent(100 * month + number, -30 * month * DAY + number * MINUTE, "firm", counterparty_token=f"employee-{number}")
        for number in range(employees)
    ]


def test_a_payee_whom_the_customer_has_forgotten_knows_the_customer() -> None:
    profiles: dict[str, Profile] = {}
    judged([*payroll(2), *payroll(1)], profiles)
    again = sent(1, 0, "firm", counterparty_token="employee-0")
    assert judged([again], profiles)["customerPayeeAgeHours"] == 60 * 24
    assert judged([again], profiles)["customerPayeeAgeHours"] == 60 * 24, "judged again, and without itself"
    assert judged([sent(2, 0, "firm", counterparty_token="stranger")], profiles)["customerPayeeAgeHours"] == 0
    assert judged([sent(3, 0, "other-firm", counterparty_token="employee-1")], profiles)["customerPayeeAgeHours"] == 0


def test_of_a_mules_many_senders_none_makes_a_new_one_known() -> None:
    history = [sent(number, -(3000 - number) * MINUTE) for number in range(1500)]
    assert judged([*history, sent(9999, 0, "newcomer")])["customerPayeeAgeHours"] == 0


def test_a_refund_makes_no_payee_known() -> None:
    refund = sent(1, -DAY, "firm", type=TransactionType.REFUND, original_transaction_id="older")
    assert judged([refund, sent(2, 0, "firm")])["customerPayeeAgeHours"] == 0

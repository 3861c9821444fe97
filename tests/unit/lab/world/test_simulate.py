"""The simulated world: the same for the same seed, valid, in order, with every named episode in it."""

import dataclasses
import time
from collections import Counter
from datetime import datetime
from ipaddress import ip_address, ip_network
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Any

import msgspec
import pytest

from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.request import TransactionRequest
from fraudstream_tools.lab.episodes.catalog import EPISODES
from fraudstream_tools.lab.episodes.lookalikes import LOOKALIKES
from fraudstream_tools.lab.files.transactions import read_transactions
from fraudstream_tools.lab.world.labelling import Report
from fraudstream_tools.lab.world.sample_day import SAMPLE, SAMPLE_SETTINGS, TRUTH, sample_transactions, sample_truth
from fraudstream_tools.lab.world.simulate import START, SimulatedTruth, Simulation, WorldSettings, simulate

DOCUMENTATION = [
    ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate(WorldSettings(seed=7, customers=300, days=3, episodes=40.0, traps=20.0))


def kilometres(one: dict[str, float], other: dict[str, float]) -> float:
    """Along the surface, by the haversine formula, on a sphere of 6,371 km."""
    north, east = radians(other["latitude"] - one["latitude"]), radians(other["longitude"] - one["longitude"])
    across = cos(radians(one["latitude"])) * cos(radians(other["latitude"]))
    return 2 * 6371 * asin(sqrt(sin(north / 2) ** 2 + across * sin(east / 2) ** 2))


def test_the_same_settings_make_the_same_world_and_another_seed_another() -> None:
    settings = WorldSettings(seed=3, customers=60, days=2)
    assert simulate(settings) == simulate(settings)
    assert simulate(settings) != simulate(dataclasses.replace(settings, seed=4))


def test_the_api_would_take_every_transaction(world: Simulation) -> None:
    for transaction in world.transactions:
        msgspec.convert(transaction, TransactionRequest)


def test_transactions_come_in_order_of_time_and_inside_the_days_asked_for(world: Simulation) -> None:
    times = [transaction["timestamp"] for transaction in world.transactions]
    start = START.timestamp() * 1000
    assert all(before <= after for before, after in pairwise(times))
    assert start <= times[0]
    assert times[-1] < start + 3 * 86_400_000


def test_every_transaction_has_an_id_of_its_own_and_a_truth(world: Simulation) -> None:
    ids = [transaction["transactionId"] for transaction in world.transactions]
    assert len(set(ids)) == len(ids)
    assert ids == [truth.transaction_id for truth in world.truths]


def test_every_named_episode_and_every_trap_happens(world: Simulation) -> None:
    # Nobody is dormant in a world of three days.
    assert {truth.episode for truth in world.truths if truth.fraud} == EPISODES.keys() - {"dormant_account"}
    assert {truth.trap for truth in world.truths if truth.trap} == LOOKALIKES.keys()
    assert 0.005 < sum(truth.fraud for truth in world.truths) / len(world.truths) < 0.2


def test_all_of_an_episode_is_fraud_except_what_its_victims_did(world: Simulation) -> None:
    innocent = {truth.episode for truth in world.truths if truth.episode and not truth.fraud}
    assert innocent == {"refund_abuse", "duplicate_payment"}
    assert not any(truth.trap and (truth.fraud or truth.episode) for truth in world.truths)


def test_labels_come_at_once_within_days_or_weeks_by_their_source(world: Simulation) -> None:
    when = {transaction["transactionId"]: transaction["timestamp"] for transaction in world.transactions}
    delays: dict[str, list[float]] = {}
    for truth in world.truths:
        if truth.report:
            delay = (truth.report.labeled_at - when[truth.transaction_id]) / 86_400_000
            delays.setdefault(truth.report.source, []).append(delay)
    medians = {source: sorted(values)[len(values) // 2] for source, values in delays.items()}
    assert min(map(min, delays.values())) > 0
    assert medians["analyst"] < 0.5 < medians["customer"] < 4
    assert 15 < medians["chargeback"] < 40


def test_some_frauds_are_never_reported_and_some_honest_ones_cleared(world: Simulation) -> None:
    robbed = [t for t in world.truths if t.fraud and t.episode in {"stolen_card", "account_takeover", "many_merchants"}]
    assert 0 < sum(truth.report is None for truth in robbed) / len(robbed) < 0.25
    for truth in world.truths:
        assert truth.report is None or (truth.report.label is Truth.FRAUD) is truth.fraud
    honest = [truth for truth in world.truths if not truth.fraud]
    assert {truth.report.source for truth in honest if truth.report} == {"analyst"}
    traps = [truth.report is not None for truth in honest if truth.trap]
    assert 0.3 < sum(traps) / len(traps) < 0.7


def test_what_was_declined_is_never_charged_back(world: Simulation) -> None:
    sources = {
        truth.report.source
        for transaction, truth in zip(world.transactions, world.truths, strict=True)
        if truth.fraud and truth.report and transaction["authorizationResult"] == "DECLINED"
    }
    assert sources == {"analyst"}


def test_a_row_of_the_truth_leaves_out_what_does_not_apply() -> None:
    assert SimulatedTruth("t", fraud=False).as_row() == {"transactionId": "t", "fraud": False}
    reported = SimulatedTruth("t", fraud=True, episode="odd_hour", report=Report(Truth.FRAUD, "customer", 9))
    assert reported.as_row() == {
        "transactionId": "t",
        "fraud": True,
        "episode": "odd_hour",
        "label": "FRAUD",
        "source": "customer",
        "labeledAt": 9,
    }
    assert SimulatedTruth("t", fraud=False, trap="wallet_tokens").as_row()["trap"] == "wallet_tokens"


def test_amounts_are_minor_units_of_the_currency(world: Simulation) -> None:
    medians = {
        currency: sorted(t["amountMinor"] for t in world.transactions if t["currency"] == currency)
        for currency in ("USD", "JPY")
    }
    dollars, yen = (amounts[len(amounts) // 2] for amounts in medians.values())
    # Some 20 dollars are 2,000 cents, and some 3,000 yen are 3,000 yen.
    assert 500 < dollars < 8000
    assert 500 < yen < 20_000


def test_refunds_give_back_what_an_earlier_transaction_took(world: Simulation) -> None:
    by_id = {transaction["transactionId"]: transaction for transaction in world.transactions}
    refunds = [transaction for transaction in world.transactions if transaction["type"] == "REFUND"]
    assert refunds
    for refund in refunds:
        original = by_id[refund["originalTransactionId"]]
        assert original["timestamp"] < refund["timestamp"]
        assert all(original[name] == refund[name] for name in ("amountMinor", "currency", "customerId", "merchantId"))


def test_addresses_are_nobodys(world: Simulation) -> None:
    addresses = [ip_address(each["ipAddress"]) for each in world.transactions if "ipAddress" in each]
    assert addresses
    assert [each for each in addresses if not any(each in network for network in DOCUMENTATION)] == []


def test_honest_customers_travel_no_faster_than_an_airliner_and_fraudsters_do(world: Simulation) -> None:
    fraud = {truth.transaction_id: truth.episode for truth in world.truths}
    last: dict[str, dict[str, float]] = {}
    caught = set[str]()
    for transaction in (t for t in world.transactions if "latitude" in t):
        customer, episode = transaction["customerId"], fraud[transaction["transactionId"]]
        if customer in last:
            hours = (transaction["timestamp"] - last[customer]["timestamp"]) / 3_600_000
            if (far := kilometres(last[customer], transaction)) > 500 and far > 1000 * hours:
                caught.add(episode)
        if not episode:
            last[customer] = transaction
    assert "" not in caught
    assert "impossible_travel" in caught


def test_the_warm_up_makes_devices_known_a_day_before_they_are_used() -> None:
    settings = WorldSettings(seed=5, customers=100, days=1, warm_up_days=5)
    start = START.timestamp() * 1000
    made = simulate(settings).transactions
    before = {t["deviceId"] for t in made if t["timestamp"] < start and "deviceId" in t}
    used = Counter(t["deviceId"] in before for t in made if t["timestamp"] >= start and "deviceId" in t)
    assert used[True] > used[False]
    assert sum(t["timestamp"] < start for t in made) < 4 * 100


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"days": 0}, {"warm_up_days": -1}])
def test_settings_that_make_no_world_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least one customer"):
        simulate(WorldSettings(**wrong))


def test_the_shipped_sample_is_what_its_settings_make() -> None:
    made = simulate(SAMPLE_SETTINGS)
    assert list(read_transactions(SAMPLE)) == made.transactions
    assert list(read_transactions(TRUTH)) == [truth.as_row() for truth in made.truths]


def test_the_shipped_sample_is_a_day_of_5000_transactions_and_small() -> None:
    start = datetime.timestamp(START) * 1000
    assert sum(transaction["timestamp"] >= start for transaction in read_transactions(SAMPLE)) >= 5000
    assert set(sample_truth().values()) == EPISODES.keys() - {"dormant_account"}
    assert SAMPLE.stat().st_size + TRUTH.stat().st_size < 500_000
    default = WorldSettings()
    assert default.seed != SAMPLE_SETTINGS.seed
    assert default.activity != SAMPLE_SETTINGS.activity


def test_the_sample_ends_now_and_nothing_in_it_is_older_than_the_api_takes() -> None:
    now = int(time.time() * 1000)
    times = [transaction["timestamp"] for transaction in sample_transactions(now)]
    assert max(times) == now
    assert min(times) > now - 30 * 86_400_000


def test_a_small_world_has_episodes_and_traps_on_some_of_its_days() -> None:
    truths = simulate(WorldSettings(seed=4, customers=100, days=40, activity=0.5)).truths
    assert any(truth.fraud for truth in truths)
    assert any(truth.trap for truth in truths)

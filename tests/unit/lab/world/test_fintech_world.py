"""The fintech world: independent of the rules that it measures, which its hash shows."""

from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.request import TransactionRequest
from fraudstream_tools.lab.fintech.frauds import FRAUDS
from fraudstream_tools.lab.fintech.lookalikes import FRIENDLY, LOOKALIKES
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.world.simulate import Simulation
from tests.cli_harness import Command

OF_SINGLE_LIVES = {
    *("rent", "new_landlord", "standing_order", "salary", "pay_day", "gig_payout", "supplier_invoice"),
    *("new_phone", "holiday", "vpn", "newcomer", "dormant_return", "joint_account", "carrier_address"),
    *("subscription", "subscription_batch", "large_purchase", "retry", "refund"),
}


BEFORE_THE_RULES = "7d29be2f2308565f"
"""The hash of the default world as it was committed before any rule was changed because of it."""


def content_hash(made: Simulation) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 over a world's transactions and truths."""
    rows = [(row, truth.as_row()) for row, truth in zip(made.transactions, made.truths, strict=True)]
    return sha256(msgspec.json.encode(rows, order="deterministic")).hexdigest()[:16]


@pytest.fixture(scope="module")
def world() -> Simulation:
    return make_fintech_world(FintechSettings(seed=1))


def test_the_world_is_the_one_that_was_there_before_the_rules_were_changed(world: Simulation) -> None:
    assert content_hash(world) == BEFORE_THE_RULES
    assert f"`{BEFORE_THE_RULES}`" in Path("docs/detection.md").read_text()


def test_the_api_would_take_every_transaction_and_they_come_in_order(world: Simulation) -> None:
    for transaction in world.transactions:
        msgspec.convert(transaction, TransactionRequest)
    times = [transaction["timestamp"] for transaction in world.transactions]
    assert all(before <= after for before, after in pairwise(times))


def test_every_fraud_and_every_lookalike_happens(world: Simulation) -> None:
    assert {truth.episode for truth in world.truths if truth.fraud} == FRAUDS.keys()
    assert {truth.trap for truth in world.truths if truth.trap} == LOOKALIKES.keys() | OF_SINGLE_LIVES
    assert 0.005 < sum(truth.fraud for truth in world.truths) / len(world.truths) < 0.01


def test_friendly_fraud_is_honest_and_labelled_as_fraud(world: Simulation) -> None:
    friendly = [truth for truth in world.truths if truth.trap == FRIENDLY]
    assert {truth.fraud for truth in friendly} == {False}
    assert {(truth.report.label, truth.report.source) for truth in friendly if truth.report} == {
        (Truth.FRAUD, "chargeback")
    }


def test_labels_come_after_their_transactions_and_not_all_come(world: Simulation) -> None:
    happened = {row["transactionId"]: row["timestamp"] for row in world.transactions}
    frauds = [truth for truth in world.truths if truth.fraud]
    assert all(truth.report.labeled_at > happened[truth.transaction_id] for truth in frauds if truth.report)
    told = Counter(truth.report is not None for truth in frauds)
    assert told[True] > 0
    assert told[False] > 0


def test_a_world_of_a_week_has_honest_life_and_too_small_ones_are_refused() -> None:
    made = make_fintech_world(FintechSettings(seed=2, customers=25, days=8))
    assert len(made.transactions) > 100
    with pytest.raises(ValueError, match="at least 20 customers and 7 days"):
        make_fintech_world(FintechSettings(customers=10))


def test_the_command_says_what_makes_no_world(fraudstream: Command, tmp_path: Path) -> None:
    ran = fraudstream("simulate", "--world", "fintech", "--customers", "5", "-o", tmp_path / "world.jsonl")
    assert ran.code == 1
    assert "a fintech world needs at least 20 customers and 7 days" in ran.err

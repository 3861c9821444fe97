"""Judging: pure, in one pass, and independent of how the stream is cut into batches."""

import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.judge import Judge
from fraudstream.detection.profiles.codec import pack
from fraudstream.detection.profiles.codec import unpack as unpack_profile
from fraudstream.detection.profiles.entities import entities
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType
from fraudstream_tools.rules.folder import RulesFolder

if TYPE_CHECKING:
    from fraudstream.detection.profiles.profile import Profile

RULES = Path(__file__).parents[3] / "rules"
JUDGE = Judge(RulesFolder(RULES).load())
NOW = 1_780_000_000_000


def transaction(number: int, **fields: Any) -> Transaction:
    known: dict[str, Any] = {
        "transaction_id": f"t{number}",
        "timestamp": NOW + number,
        "received_at": NOW + number,
        "amount_minor": 2000,
        "currency": "EUR",
        "type": TransactionType.PAYMENT,
        "customer_id": "ann",
    }
    return Transaction(**(known | fields))


def stream(seed: int, length: int = 60) -> list[Transaction]:
    chance = random.Random(seed)
    clock = 0
    found: list[Transaction] = []
    for number in range(length):
        clock += chance.choice([0, 1_000, 60_000, 3_600_000])
        declined = chance.random() < 0.3
        found.append(
            transaction(
                number,
                timestamp=NOW + clock,
                amount_minor=chance.randrange(0, 100_000),
                currency=chance.choice(["EUR", "USD", "JPY", "BTN"]),
                customer_id=chance.choice(["ann", "ben"]),
                card_token=chance.choice([None, "card-a", "card-b", "card-c", "card-d"]),
                device_id=chance.choice([None, "phone", "laptop"]),
                ip_address=chance.choice([None, "home"]),
                latitude=chance.choice([None, 52.52]),
                longitude=chance.choice([13.41, -74.01]),
                authorization_result=AuthorizationResult.DECLINED if declined else AuthorizationResult.APPROVED,
                response_code=chance.choice(["05", "91"]) if declined else "00",
            )
        )
    return found


def judged(batches: list[list[Transaction]]) -> tuple[list[Decision], dict[str, bytes]]:
    """Judge as the analyzer does: read the batch's profiles, judge in order, write them."""
    table: dict[str, bytes] = {}
    decisions: list[Decision] = []
    for batch in batches:
        keys = {key for each in batch for key in entities(each).values()}
        profiles = {key: unpack_profile(table[key]) for key in keys & table.keys()}
        for each in batch:
            judgement = JUDGE.judge(each, profiles, NOW)
            profiles.update(judgement.profiles)
            decisions.append(judgement.decision)
        table.update({key: pack(profile) for key, profile in profiles.items()})
    return decisions, table


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sets(st.integers(1, 59), max_size=12))
def test_any_cut_into_batches_gives_the_same_decisions_and_profiles(seed: int, cuts: set[int]) -> None:
    transactions = stream(seed)
    borders = [0, *sorted(cuts), len(transactions)]
    batches = [transactions[start:end] for start, end in itertools.pairwise(borders)]
    assert judged(batches) == judged([transactions])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_a_transaction_that_profiles_hold_is_decided_as_before(seed: int, chance: random.Random) -> None:
    profiles: dict[str, Profile] = {}
    for each in stream(seed):
        first = JUDGE.judge(each, profiles, NOW)
        profiles.update(first.profiles)
        if chance.random() < 0.5:
            again = JUDGE.judge(each, profiles, NOW)
            assert again.seen
            assert again.profiles == {}
            assert again.decision == first.decision


def test_a_retry_after_later_events_is_decided_as_before() -> None:
    early = transaction(1, timestamp=NOW, card_token="card-a")
    profiles: dict[str, Profile] = {}
    first = JUDGE.judge(early, profiles, NOW)
    profiles.update(first.profiles)
    for number in range(2, 10):
        later = transaction(number, timestamp=NOW + number, card_token="card-a")
        profiles.update(JUDGE.judge(later, profiles, NOW).profiles)
    assert JUDGE.judge(early, profiles, NOW).decision == first.decision


def test_an_ordinary_transaction_of_a_new_customer_is_approved() -> None:
    decision = JUDGE.judge(transaction(1), {}, NOW).decision
    assert (decision.decision, decision.score, decision.reasons) == (Verdict.APPROVE, 2, ())
    assert decision.decided_at == NOW
    assert decision.ruleset_version == JUDGE.ruleset.version


def test_a_currency_without_a_rate_is_judged_on_what_needs_no_amount() -> None:
    decision = JUDGE.judge(transaction(1, currency="BTN", ip_country="VN", card_country="DE"), {}, NOW).decision
    assert [reason.code for reason in decision.reasons] == ["COUNTRY_MISMATCH", "NO_EXCHANGE_RATE"]
    assert unpack(decision.features)[NAMES.index("amountBase")] is None


def test_the_stored_features_alone_reproduce_what_the_rules_said() -> None:
    for each in stream(7):
        decision = JUDGE.judge(each, {}, NOW).decision
        truths = JUDGE.ruleset.evaluate(each, unpack(decision.features))
        hits = {rule.id for rule, truth in zip(JUDGE.ruleset.rules, truths, strict=True) if truth}
        assert hits == {reason.source for reason in decision.reasons} - {"rates.yaml"}


def test_transactions_from_the_future_and_from_long_ago_are_judged() -> None:
    profiles: dict[str, Profile] = {}
    for number, shift in enumerate([0, 300_000, -30 * 86_400_000, 1]):
        judgement = JUDGE.judge(transaction(number, timestamp=NOW + shift), profiles, NOW)
        profiles.update(judgement.profiles)
        assert judgement.decision.decision is Verdict.APPROVE

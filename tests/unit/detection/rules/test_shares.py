"""Rules that count for a share of the customers."""

import random

import pytest

from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.detection.rules.shares import DIGITS, is_in_share
from fraudstream.detection.scoring import Outcome, decide
from fraudstream.transactions.decisions.decision import Verdict
from tests.unit.detection.rules.test_counting import loaded, rule

CUSTOMERS = 20_000


def customers(seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [f"tok_{''.join(chance.choices(DIGITS, k=22))}" for _ in range(CUSTOMERS)]


def in_share(name: str, share: float, of: list[str]) -> set[str]:
    (found,) = loaded(rule(name, 6, "device", f", share: {share}")).rules
    return {customer for customer in of if is_in_share(found, customer)}


def judged(ruleset: Ruleset, customer: str) -> Outcome:
    return decide(ruleset, [True] * len(ruleset.rules), outside_share=ruleset.outside_share(customer))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_a_share_of_the_customers_is_as_large_as_it_says(share: float) -> None:
    found = len(in_share("card-velocity", share, customers())) / CUSTOMERS
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / CUSTOMERS) ** 0.5)


def test_who_was_in_a_small_share_is_in_a_larger_one() -> None:
    assert in_share("one", 0.1, customers()) < in_share("one", 0.2, customers())


def test_two_rules_divide_the_customers_otherwise() -> None:
    one, two = (in_share(name, 0.5, customers()) for name in ("one", "two"))
    assert len(one & two) / CUSTOMERS == pytest.approx(0.25, abs=0.02)


def test_a_hit_outside_of_the_share_is_recorded_and_does_not_count() -> None:
    ruleset = loaded(rule("some", 6, "device", ", share: 0.5"), rule("all", 3.5, "amount"))
    chosen = in_share("some", 0.5, customers())
    inside, outside = next(iter(chosen)), next(iter(set(customers()) - chosen))
    assert judged(ruleset, inside).verdict is Verdict.DECLINE
    assert judged(ruleset, inside).shadow_hits == ()
    assert judged(ruleset, outside).verdict is Verdict.REVIEW
    assert judged(ruleset, outside).shadow_hits == ("some",)


def test_a_rule_that_forces_a_decision_may_do_so_for_a_share() -> None:
    ruleset = loaded(rule("no", 6, "device", ", share: 0.5").replace("points: 6, family: device", "decision: DECLINE"))
    chosen = in_share("no", 0.5, customers())
    outside = next(iter(set(customers()) - chosen))
    assert judged(ruleset, next(iter(chosen))).verdict is Verdict.DECLINE
    assert judged(ruleset, outside).verdict is Verdict.APPROVE


def test_a_ruleset_without_shares_holds_nothing_back() -> None:
    assert loaded(rule("one", 6, "device")).outside_share(customers()[0]) == frozenset()


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (", share: 0", "share:"),
        (", share: 1", "share:"),
        (", share: ten", "share:"),
        (", share: 0.1, mode: shadow", "share: a rule that is not live counts for nobody"),
    ],
)
def test_what_is_no_share_of_a_live_rule_is_refused(extra: str, said: str) -> None:
    with pytest.raises(RulesetError, match=said):
        loaded(rule("one", 6, "device", extra))

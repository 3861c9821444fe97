"""A live model that flags far more than it promised loses its power to decline; rules keep theirs."""

from collections.abc import Mapping

import msgspec
import pytest

from fraudstream.detection.models.breaker import HourCount, is_broken, most_flagged
from fraudstream.detection.models.model import Model, Promise, seal
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.detection.scoring import decide
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.reasons import HELD_BACK
from tests.unit.detection.models.test_combination import BLOCKED, MUCH, NONE, SMALL_FILES, suspicious, weighted

PROMISE = Promise(log_odds=-1.0, shares=(*[0.001] * 12, *[0.003] * 12), spread=1.5)
DAY = {hour: HourCount(1000, 0) for hour in range(24)}
"""A day of 24,000 decisions, of which 48 are promised: at most three times as many, and what is chance."""


def promising(base: float = 4.0) -> Model:
    """A model so sure of fraud that it declines everything, unless rules or their lists say otherwise."""
    file = weighted(0.0, much=0.5, less=0.5).file
    return seal(msgspec.structs.replace(file, score_base=base, promised=PROMISE))


def beside(model: Model, base_log_odds: float = -4) -> Ruleset:
    ruleset = load(
        SMALL_FILES[0].replace(b"baseLogOdds: -4", f"baseLogOdds: {base_log_odds}".encode()), *SMALL_FILES[1:]
    )
    return ruleset.with_models(ActiveModels(live=model))


def flagged(number: int) -> Mapping[int, HourCount]:
    return DAY | {23: HourCount(1000, number)}


def test_what_is_promised_goes_by_the_hour_and_by_the_most_unlike_day() -> None:
    assert most_flagged(PROMISE, DAY) == pytest.approx(2 * 1.5 * 48 + 4 * 12 + 10)
    at_night = {hour: HourCount(1000, 0) for hour in range(12)}
    assert most_flagged(PROMISE, at_night) == pytest.approx(2 * 1.5 * 12 + 4 * 6 + 10)


@pytest.mark.parametrize(("number", "broken"), [(0, False), (144, False), (202, False), (203, True), (411, True)])
def test_a_day_with_far_more_flagged_than_promised_breaks_it(number: int, *, broken: bool) -> None:
    assert is_broken(PROMISE, flagged(number)) is broken


def test_a_few_flagged_transactions_after_a_start_break_nothing() -> None:
    assert not is_broken(PROMISE, {7: HourCount(3, 3)})


def test_what_only_the_model_declines_becomes_a_review_that_says_so() -> None:
    ruleset = beside(promising())
    free, held = (decide(ruleset, NONE, suspicious(), holds_model_back=each) for each in (False, True))
    assert (free.verdict, held.verdict) == (Verdict.DECLINE, Verdict.REVIEW)
    assert (held.reasons[0].code, held.reasons[0].source) == (
        HELD_BACK,
        ruleset.models.live and ruleset.models.live.version,
    )
    assert HELD_BACK not in [reason.code for reason in free.reasons]
    assert (free.score, held.score) == (98, 98)


def test_rules_go_on_to_decline_by_their_points_and_by_force() -> None:
    by_points = decide(beside(promising(), base_log_odds=3), MUCH, suspicious(), holds_model_back=True)
    by_force = decide(beside(promising()), BLOCKED, suspicious(), holds_model_back=True)
    assert [by_points.verdict, by_force.verdict] == [Verdict.DECLINE, Verdict.DECLINE]
    assert HELD_BACK not in [reason.code for reason in (*by_points.reasons, *by_force.reasons)]


def test_a_model_that_is_held_back_speaks_for_nothing_that_rules_decline() -> None:
    ruleset = beside(promising(base=-3.0), base_log_odds=3)
    free, held = (decide(ruleset, MUCH, suspicious(), holds_model_back=each) for each in (False, True))
    assert (free.verdict, held.verdict) == (Verdict.APPROVE, Verdict.DECLINE)
    assert "MUCH" in [reason.code for reason in held.reasons]
    assert HELD_BACK not in [reason.code for reason in held.reasons]
    trusted = (True, False, False, True)
    assert decide(ruleset, trusted, suspicious(), holds_model_back=True).verdict is Verdict.APPROVE


def test_only_what_rules_alone_approve_counts_as_the_models() -> None:
    assert decide(beside(promising()), NONE, suspicious()).only_model
    assert not decide(beside(promising(), base_log_odds=3), MUCH, suspicious()).only_model
    assert not decide(beside(promising(base=-3.0)), NONE, suspicious()).only_model
    assert not decide(beside(weighted(0.0)), NONE, suspicious()).only_model

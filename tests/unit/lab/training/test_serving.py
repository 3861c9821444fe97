"""Probabilities and promises are those of the model that is served, though it has learnt from all that is known."""

import msgspec
import numpy as np
import pytest

from fraudstream.detection.models.breaker import HourCount, is_broken
from fraudstream.detection.models.drift import LEAST_TRANSACTIONS
from fraudstream.detection.models.model import seal
from fraudstream.durations import DAY, HOUR
from fraudstream_tools.lab.training.boosting import Booster, Flags, Parameters
from fraudstream_tools.lab.training.calibration import frauds_told, probability_curve
from fraudstream_tools.lab.training.fit import Arrived, Validation, fit
from fraudstream_tools.lab.training.held_out import DAYS, PARTS, HeldOut, Newer, held_out
from fraudstream_tools.lab.training.measuring.promise import promise
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits, counting_rules, rule_hits
from fraudstream_tools.lab.training.serving import measured_serving
from tests.unit.detection.model_harness import as_vectors, labels_of, random_vectors, small_model, times_of
from tests.unit.lab.training.test_rule_weighing import LOUD, SHIPPED

ROWS = 9000
MANY = 36_000
"""With fewer, the newest four weeks hold too few labels to tell a fifth too much from chance."""
SCALE = 20 * DAY
"""Labels come after as long at the mean, so that half of the newest four weeks' are missing."""


def rare_labels(rows: int, seed: int) -> tuple["np.ndarray[tuple[int, int], np.dtype[np.float64]]", Flags]:
    """Vectors and frauds, of which seven in ten never happened: fewer frauds make trees less sure."""
    vectors = random_vectors(rows, seed)
    return vectors, labels_of(vectors, seed) & (np.random.default_rng([seed, 1]).random(rows) < 0.3)


def test_a_served_model_expects_as_many_frauds_as_are_labelled_in_the_end() -> None:
    vectors, frauds = rare_labels(MANY, 1)
    times = times_of(MANY, 90)
    chance = np.random.default_rng(2)
    known_at = times + chance.exponential(SCALE, MANY).astype(np.int64)
    now = int(times.max()) + 2 * DAY
    model = fit(
        vectors,
        frauds & (known_at <= now),
        times,
        arrival=Arrived(known_at=known_at, share=1 - np.exp(-(now - times) / SCALE)),
        parameters=Parameters(trees=40),
        validation=Validation(days=14, label_delay_days=2),
    )
    later, truth = rare_labels(20_000, 5)
    told = [model.probability(model.log_odds(vector)) for vector in as_vectors(later)]
    assert sum(each for each in told if each is not None) == pytest.approx(truth.sum(), rel=0.2)


def test_what_was_declined_tells_trees_something_and_calibration_nothing() -> None:
    vectors, frauds = rare_labels(ROWS, 1)
    # The labelled ones of what was declined are all fraud; how many others there were nobody knows.
    declined = frauds & (np.arange(ROWS) % 2 == 0)
    fitted = [
        fit(vectors, frauds, times_of(ROWS), declined=each, parameters=Parameters(trees=20)).file
        for each in (None, declined)
    ]
    assert fitted[0].trees == fitted[1].trees
    assert fitted[0].calibration.intercept > fitted[1].calibration.intercept + 0.3


def test_a_curve_mends_scores_that_err_more_where_they_are_high() -> None:
    chance = np.random.default_rng(4)
    odds = chance.normal(-2, 2.5, 60_000)
    true = 1.1 * -np.logaddexp(0, -odds) + 0.4 * np.logaddexp(0, odds) + 0.3
    found = probability_curve(odds, chance.random(60_000) < 1 / (1 + np.exp(-true)))
    assert (found.low, found.high, found.intercept) == pytest.approx((1.1, 0.4, 0.3), abs=0.1)
    assert found.levels_out_at < 0.002


def test_a_curve_levels_out_where_some_frauds_look_like_nothing() -> None:
    chance = np.random.default_rng(4)
    odds = chance.normal(-6, 3, 60_000)
    # Two of a hundred are fraud whatever their scores are.
    frauds = (chance.random(60_000) < 1 / (1 + np.exp(-odds))) | (chance.random(60_000) < 0.02)
    found = probability_curve(odds, frauds)
    assert found.levels_out_at == pytest.approx(0.02, rel=0.1)
    # Of a fifth of them no label has come: they count as fraud as far as the curve itself says.
    arrived = np.full(60_000, 0.8)
    late = probability_curve(odds, frauds_told(frauds & (chance.random(60_000) < arrived), arrived))
    assert late.levels_out_at == pytest.approx(0.02, rel=0.1)


def test_what_scores_a_week_has_learnt_nothing_of_what_came_after() -> None:
    vectors, frauds = rare_labels(ROWS, 1)
    times = times_of(ROWS, 90)
    first_ends = times.max() - (DAYS - DAYS / PARTS) * DAY
    otherwise = np.where(times > first_ends, ~frauds, frauds)
    told, again = (
        held_out(vectors, labels, times, Parameters(trees=20), least_frauds=10) for labels in (frauds, otherwise)
    )
    assert told is not None
    assert again is not None
    is_first = times[told.rows] <= first_ends
    assert (told.raw[is_first] == again.raw[is_first]).all()
    assert (told.raw[~is_first] != again.raw[~is_first]).any()


def test_the_first_week_of_new_habits_is_left_out() -> None:
    rows, week = 2 * ROWS, DAYS / PARTS * DAY
    vectors, frauds = rare_labels(rows, 1)
    times = times_of(rows, 90)
    begins = times.max() - (DAYS - DAYS / PARTS) * DAY
    # Everybody spends three times as much from then on, and that means what less meant before.
    spending_more = np.where((times > begins)[:, None], 3 * vectors, vectors)
    scored = {
        name: np.unique(told.parts).tolist()
        for name, each in (("as before", vectors), ("more", spending_more))
        if (told := held_out(each, frauds, times, Parameters(trees=20), least_frauds=10))
    }
    assert scored == {"as before": [0, 1, 2, 3], "more": [0, 2, 3]}
    few = frauds & ((times <= begins - week) | ((times > begins) & (times <= begins + week)))
    told = held_out(spending_more, few, times, Parameters(trees=20), least_frauds=10)
    assert told is not None
    assert 1 in told.parts  # without it there would be no fraud


def test_probabilities_do_not_know_the_frauds_that_weights_were_fitted_to() -> None:
    rows, chance = 6000, np.random.default_rng(8)
    # Neither scores nor rules tell anything: by what they come to, nobody is likelier to be a fraud.
    frauds = chance.random(rows) < 0.02
    rules = np.array([rule.id for rule in counting_rules(SHIPPED)])

    def noise() -> tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", RuleHits]:
        hits = [rules[chance.random(len(rules)) < 0.1].tolist() for _ in range(rows)]
        return chance.normal(-4, 1, rows), rule_hits(SHIPPED, hits)

    raw, hits = noise()
    told = HeldOut(np.ones(rows, dtype=np.bool_), raw, np.arange(rows) * PARTS // rows)
    serving = measured_serving(
        told,
        frauds.astype(np.float64),
        times_of(rows, DAYS),
        hits,
        stands_for=None,
        prior=-4,
        stopped=0,
        least_frauds=10,
    )
    raw, hits = noise()
    odds = serving.combination.log_odds(serving.calibration.slope * raw + serving.calibration.intercept + 4, hits)
    model = seal(msgspec.structs.replace(small_model().file, probability=serving.probability))
    found = np.array([model.probability(each) for each in odds.tolist()], dtype=np.float64)
    assert found.max() < 1.5 * found.min()


def test_scores_of_older_trees_go_half_of_the_way_to_equal_ranks_of_the_served() -> None:
    vectors, frauds = rare_labels(ROWS, 1)
    times, parameters = times_of(ROWS, 90), Parameters(trees=20)
    later, _ = rare_labels(ROWS, 5)
    before = times <= times.max() - DAYS * DAY
    # As if the served trees gave twice the log-odds of those that score the first part.
    served = 2 * Booster(vectors[before], frauds[before], parameters).raw(later)
    few, many = (
        held_out(vectors, frauds, times, parameters, newer=Newer(later[:most], served[:most]), least_frauds=10)
        for most in (LEAST_TRANSACTIONS - 1, ROWS)
    )
    as_they_are = held_out(vectors, frauds, times, parameters, least_frauds=10)
    assert few is not None
    assert many is not None
    assert as_they_are is not None
    assert (few.raw == as_they_are.raw).all(), "of too few nobody can tell"
    first = many.parts == 0
    # The few highest scores lie far apart: between them, a rank says less.
    assert np.isclose(many.raw[first], 1.5 * as_they_are.raw[first], rtol=0.02).mean() > 0.99


def test_nothing_is_scored_by_trees_that_know_hardly_a_fraud() -> None:
    vectors, frauds = rare_labels(ROWS, 1)
    times = times_of(ROWS, 90)
    late = frauds & (times > times.max() - DAYS * DAY)
    assert held_out(vectors, late, times, Parameters(trees=20), least_frauds=10) is None


def no_hits(rows: int) -> RuleHits:
    return rule_hits(SHIPPED, [()] * rows)


def test_a_promise_has_more_for_the_hours_that_have_more_and_keeps_itself() -> None:
    # About a hundred are flagged a day: of fewer, chance leaves some days so few that four times as many are no wonder.
    times = times_of(400_000, 28)
    is_night = times % DAY < 6 * HOUR
    chance = np.random.default_rng(6)
    odds = np.where(chance.random(len(times)) < np.where(is_night, 0.02, 0.002), 2.0, -6.0)
    told = promise(odds, no_hits(len(times)), times)
    assert told.shares[3] > 2 * told.shares[15]
    assert told.spread < 1.5
    day = (times >= times[200_000]) & (times < times[200_000] + DAY)
    counts = {
        int(hour): HourCount(int(here.sum()), int((odds[here] > 0).sum()))
        for hour in np.unique(times[day] // HOUR)
        if (here := day & (times // HOUR == hour)).any()
    }
    assert not is_broken(told, counts)
    assert is_broken(told, {hour: HourCount(each.decisions, 4 * each.flagged) for hour, each in counts.items()})


def test_a_pay_day_widens_the_promise() -> None:
    times = times_of(100_000, 28)
    pay_day = times // DAY == times[60_000] // DAY
    odds = np.where(np.random.default_rng(7).random(len(times)) < np.where(pay_day, 0.03, 0.005), 2.0, -6.0)
    assert promise(odds, no_hits(len(times)), times).spread > 2.5


def test_what_rules_flag_by_themselves_is_none_of_the_models() -> None:
    times = times_of(1000, 28)
    odds = np.full(1000, 2.0)
    flagged = rule_hits(SHIPPED, [(LOUD.id,)] * 1000)
    assert max(promise(odds, flagged, times).shares) == 0
    assert min(promise(odds, no_hits(1000), times).shares) == 1


def test_declines_of_which_nothing_is_known_are_promised_too() -> None:
    times = times_of(1000, 28)
    told = promise(np.full(1000, -6.0), no_hits(1000), times, stopped_share=0.01)
    assert told.shares == (0.01,) * 24

"""Thresholds are proposed for as many reviews a day as somebody can do, with a curve that shows the rest."""

import gzip
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream_tools.cli.support.shown.threshold_curve import picture
from fraudstream_tools.lab.thresholds.proposal import (
    NEVER,
    NoProbabilityError,
    ThresholdProposal,
    forcing_rules,
    propose,
)
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command
from tests.unit.lab.backtest_harness import log_records

RULES = Path(__file__).parents[3] / "rules"
DAYS = 10
LEVELS = {0.95: 30, 0.5: 200, 0.02: 400, 0.001: 5000}
"""Probability to decisions."""


def records(levels: dict[float, int]) -> list[dict[str, Any]]:
    """Decisions over ten days, of each probability as many as asked for, and one review a day without one."""
    like = next(each for each in log_records() if each["event"] == "DECIDED")
    like = {name: value for name, value in like.items() if name != "authorizationResult"}
    told: list[float | None] = [level for level, number in levels.items() for _ in range(number)]
    told += [None] * DAYS
    made: list[dict[str, Any]] = []
    for number, probability in enumerate(told):
        at = like["timestamp"] + (number * 7919 % len(told)) * DAYS * DAY // (len(told) - 1)
        verdict = "APPROVE" if probability is not None else "REVIEW"
        record = {**like, "transactionId": f"t{number}", "timestamp": at, "decision": verdict}
        made.append(record | ({} if probability is None else {"probability": probability}))
    return made


def proposed(folder: Path, levels: dict[float, int], *, budget: float) -> ThresholdProposal:
    return proposed_from(folder, records(levels), budget=budget)


def proposed_from(
    folder: Path, made: list[dict[str, Any]], *, budget: float, precision: float = 0.9, forcing: Collection[str] = ()
) -> ThresholdProposal:
    content = msgspec.json.Encoder().encode_lines(made)
    folder.joinpath("a-1.jsonl.gz").write_bytes(gzip.compress(content, compresslevel=1))
    with open_log(folder, label_delay_days=0) as log:
        return propose(log, review_budget=budget, decline_precision=precision, forcing=forcing)


def test_reviews_fill_the_budget_and_declines_are_as_precise_as_asked(tmp_path: Path) -> None:
    found = proposed(tmp_path, LEVELS, budget=40)
    # Three a day are nearly surely fraud; 20 a day more are looked at, and one that has no probability.
    assert (found.decline, found.declines_a_day) == (0.95, 3.0)
    assert (found.review, found.reviews_a_day, found.other_reviews_a_day) == (0.5, 20.0, 1.0)
    assert found.decisions == 5630


def test_a_larger_budget_goes_further_down(tmp_path: Path) -> None:
    found = proposed(tmp_path, LEVELS, budget=70)
    assert (found.review, found.reviews_a_day) == (0.02, 60.0)


def test_what_issuers_declined_is_reviewed_too_and_is_no_expected_fraud(tmp_path: Path) -> None:
    made = records({0.5: 100, 0.3: 100, 0.001: 1000})
    declined = [each for each in made if each.get("probability") in (0.5, 0.3)][::2]
    for each in declined:
        each["authorizationResult"] = "DECLINED"
    found = proposed_from(tmp_path, made, budget=15)
    # Ten a day from 0.5 on, half of them declined by issuers, and one without a probability; 20 a day from 0.3 on.
    assert (found.review, found.reviews_a_day, found.other_reviews_a_day) == (0.5, 10.0, 1.0)
    assert found.decisions == 1200
    still = 50 * 0.5 + 50 * 0.3 + 1000 * 0.001
    assert found.curve[1].frauds == pytest.approx(40 / still)
    assert found.curve[1].precision == pytest.approx(0.4)


def test_reviews_that_rules_force_take_their_part_of_the_budget(tmp_path: Path) -> None:
    made = records({0.5: 100, 0.3: 100, 0.001: 1000})
    rare = [each for each in made if each.get("probability") == 0.001]
    for each in rare[:50]:
        each |= {"decision": "REVIEW", "reasons": ["X"], "sources": ["always"], "points": [0.0]}
    for each in rare[50:90]:
        each |= {"decision": "REVIEW", "reasons": ["X"], "sources": ["by-score"], "points": [5.0]}
    found = proposed_from(tmp_path, made, budget=25, forcing=["always"])
    # 10 + 5 + 1 a day from 0.5 on; 20 + 5 + 1 from 0.3 on would be one too many.
    assert (found.review, found.reviews_a_day, found.forced_reviews_a_day) == (0.5, 10.0, 5.0)
    found = proposed_from(tmp_path, made, budget=26, forcing=["always"])
    assert (found.review, found.reviews_a_day, found.forced_reviews_a_day) == (0.3, 20.0, 5.0)


def test_reviews_that_rules_force_beyond_the_budget_are_named(fraudstream: Command, tmp_path: Path) -> None:
    made = records({0.99: 30, 0.95: 30, 0.001: 1000})
    for each in [each for each in made if each.get("probability") == 0.001][:50]:
        each |= {"decision": "REVIEW", "reasons": ["X"], "sources": ["copied-card-abroad"], "points": [0.0]}
    found = proposed_from(tmp_path, made, budget=3, forcing=["copied-card-abroad"])
    assert (found.review, found.decline, found.declines_a_day) == (0.95, 0.95, 6.0)
    assert (found.reviews_a_day, found.forced_reviews_a_day, found.other_reviews_a_day) == (0.0, 5.0, 1.0)
    arguments = ("thresholds", "--log", tmp_path, "--rules", RULES, "--review-budget")
    told = "6 reviews a day that rules ask for, or that have no probability, exceed the budget of 3 by themselves"
    assert told in fraudstream(*arguments, 3).err
    assert "exceed the budget" not in fraudstream(*arguments, 40).err


def test_rules_with_a_floor_and_those_that_decide_it_force_reviews() -> None:
    ruleset = RulesFolder(RULES).load()
    found = set(forcing_rules(ruleset))
    live = [rule for rule in ruleset.rules if rule.mode == "live"]
    # The shipped ruleset has a floor for high severity alone, which is that of a review.
    assert found == {rule.id for rule in live if rule.decision == "REVIEW" or (rule.points and rule.severity == "high")}
    assert "copied-card-abroad" in found


def test_without_anything_sure_nothing_is_declined(tmp_path: Path) -> None:
    found = proposed(tmp_path, {0.5: 200, 0.001: 500}, budget=25)
    assert (found.decline, found.review) == (NEVER, 0.5)


def test_the_curve_adds_up_what_is_expected(tmp_path: Path) -> None:
    curve = proposed(tmp_path, LEVELS, budget=40).curve
    expected = 30 * 0.95 + 200 * 0.5 + 400 * 0.02 + 5000 * 0.001
    assert [point.threshold for point in curve] == [0.95, 0.5, 0.02, 0.001]
    assert curve[1].frauds == pytest.approx((30 * 0.95 + 200 * 0.5) / expected)
    assert curve[1].precision == pytest.approx((30 * 0.95 + 200 * 0.5) / 230)
    assert (curve[-1].frauds, curve[-1].value) == (pytest.approx(1), pytest.approx(1))


def test_the_picture_is_an_image_that_says_what_it_shows(tmp_path: Path) -> None:
    image = ET.fromstring(picture(proposed(tmp_path, LEVELS, budget=40)))  # noqa: S314  (made here)
    space = "{http://www.w3.org/2000/svg}"
    assert "review from a probability of 0.5 on (20.0 a day)" in image.findtext(f"{space}desc", "")
    frauds, value = image.findall(f"{space}polyline")
    assert len(frauds.attrib["points"].split()) == len(value.attrib["points"].split()) == 4
    assert json.dumps([each.text for each in image.findall(f"{space}text")]).count("%") == 5


def test_without_a_ruleset_the_command_says_what_it_does_not_count(fraudstream: Command, tmp_path: Path) -> None:
    proposed(tmp_path, LEVELS, budget=40)
    arguments = ("thresholds", "--log", tmp_path, "--review-budget", 40)
    told = "reviews that rules ask for whatever the probability are not counted"
    assert told in fraudstream(*arguments).err
    assert told not in fraudstream(*arguments, "--rules", RULES).err


def test_the_folder_of_the_picture_is_made(fraudstream: Command, tmp_path: Path) -> None:
    proposed(tmp_path, LEVELS, budget=40)
    drawn = tmp_path / "pictures" / "of-today" / "curve.svg"
    ran = fraudstream("thresholds", "--log", tmp_path, "--review-budget", 40, "--picture", drawn)
    assert ran.code == 0, ran.err
    assert drawn.read_text().startswith("<svg")


def test_a_log_without_probabilities_says_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(NoProbabilityError, match="live model"):
        proposed(tmp_path, {}, budget=40)

"""What was drawn by chance tells a backtest of frauds that nobody reports, in a log as the hourly merge writes it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlglot

from fraudstream.detection.exploration import propensity
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import AMOUNT_PLACE
from fraudstream.detection.rules.ruleset import load
from fraudstream.durations import DAY, HOUR
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.transactions.decisions.decision import Label, Truth, Verdict
from fraudstream.transactions.transaction import AuthorizationResult
from fraudstream_tools.analytics.athena import Athena
from fraudstream_tools.lab.backtest import athena_engine, duckdb_engine
from fraudstream_tools.lab.backtest.athena_engine import AthenaBacktest
from fraudstream_tools.lab.backtest.estimates import WeightedSum, estimated_share, total_interval
from fraudstream_tools.lab.backtest.exploration import Exploration, exploration_of
from fraudstream_tools.lab.backtest.figures import figures
from fraudstream_tools.lab.backtest.log_samples import log_samples
from fraudstream_tools.lab.backtest.run import PROPENSITY_UNIT, BacktestTally, Evaluator, Known, Standing, Sum
from fraudstream_tools.lab.training.samples.explored import Drawing
from tests.athena_harness import DATABASE, WORKGROUP, local_athena
from tests.cli_harness import Command
from tests.unit.analytics.log_harness import merged_log
from tests.unit.lab.backtest_harness import OTHER, RATES, RULES, SHIPPED, decided, ruleset_file, world, write_rules
from tests.unit.reporting.decision_log_harness import Stream, item

SHARE = 0.3
"""Of the approvals that are drawn."""
DELAY = 1
"""Days after which a label is known."""
MANY_EUROS = 60
CAUTIOUS = [("cautious", f"amountBase > {MANY_EUROS}", 5.0)]
"""A ruleset that flags much of what was approved."""


def none(_: int) -> bool:
    return False


def all_of_them(_: int) -> bool:
    return True


@cache
def chances() -> tuple[float | None, ...]:
    """With which probability the analyzer draws each transaction."""
    return tuple(propensity(transaction, decision, SHARE) for transaction, decision in decided())


def log_of(
    folder: Path,
    reported: Callable[[int], bool] = none,
    *,
    looked_at: Callable[[int], bool] = all_of_them,
    is_drawn: bool = True,
) -> Path:
    """Write the log of a world in which somebody looks at what is flagged and drawn, and people report some frauds."""
    stream = Stream()
    for number, ((transaction, judged), truth) in enumerate(zip(decided(), world().truths, strict=True)):
        chance = chances()[number] if is_drawn else None
        stored, at = item(transaction), transaction.received_at
        known = stored | msgspec.structs.replace(judged, exploration_propensity=chance).to_item()
        stream.add(stored, at=at)
        stream.add(known, stored, at=at + 400)
        is_open = transaction.authorization_result != AuthorizationResult.DECLINED
        is_queued = judged.decision is not Verdict.APPROVE or (chances()[number] is not None and looked_at(number))
        if is_open and (is_queued or (truth.fraud and reported(number))):
            said = Truth.FRAUD if truth.fraud else Truth.LEGITIMATE
            label = Label(label=said, label_source="analyst", labeled_at=at + HOUR)
            stream.add(known | label.to_item(), known, at=at + HOUR)
    folder.mkdir()
    return merged_log(stream, folder)


def matured() -> list[int]:
    """The transactions whose labels are known."""
    newest = max(transaction.received_at for transaction, _ in decided()) + HOUR
    return [
        number
        for number, (transaction, _) in enumerate(decided())
        if transaction.timestamp <= newest - DELAY * DAY
        and transaction.authorization_result != AuthorizationResult.DECLINED
    ]


def true_recall() -> float:
    """The share of frauds that the shipped rules flag."""
    frauds = [decided()[number][1].decision for number in matured() if world().truths[number].fraud]
    return sum(verdict is not Verdict.APPROVE for verdict in frauds) / len(frauds)


def run(fraudstream: Command, log: Path, *options: object) -> dict[str, Any]:
    ran = fraudstream(
        "backtest", "--rules", RULES, "--data", log, "--label-delay", DELAY, "--json", "--processes", 1, *options
    )
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which nobody reports anything; nobody writes to it."""
    return log_of(tmp_path_factory.mktemp("explored") / "world")


@pytest.fixture
def cautious(tmp_path: Path) -> Path:
    return write_rules(tmp_path / "cautious", ruleset_file(CAUTIOUS), RATES)


def test_recall_is_of_frauds_too_that_nobody_reports(
    fraudstream: Command, explored: Path, tmp_path: Path, cautious: Path
) -> None:
    found = run(fraudstream, explored, "--engine", "duckdb", "--against", cautious)
    once = run(fraudstream, log_of(tmp_path / "once", is_drawn=False), "--engine", "duckdb", "--against", cautious)
    true, recall = true_recall(), found["rulesets"][0]["recall"]
    assert once["explored"] is None
    assert once["rulesets"][0]["recall"]["value"] > true + 0.1
    assert recall["value"] == pytest.approx(true, abs=0.05)
    assert recall["low"] < true < recall["high"]
    assert recall["n"] == found["known"]["fraud"] == once["known"]["fraud"]
    # What the cautious rules add is mostly unlabelled: known frauds alone make their alerts look falser than they are.
    added, too_few = (next(each for each in of["changes"] if each["before"] == "APPROVE") for of in (found, once))
    frauds = [world().truths[number].fraud for number in matured() if _is_added(number)]
    assert added["frauds"] == pytest.approx(sum(frauds), rel=0.35)
    assert too_few["frauds"] < 0.5 * sum(frauds)
    assert added["frauds"] + added["noFrauds"] == too_few["frauds"] + too_few["noFrauds"]
    assert added["precision"]["low"] < sum(frauds) / len(frauds) < added["precision"]["high"]
    assert found["rulesets"][1]["falseAlerts"] < once["rulesets"][1]["falseAlerts"]
    assert found["rulesets"][0]["valueMissed"] == once["rulesets"][0]["valueMissed"]
    # Nothing that was drawn is among the alerts of the rules that decided.
    assert found["rulesets"][0]["precision"] == once["rulesets"][0]["precision"]


def _is_added(number: int) -> bool:
    _, decision = decided()[number]
    assert decision.features
    amount = unpack(decision.features)[AMOUNT_PLACE]
    return decision.decision is Verdict.APPROVE and amount is not None and amount > MANY_EUROS


def test_reported_frauds_do_not_count_twice(fraudstream: Command, tmp_path: Path) -> None:
    found = run(fraudstream, log_of(tmp_path / "all", all_of_them), "--engine", "duckdb")
    recall = found["rulesets"][0]["recall"]
    assert recall["value"] == pytest.approx(true_recall(), abs=0.05)
    assert found["explored"]["unseen"]["low"] == 0
    assert found["explored"]["unseen"]["value"] < 0.2 * found["known"]["fraud"]


def test_with_few_labels_of_what_was_drawn_nothing_is_weighed(fraudstream: Command, tmp_path: Path) -> None:
    # Somebody labels the frauds among them and nothing else.
    log = log_of(tmp_path / "picked", looked_at=lambda number: world().truths[number].fraud)
    found = run(fraudstream, log, "--engine", "duckdb")
    once = run(
        fraudstream,
        log_of(tmp_path / "once", lambda n: chances()[n] is not None, looked_at=none, is_drawn=False),
        "--engine",
        "duckdb",
    )
    assert found["explored"].pop("unseen") is None
    assert found["explored"]["frauds"] > 10
    assert found | {"explored": None} == once
    ran = fraudstream("backtest", "--rules", RULES, "--data", log, "--label-delay", DELAY, "--processes", 1)
    assert "too few are labelled to be a sample, and each counts as any other" in " ".join(ran.out.split())


def test_people_read_what_the_drawn_stand_for(fraudstream: Command, explored: Path, cautious: Path) -> None:
    options = ("--rules", RULES, "--against", cautious, "--data", explored, "--label-delay", DELAY, "--processes", 1)
    drawn = run(fraudstream, explored)["explored"]
    said = " ".join(fraudstream("backtest", *options).out.split())
    unseen = drawn["unseen"]
    assert (
        f"{drawn['labelled']:,} of {drawn['drawn']:,} approvals that were drawn by chance have labels, "
        f"{drawn['frauds']} of them are fraud, which tells of {unseen['value']:,.0f} more that nobody reported "
        f"(95 % interval {unseen['low']:,.0f} to {unseen['high']:,.0f})"
    ) in said
    assert f"known frauds and {unseen['value']:,.0f} that nobody reported" in said


def test_all_engines_say_the_same_of_what_was_drawn(explored: Path) -> None:
    log, rulesets = explored, [SHIPPED.load(), OTHER.load()]
    seconds = [transaction.received_at / 1000 for transaction, _ in decided()]
    first, last = (datetime.fromtimestamp(each, UTC).date() for each in (min(seconds), max(seconds)))
    asked = AthenaBacktest(days=(first, last), rulesets=rulesets, label_delay_days=DELAY)
    with local_athena(log) as local:
        athena = Athena(client=local.client, workgroup=WORKGROUP, database=DATABASE, sleep=lambda _: None)
        by_athena = athena_engine.tally(athena, asked, with_changes=True).tally
    with open_log(log, label_delay_days=DELAY) as opened:
        by_duckdb = duckdb_engine.tally(opened, rulesets, with_changes=True)
        by_python = Evaluator([SHIPPED, OTHER], with_changes=True).tally(log_samples(opened))
        by_python.exploration = exploration_of(opened)
    assert by_python == by_duckdb == by_athena
    assert by_duckdb.exploration is not None
    assert sum(each.number for (known, _), each in by_duckdb.sums.items() if known.propensity) > 100
    assert len(sqlglot.parse(asked.explored(1), read="athena")) == 1


@pytest.mark.parametrize(
    ("hits", "others", "low", "high"),
    # As statistics packages give the interval of Clopper and Pearson.
    [(0, 10, 0.0, 0.308497), (5, 5, 0.187086, 0.812914), (10, 0, 0.691503, 1.0)],
)
def test_intervals_of_weights_of_one_are_exact(hits: int, others: int, low: float, high: float) -> None:
    share = estimated_share(WeightedSum(hits, hits, 1), WeightedSum(others, others, 1), 10)
    assert (share.low, share.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def test_a_sum_of_nothing_drawn_may_be_some_of_the_greatest_weight() -> None:
    # Of no case and of three, as tables of the Poisson distribution have it.
    assert total_interval(WeightedSum(0, 0, 99)) == (0, pytest.approx(99 * 3.688879, rel=1e-6))
    assert total_interval(WeightedSum(3, 3, 1)) == (pytest.approx(0.618672), pytest.approx(8.767273))


def test_none_found_among_the_drawn_leaves_recall_open_below() -> None:
    sums = {
        (Known(Standing.FRAUD), (((), Verdict.REVIEW),)): Sum(50, 0, 0),
        (Known(Standing.LEGITIMATE, PROPENSITY_UNIT // 100), (((), Verdict.APPROVE),)): Sum(100, 0, 0),
        (Known(Standing.MATURED, is_unseen=True), (((), Verdict.APPROVE),)): Sum(9900, 0, 0),
    }
    drawing = Drawing(drawn=100, labelled=100, first=0, last=1)
    tally = BacktestTally(sums=sums, first=0, last=1, exploration=Exploration(drawing=drawing, reported=0))
    ruleset = load(ruleset_file([]), RATES, SHIPPED.lists)
    found = figures(tally, [ruleset], ["A"], repeated=0)
    recall = found.rulesets[0].recall
    assert recall is not None
    assert (recall.value, recall.high) == (1.0, 1.0)
    assert recall.low < 0.2
    assert found.explored is not None
    unseen = found.explored.unseen
    assert unseen is not None
    assert (unseen.value, unseen.low, unseen.high) == (0.0, 0.0, pytest.approx(99 * 3.688879, rel=1e-6))

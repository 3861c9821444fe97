"""How far probabilities are what they say, on unseen weeks of the handbook's world, its shifted form, and a fintech's.

Each world is judged from its first day on, with labels when they come. At one time a model is trained, as `fraudstream
train` does it: on what is labelled by then, corrected for labels that are still to come. Then it is live for four
weeks, and each decision's probability is compared with what is labelled in the end. In the shifted world, people spend
half as much again and half as often again from the middle on, and the model learns from both.

    python -m benchmarks.reliability [--seeds 5301 5302 ...] [--size 300] [--worlds handbook shifted fintech]

What was declined counts nowhere, as in calibration: only where it was fraud somebody says so, and nobody knows of the
rest. Bands that hold at least 100 frauds and 100 others are to be right within 20 %; of the others, the 95 % interval
of the share of fraud is to contain the mean probability. Frauds come in runs, and worlds are independent of each other,
so that the interval follows from how much worlds differ (Student's t). Of a single world it is Wilson's, as if frauds
came one by one. `frauds` are those labelled in the end: what nobody ever reports no model can learn.

The last line printed is JSON: by world its bands, and how many of them are as they should be.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.rule_runs import rules_of_today
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.model import Model
from fraudstream.durations import DAY
from fraudstream.reporting.daily.schema.parts import wilson
from fraudstream.reporting.log.reader.label_arrival import FraudLabel, label_arrival
from fraudstream.reporting.log.reader.standing import LabelHorizon
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.training.boosting import Flags
from fraudstream_tools.lab.training.fit import Arrived, Validation, fit
from fraudstream_tools.lab.training.measuring.verdicts import judge_examples, probabilities
from fraudstream_tools.lab.training.samples.examples import Decided, Examples, examples
from fraudstream_tools.lab.training.samples.silent_months import without_silent_months
from fraudstream_tools.lab.world.handbook import HandbookSettings, make_handbook_world

SEEDS: Final = (5301, 5302)
"""Seeds that nothing was tried on."""
SIZES: Final[Mapping[str, int]] = {"handbook": 300, "shifted": 300, "fintech": 400}
"""Customers, or people. In the handbook's kind of world five frauds begin each day, however many there are."""
DAYS: Final = 112
TRAINED_AT: Final = 84
_EDGES: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, math.inf)
_MANY: Final = 100
_CLOSE: Final = 0.2


class GoneThrough(NamedTuple):
    """A judged world."""

    decided: Sequence[Decided]
    outcomes: Mapping[str, KnownOutcome]
    start: int
    """Epoch milliseconds."""


@dataclass(frozen=True, kw_only=True)
class ProbabilityBand:
    """Decisions of similar probability."""

    since: float
    transactions: int
    frauds: int
    mean: float
    """Probability."""
    share: float
    """Of fraud."""
    is_right: bool
    is_large: bool
    """It holds at least 100 frauds and 100 others."""


def go_through(world: str, seed: int, size: int, days: int = DAYS) -> GoneThrough:
    """Judge a world; the shifted one shifts in the middle of its days."""
    if world == "fintech":
        return judged(*of_fintech(FintechSettings(seed=seed, customers=size, days=days)))
    settings = HandbookSettings(seed=seed, customers=size, terminals=2 * size, days=days)
    if world == "shifted":
        settings = replace(settings, shift_day=days // 2, spending=1.5, activity=1.5)
    return judged(*of_handbook(settings))


def of_fintech(settings: FintechSettings) -> tuple[list[Transaction], dict[str, KnownOutcome]]:
    """Return a fintech's transactions, and what somebody says of them."""
    made = make_fintech_world(settings)
    transactions = [as_transaction(row, number) for number, row in enumerate(made.transactions, start=1)]
    return transactions, {
        truth.transaction_id: KnownOutcome(
            truth.report.label is Truth.FRAUD, truth.report.labeled_at, truth.report.source
        )
        for truth in made.truths
        if truth.report
    }


def of_handbook(settings: HandbookSettings) -> tuple[list[Transaction], dict[str, KnownOutcome]]:
    """Return the transactions of a world of the handbook's kind, and which of them are fraud."""
    made = make_handbook_world(settings)
    transactions = [as_transaction(row, number) for number, row in enumerate(made.transactions(), start=1)]
    return transactions, {
        transaction.transaction_id: KnownOutcome(fraud=True, known_at=row["labeledAt"])
        for transaction, row in zip(transactions, made.truths(), strict=True)
        if row["fraud"]
    }


def judged(transactions: Sequence[Transaction], outcomes: Mapping[str, KnownOutcome]) -> GoneThrough:
    """Judge transactions by today's rules, in their order."""
    judge = Judge(rules_of_today(), Calendar(label_delay_days=7))
    decided = [
        Decided.now(transaction, decision) for transaction, decision in judge_history(transactions, outcomes, judge)
    ]
    return GoneThrough(decided, outcomes, min(each.timestamp for each in decided))


def trained(world: GoneThrough, at: int) -> Model:
    """Train a model on what is known at a time, epoch milliseconds."""
    times = {each.transaction_id: each.timestamp for each in world.decided if each.timestamp <= at}
    known = {name: each for name, each in world.outcomes.items() if each.known_at <= at}
    arrival = label_arrival(
        [FraudLabel(each.source, times[name], each.known_at) for name, each in known.items() if each.fraud], at
    )
    found = examples(
        [each for each in world.decided if each.timestamp <= at],
        known,
        rules_of_today(),
        horizon=LabelHorizon(until=at, delay_days=arrival.delay_days),
        arrival=arrival,
    )
    found, _ = without_silent_months(found)
    return fit(
        found.vectors,
        found.labels,
        found.timestamps,
        hits=found.hits,
        arrival=Arrived(known_at=found.known_at, share=found.arrived),
        declined=found.declined,
        newer=found.newer,
        use=INPUTS,
        validation=Validation(label_delay_days=found.delay_days),
        own_labels=True,
    )


def tested(world: GoneThrough, since: int) -> Examples:
    """Return what was decided from a time on, with what is labelled in the end."""
    later = [each for each in world.decided if each.timestamp > since]
    end = max(each.known_at for each in world.outcomes.values())
    return examples(later, world.outcomes, rules_of_today(), horizon=LabelHorizon(until=end, delay_days=0))


class ToldWorld(NamedTuple):
    """Decisions of one world that have a probability."""

    shares: NDArray[np.float64]
    """Their probabilities."""
    frauds: Flags

    def within(self, since: float, until: float) -> "ToldWorld":
        """Return those of some probabilities."""
        inside = (self.shares >= since) & (self.shares < until)
        return ToldWorld(self.shares[inside], self.frauds[inside])


def bands(worlds: Sequence[ToldWorld]) -> list[ProbabilityBand]:
    """Compare probabilities with what is true, band by band."""
    found: list[ProbabilityBand] = []
    for since, until in pairwise(_EDGES):
        inside = [world.within(since, until) for world in worlds]
        number, known = sum(len(each.shares) for each in inside), sum(int(each.frauds.sum()) for each in inside)
        if number:
            mean = sum(float(each.shares.sum()) for each in inside) / number
            is_large = min(known, number - known) >= _MANY
            is_close = known > 0 and abs(mean / (known / number) - 1) <= _CLOSE
            found.append(
                ProbabilityBand(
                    since=since,
                    transactions=number,
                    frauds=known,
                    mean=round(mean, 5),
                    share=round(known / number, 5),
                    is_right=is_close if is_large else _is_within_chance(inside, mean),
                    is_large=is_large,
                )
            )
    return found


def _is_within_chance(worlds: Sequence[ToldWorld], mean: float) -> bool:
    """Return whether the 95 % interval of the share of fraud contains the mean probability."""
    if len(worlds) == 1:
        interval = wilson(int(worlds[0].frauds.sum()), len(worlds[0].frauds))
        return interval is not None and interval.low <= mean <= interval.high
    beyond = np.array([float(each.frauds.sum() - each.shares.sum()) for each in worlds])
    widest = (
        float(cast("Any", student).ppf(0.975, len(worlds) - 1)) * math.sqrt(len(worlds)) * float(beyond.std(ddof=1))
    )
    return abs(float(beyond.sum())) <= widest


def measure(world: str, seeds: Sequence[int], size: int) -> dict[str, Any]:
    """Measure a kind of world by several seeds."""
    worlds: list[ToldWorld] = []
    expected: list[tuple[float, int]] = []
    without = 0
    for seed in seeds:
        gone = go_through(world, seed, size)
        at = gone.start + TRAINED_AT * DAY
        last = tested(gone, at)
        last = last.chosen(~last.declined)
        model = trained(gone, at)
        found = probabilities(model, last, judge_examples(model, last).log_odds)
        told = np.array([np.nan if each is None else each for each in found])
        has_none = np.isnan(told)
        without += int(has_none.sum())
        worlds.append(ToldWorld(told[~has_none], last.labels[~has_none]))
        expected.append((round(float(worlds[-1].shares.sum()), 1), int(worlds[-1].frauds.sum())))
        alone = [band for band in bands(worlds[-1:]) if band.is_large]
        print(
            f"{world} {seed}: {len(told):,} transactions, expected and labelled {expected[-1]}, "
            f"large bands right {sum(band.is_right for band in alone)} of {len(alone)}",
            flush=True,
        )
    found = bands(worlds)
    print(f"{'from':>8}{'number':>10}{'frauds':>8}{'probability':>13}{'share':>9}")
    for band in found:
        told = "right" if band.is_right else "wrong"
        print(f"{band.since:>8}{band.transactions:>10,}{band.frauds:>8,}{band.mean:>13.4f}{band.share:>9.4f}  {told}")
    large = [band for band in found if band.is_large]
    return {
        "without_probability": without,
        "expected_and_labelled": expected,
        "bands": [asdict(band) for band in found],
        "large_right": sum(band.is_right for band in large),
        "large": len(large),
        "right": sum(band.is_right for band in found),
    }


def measure_worlds(
    measure: Callable[[str, Sequence[int], int], Mapping[str, Any]],
    seeds: Sequence[int],
    description: str | None,
    sizes: Mapping[str, int] = SIZES,
) -> None:
    """Measure the worlds that the command line asks for, and print what it came to as JSON.

    Args:
        measure: takes a world's name, its seeds and the number of its people or customers.
        seeds: of the worlds, if the command line names none.
        description: what the command does.
        sizes: people or customers of each world, if the command line names no number.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, nargs="+", default=seeds)
    parser.add_argument("--size", type=int, help="people or customers of each world")
    parser.add_argument("--worlds", nargs="+", default=list(sizes))
    asked = parser.parse_args()
    print(json.dumps({world: measure(world, asked.seeds, asked.size or sizes[world]) for world in asked.worlds}))


if __name__ == "__main__":
    measure_worlds(measure, SEEDS, __doc__)

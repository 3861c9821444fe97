"""How well a model ranks an unseen fintech world, with all features and without each group of them.

Each world (`simulate --world fintech`) is judged from its first day on, with labels when they come. A model learns from
what is known after nine weeks of the transactions of the first eight, and ranks those of the last four weeks by what is
true of them, whether anybody ever says so or not. What fraudsters do to look honest, and the payments that they abuse
later, count nowhere. The same rows and parameters serve every model: only the features differ.

    python -m benchmarks.ranking [--seeds 9101 9102 ...] [--people 300]

The model with all features also orders a queue of ten reviews a day: by probability alone, by probability times amount
and by probability times the amount's square root, as the queue is ordered.

The last line printed is JSON: the mean average precision by model, the recall of each pattern of fraud among as many
transactions as there are frauds, and the share of the frauds' value that the queue's reviews find in each order.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from math import nan
from statistics import mean
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.rule_runs import rules_of_today
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.own import INPUTS, VALUES, inputs
from fraudstream.detection.judge import Judge
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.training.boosting import Booster, Flags, Parameters
from fraudstream_tools.lab.training.measuring.metrics import average_precision

HELD_OUT: Final = (9101, 9102, 9103)
"""Seeds that nothing was tried on before the features were done."""
DAYS: Final = 91
LEARNT_DAYS: Final = 56
LABELLED_DAYS: Final = 63
ALL: Final = "all features"
REVIEWS_A_DAY: Final = 10
GROUPS: Final = {
    "the transaction itself": tuple(each.name for each in VALUES),
    "counterparties": tuple(name for name in INPUTS if name.startswith("counterparty")),
    "customers of a card, device or address": tuple(name for name in INPUTS if "Customers" in name),
    "BIN": tuple(name for name in INPUTS if "Bin" in name),
}
"""Features that are left out together."""


class RankedWorld(NamedTuple):
    """A judged world."""

    vectors: NDArray[np.float64]
    days: NDArray[np.float64]
    """Days since the first transaction."""
    known: Flags
    """Known to be fraud when the model learns."""
    fraud: Flags
    counts: Flags
    """Whether it is ranked: what fraudsters do to look honest, and the payments that they abuse later, are not."""
    patterns: Sequence[str]
    amounts: NDArray[np.float64]
    """In the base currency; 0 without an exchange rate."""


class Ranked(NamedTuple):
    """What a model makes of the last weeks."""

    precision: float
    found: dict[str, list[bool]]
    """By pattern, of each fraud whether it is among as many transactions as there are frauds."""
    value: dict[str, float]
    """By the queue's order, the share of the frauds' value that is found."""


def go_through(settings: FintechSettings) -> RankedWorld:
    """Judge a world."""
    made = make_fintech_world(settings)
    transactions = [as_transaction(row, number) for number, row in enumerate(made.transactions, start=1)]
    outcomes = {
        truth.transaction_id: KnownOutcome(truth.report.label is Truth.FRAUD, truth.report.labeled_at)
        for truth in made.truths
        if truth.report
    }
    first = min(each.timestamp for each in transactions)
    learnt_at = first + LABELLED_DAYS * DAY
    rows: list[list[float]] = []
    days: list[float] = []
    amounts: list[float] = []
    rates = rules_of_today().rates
    known: list[bool] = []
    for transaction, decision in judge_history(transactions, outcomes, Judge(rules_of_today())):
        outcome = outcomes.get(transaction.transaction_id)
        rows.append([nan if value is None else value for value in inputs(unpack(decision.features), transaction)])
        amounts.append(rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp) or 0.0)
        days.append((transaction.timestamp - first) / DAY)
        known.append(outcome is not None and outcome.fraud and outcome.known_at <= learnt_at)
    return RankedWorld(
        np.array(rows),
        np.array(days),
        np.array(known),
        np.array([truth.fraud for truth in made.truths]),
        np.array([truth.fraud or not truth.episode for truth in made.truths]),
        [truth.episode if truth.fraud else "" for truth in made.truths],
        np.array(amounts),
    )


def ranked(world: RankedWorld, use: Sequence[str]) -> Ranked:
    """Train on some features, and rank the last weeks."""
    columns = [INPUTS.index(name) for name in use]
    learnt, tested = world.days < LEARNT_DAYS, (world.days >= LABELLED_DAYS) & world.counts
    chosen = np.ascontiguousarray(world.vectors[:, columns])
    scores = Booster(chosen[learnt], world.known[learnt], Parameters()).raw(chosen[tested])
    fraud = world.fraud[tested]
    found = np.zeros(len(scores), dtype=np.bool_)
    found[np.argsort(-scores, kind="stable")[: int(fraud.sum())]] = True
    patterns: dict[str, list[bool]] = defaultdict(list)
    for place, hit in zip(np.flatnonzero(tested).tolist(), found, strict=True):
        if world.fraud[place]:
            patterns[world.patterns[place]].append(bool(hit))
    return Ranked(average_precision(scores, fraud), patterns, queued(world, tested, 1 / (1 + np.exp(-scores))))


def queued(world: RankedWorld, tested: Flags, probabilities: NDArray[np.float64]) -> dict[str, float]:
    """Return the share of the frauds' value that ten reviews a day find, by the order of the queue."""
    amounts, fraud, days = world.amounts[tested], world.fraud[tested], world.days[tested].astype(np.int64)
    orders = {
        "p": probabilities,
        "p amount": probabilities * amounts,
        "p √amount": probabilities * np.sqrt(amounts),
    }
    lost = amounts * fraud
    found = dict.fromkeys(orders, 0.0)
    for day in np.unique(days):
        places = np.flatnonzero(days == day)
        for name, values in orders.items():
            found[name] += float(lost[places[np.argsort(-values[places], kind="stable")[:REVIEWS_A_DAY]]].sum())
    return {name: value / float(lost.sum()) for name, value in found.items()}


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=HELD_OUT)
    parser.add_argument("--people", type=int, default=300)
    asked = parser.parse_args()
    models = {ALL: INPUTS} | {
        f"without {group}": tuple(name for name in INPUTS if name not in left_out) for group, left_out in GROUPS.items()
    }
    models["without any of them"] = tuple(name for name in INPUTS if not any(name in each for each in GROUPS.values()))
    precisions: dict[str, list[float]] = defaultdict(list)
    values: dict[str, list[float]] = defaultdict(list)
    recalls: dict[str, dict[str, list[bool]]] = {name: defaultdict(list) for name in models}
    for seed in asked.seeds:
        world = go_through(FintechSettings(seed=seed, customers=asked.people, days=DAYS))
        print(f"seed {seed}: {len(world.days):,} transactions, {world.fraud.sum():,} frauds", flush=True)
        for name, use in models.items():
            came = ranked(world, use)
            precisions[name].append(came.precision)
            for pattern, found in came.found.items():
                recalls[name][pattern] += found
            print(f"  {name:<48} {came.precision:.3f}", flush=True)
            if name == ALL:
                for order, share in came.value.items():
                    values[order].append(share)
    result = {
        "average_precision": {name: round(mean(found), 4) for name, found in precisions.items()},
        "recall": {
            name: {pattern: round(mean(found), 3) for pattern, found in sorted(patterns.items())}
            for name, patterns in recalls.items()
        },
        "value_at_ten_reviews_a_day": {order: round(mean(found), 4) for order, found in values.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

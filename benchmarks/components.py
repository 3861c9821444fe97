"""What it would bring to know with whom a customer hangs together, over several devices, cards and counterparties.

Each hour, customers are joined who shared a device, a card or a counterparty in the 30 days before; what more than a
few customers share joins nobody, so that a landlord does not join the world. A transaction then has as features, of
the components of its customer and of what it uses, the largest number of customers, the most known frauds, their
largest share, and the greatest age. Models with and without them learn and are measured as in `benchmarks.ranking`.

    python -m benchmarks.components [--seeds 6401 6402] [--people 400]

The last line printed is JSON: by what joins, and by how many customers it may have, the mean average precision, the
recall of each pattern among as many transactions as there are frauds, and of the last world the median, the 99th
percentile and the largest of the customers in the components of transactions that are no fraud.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from statistics import mean
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import (
    connected_components,  # pyright: ignore[reportUnknownVariableType]  (as above)
)

from benchmarks.ranking import DAYS, LABELLED_DAYS, LEARNT_DAYS, RankedWorld, go_through
from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.training.boosting import Booster, Parameters
from fraudstream_tools.lab.training.measuring.metrics import average_precision

SEEDS: Final = (6401, 6402)
"""Seeds that nothing was tried on."""
_WINDOW: Final = 30 * DAY
_NEVER: Final = 2**62
_ALL: Final = ("deviceId", "cardToken", "counterpartyToken")
JOINS: Final = {
    "all, by up to 8": (_ALL, 8),
    "devices and cards, by up to 8": (_ALL[:2], 8),
}

Times = NDArray[np.int64]


class _Past(NamedTuple):
    """Transactions of the days before an hour."""

    ends: Times
    """Numbers of the customer, and of what may join; -1 for what a transaction lacks."""
    times: Times
    fraud: NDArray[np.bool_]
    """Known by then."""


def component_features(settings: FintechSettings, fields: Sequence[str], most: int) -> NDArray[np.float64]:
    """Return customers, known frauds, their share and age in days of each transaction's largest component."""
    made = make_fintech_world(settings)
    numbers: dict[tuple[str, Any], int] = {}

    def number(field: str, row: dict[str, Any]) -> int:
        value = row.get(field)
        return -1 if value is None else numbers.setdefault((field, value), len(numbers))

    rows = made.transactions
    times: Times = np.array([row["timestamp"] for row in rows], dtype=np.int64)
    ends: Times = np.array([[number(field, row) for field in ("customerId", *fields)] for row in rows], dtype=np.int64)
    reports = [truth.report for truth in made.truths]
    known: Times = np.array(
        [each.labeled_at if each and each.label is Truth.FRAUD else _NEVER for each in reports], dtype=np.int64
    )
    found = np.full((len(rows), 4), np.nan)
    for begin in range(int(times[0]) // HOUR * HOUR, int(times[-1]) + 1, HOUR):
        since, first, last = np.searchsorted(times, [begin - _WINDOW, begin, begin + HOUR]).tolist()
        if since < first < last:
            past = _Past(ends[since:first], times[since:first], known[since:first] < begin)
            found[first:last] = _of_hour(past, ends[first:last], begin, most, len(numbers))
    return found


def _of_hour(past: _Past, now: Times, begin: int, most: int, nodes: int) -> NDArray[np.float64]:
    """Return the features of one hour's transactions, by what was before it."""
    links = np.concatenate([past.ends[:, [0, column]] for column in range(1, past.ends.shape[1])])
    links = np.unique(links[links[:, 1] >= 0], axis=0)
    links = links[np.bincount(links[:, 1], minlength=nodes)[links[:, 1]] <= most]
    graph = cast("Any", coo_matrix)((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(nodes, nodes))
    labels: Times = cast("Any", connected_components)(graph, directed=False)[1]
    customers = np.bincount(labels[np.unique(past.ends[:, 0])], minlength=nodes)
    of_past = labels[past.ends[:, 0]]
    frauds, all_of = np.bincount(of_past[past.fraud], minlength=nodes), np.bincount(of_past, minlength=nodes)
    oldest = np.full(nodes, begin, dtype=np.int64)
    np.minimum.at(oldest, of_past, past.times)
    told = np.column_stack([customers, frauds, frauds / np.maximum(all_of, 1), (begin - oldest) / DAY])
    # What a transaction lacks, -1, is told of by nothing.
    return np.where((now >= 0)[:, :, None], told[labels[now]], 0.0).max(axis=1)


def ranked(world: RankedWorld, more: NDArray[np.float64] | None) -> tuple[float, dict[str, list[bool]]]:
    """Train with more features, and return the average precision and what was found of each pattern."""
    columns = world.vectors if more is None else np.hstack([world.vectors, more])
    learnt, tested = world.days < LEARNT_DAYS, (world.days >= LABELLED_DAYS) & world.counts
    seeds = [Parameters(seed=seed) for seed in (1, 2)]
    raw = [Booster(columns[learnt], world.known[learnt], each).raw(columns[tested]) for each in seeds]
    scores, fraud = np.mean(raw, axis=0), world.fraud[tested]
    first = set(np.argsort(-scores, kind="stable")[: int(fraud.sum())].tolist())
    found: dict[str, list[bool]] = defaultdict(list)
    for place, row in enumerate(np.flatnonzero(tested).tolist()):
        if world.fraud[row]:
            found[world.patterns[row]].append(place in first)
    return average_precision(scores, fraud), found


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--people", type=int, default=400)
    asked = parser.parse_args()
    precisions: dict[str, list[float]] = defaultdict(list)
    recalls: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    sizes: dict[str, list[float]] = {}
    for seed in asked.seeds:
        settings = FintechSettings(seed=seed, customers=asked.people, days=DAYS)
        world = go_through(settings)
        for name in ("without", *JOINS):
            more = component_features(settings, *JOINS[name]) if name in JOINS else None
            if more is not None:
                sizes[name] = np.nanquantile(more[~world.fraud, 0], [0.5, 0.99, 1]).tolist()
            precision, found = ranked(world, more)
            precisions[name].append(precision)
            print(f"{seed} {name:<32} {precision:.3f}", flush=True)
            for pattern, hits in found.items():
                recalls[name][pattern] += hits
    means = {name: {pattern: round(mean(hits), 3) for pattern, hits in of.items()} for name, of in recalls.items()}
    told = {name: round(mean(each), 3) for name, each in precisions.items()}
    print(json.dumps({"average_precision": told, "recall": means, "honest_sizes": sizes}))


if __name__ == "__main__":
    main()

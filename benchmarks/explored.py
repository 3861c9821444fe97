"""What weights of labels of explored approvals bring, where nobody reports what was approved, and where all do.

A world is judged by rules. Somebody looks at all that they flag, and at a share of the approvals, drawn by chance.
Trees learn from the first three weeks after a few days of warming up, each drawn fraud once with weight 1 and once for
as many as it stands for (`fraudstream_tools.lab.training.samples.explored`), and score the rest of the world. What is
fraud is what is labelled so in the end; it is labelled by then either all, or as far as somebody looked.

    python -m benchmarks.explored [--seeds 6201] [--size 1500] [--worlds handbook] [--shares 0.01 0.03 0.1] [--draws 4]

The last line printed is JSON: by world, reporting and share drawn how many drawn frauds there were, and the average
precision over everything and over what rules approve, without weights and with them; means over draws and seeds.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.reliability import SIZES, GoneThrough, go_through, tested
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Booster, Parameters
from fraudstream_tools.lab.training.measuring.metrics import average_precision
from fraudstream_tools.lab.training.measuring.verdicts import judge_examples
from fraudstream_tools.lab.training.samples.explored import Drawing, unseen_frauds

DAYS: Final = 35
_WARM: Final = 4
_TRAINED_AT: Final = 24


def figures(gone: GoneThrough, share: float, draw: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Return the figures of one draw, by how much is reported."""
    found = tested(gone, gone.start)
    days = (found.timestamps - gone.start) // DAY
    first, later = (days >= _WARM) & (days < _TRAINED_AT), days >= _TRAINED_AT
    flagged = judge_examples(None, found).flagged
    drawn = (np.random.default_rng(draw).random(len(days)) < share) & ~flagged
    drawing = Drawing(drawn=int(drawn[first].sum()), labelled=int(drawn[first].sum()))
    for name, is_reported in (("nobody reports", False), ("all report", True)):
        known = found.labels & (flagged | drawn | is_reported)
        reported = found.labels & ~flagged & ~drawn & is_reported
        told = known & first
        unseen = np.zeros(len(days))
        chances = np.where(drawn, share, np.nan)[told]
        unseen[told], _ = unseen_frauds(chances, reported[told].astype(np.float64), drawing)
        of: dict[str, float] = {"drawn frauds": float((drawn & told).sum())}
        for how, weights in (("weight 1", None), ("weighted", 1 + unseen[first])):
            scores = Booster(found.vectors[first], known[first], Parameters(), weights).raw(found.vectors[later])
            approved = ~flagged[later]
            of[f"everything, {how}"] = average_precision(scores, found.labels[later])
            of[f"approved, {how}"] = average_precision(scores[approved], found.labels[later][approved])
        yield name, of


def measure(world: str, seeds: Sequence[int], size: int, shares: Sequence[float], draws: int) -> dict[str, float]:
    """Measure a kind of world."""
    told: dict[str, float] = defaultdict(float)
    for seed in seeds:
        gone = go_through(world, seed, size, DAYS)
        for share in shares:
            for draw in range(draws):
                for reporting, of in figures(gone, share, draw):
                    for name, figure in of.items():
                        told[f"{reporting}, {share:g} drawn, {name}"] += figure / draws / len(seeds)
    return {name: round(figure, 3) for name, figure in told.items()}


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=(6201,))
    parser.add_argument("--size", type=int, default=1500, help="people or customers of each world")
    parser.add_argument("--worlds", nargs="+", choices=list(SIZES), default=["handbook"])
    parser.add_argument("--shares", type=float, nargs="+", default=(0.01, 0.03, 0.1))
    parser.add_argument("--draws", type=int, default=4)
    asked = parser.parse_args()
    worlds = {name: measure(name, asked.seeds, asked.size, asked.shares, asked.draws) for name in asked.worlds}
    print(json.dumps(worlds))


if __name__ == "__main__":
    main()

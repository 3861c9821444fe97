"""How near a backtest's figures are to the truth, with drawn frauds weighed and without.

A world is judged by rules. Somebody looks at all that they flag, and at a share of the approvals, drawn by chance; of
the other approved frauds people report none, half, or all. A backtest compares these rules with the same ones and one
more, which reviews large amounts. Its figures are compared with those that it has where everything is labelled.

    python -m benchmarks.explored_backtest [--seeds 33001 33002] [--worlds handbook fintech] [--draws 100]

The last line printed is JSON: by world, reporting and share drawn, for each figure the truth, and the root of the mean
squared error without weights and with them, over draws and seeds; and how often the interval held the truth.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.reliability import of_fintech, of_handbook
from benchmarks.rule_runs import rules_of_today
from fraudstream.contract import RULESET_FILES
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.backtest.exploration import Exploration
from fraudstream_tools.lab.backtest.figures import BacktestFigures, figures
from fraudstream_tools.lab.backtest.intervals import Share
from fraudstream_tools.lab.backtest.run import (
    PROPENSITY_UNIT,
    BacktestTally,
    Contestant,
    Evaluator,
    Key,
    Known,
    Sample,
    Standing,
    Sum,
)
from fraudstream_tools.lab.fintech.world import FintechSettings
from fraudstream_tools.lab.replay.history import judge_history
from fraudstream_tools.lab.training.samples.explored import Drawing
from fraudstream_tools.lab.world.handbook import HandbookSettings

REPORTED: Final[Mapping[str, float]] = {"nothing": 0.0, "half": 0.5, "everything": 1.0}
_MORE: Final = {
    "id": "much-at-once",
    "description": "Three times what the customer spends.",
    "when": "amountBase > 3 * customerAmountMean",
    "decision": "REVIEW",
    "reasonCode": "AMOUNT_OUTLIER",
    "severity": "low",
    "source": "own",
}
"""The rule that the other ruleset has beside the first one."""
_DAYS: Final = 28
_RULES: Final = Path(__file__).resolve().parents[1] / "rules"


@dataclass(frozen=True, kw_only=True)
class JudgedWorld:
    """A world, judged by both rulesets."""

    rulesets: Sequence[Ruleset]
    outcomes: Sequence[Key]
    group: NDArray[np.int64]
    """Of each transaction the place of its outcomes."""
    amounts: NDArray[np.int64]
    frauds: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    """By the first ruleset: the one that decided."""

    def figures(
        self, known: NDArray[np.bool_], drawn: NDArray[np.bool_], share: float, exploration: Exploration | None = None
    ) -> BacktestFigures:
        """Return what a backtest says.

        Args:
            known: what has a label.
            drawn: what was put into the queue by chance.
            share: the probability of that.
            exploration: None counts each known fraud once.
        """
        kinds = {
            Known(Standing.MATURED, is_unseen=True): ~known,
            Known(Standing.FRAUD): known & self.frauds & ~drawn,
            Known(Standing.LEGITIMATE): known & ~self.frauds & ~drawn,
            Known(Standing.FRAUD, round(share * PROPENSITY_UNIT)): known & self.frauds & drawn,
            Known(Standing.LEGITIMATE, round(share * PROPENSITY_UNIT)): known & ~self.frauds & drawn,
        }
        tally = BacktestTally(first=0, last=1, exploration=exploration)
        for kind, those in kinds.items():
            numbers = np.bincount(self.group[those], minlength=len(self.outcomes)).tolist()
            amounts = np.bincount(self.group[those], self.amounts[those], len(self.outcomes)).tolist()
            for (_, outcomes), number, amount in zip(self.outcomes, numbers, amounts, strict=True):
                if number:
                    tally.sums[kind, outcomes] = Sum(number, int(amount), 0)
        return figures(tally, self.rulesets, ["A", "B"], repeated=0)


def judged(world: str, seed: int) -> JudgedWorld:
    """Judge a world."""
    if world == "fintech":
        transactions, said = of_fintech(FintechSettings(seed=seed, customers=300, days=_DAYS))
    else:
        transactions, said = of_handbook(HandbookSettings(seed=seed, customers=500, terminals=1000, days=_DAYS))
    ruleset, rates, lists = (_RULES.joinpath(name).read_bytes() for name in RULESET_FILES)
    more = yaml.safe_load(ruleset)
    more["rules"].append(_MORE)
    contestants = [Contestant(ruleset, rates, lists), Contestant(json.dumps(more).encode(), rates, lists)]
    evaluator = Evaluator(contestants, with_changes=False)
    places: dict[Key, int] = {}
    rows: list[tuple[int, int, bool]] = []
    for transaction, decision in judge_history(
        transactions, said, Judge(rules_of_today(), Calendar(label_delay_days=7))
    ):
        told = evaluator.tally([Sample(transaction, (decision.features,), Standing.UNKNOWN)])
        ((key, each),) = told.sums.items()
        outcome = said.get(transaction.transaction_id)
        rows.append((places.setdefault(key, len(places)), each.amount, outcome is not None and outcome.fraud))
    group, amounts, frauds = (np.array(column) for column in zip(*rows, strict=True))
    flagged = np.array([outcomes[0][1] is not Verdict.APPROVE for _, outcomes in places])
    return JudgedWorld(
        rulesets=[each.load() for each in contestants],
        outcomes=list(places),
        group=group,
        amounts=amounts,
        frauds=frauds,
        flagged=flagged[group],
    )


def measured(found: BacktestFigures) -> dict[str, Share]:
    """Return the figures of a backtest that are compared."""
    before, after = found.rulesets
    told = {"recall of A": before.recall, "recall of B": after.recall, "precision of B": after.precision}
    (newly,) = (each for each in found.changes or () if (each.before, each.after) == (Verdict.APPROVE, Verdict.REVIEW))
    told["precision of what B adds"] = newly.precision
    return {name: share for name, share in told.items() if share}


def draws(world: JudgedWorld, share: float, reported: float, number: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Return, for each draw and figure, the truth, both errors squared, and whether the interval held it."""
    everything, nothing = np.ones(len(world.frauds), dtype=np.bool_), np.zeros(len(world.frauds), dtype=np.bool_)
    truth = measured(world.figures(everything, nothing, share))
    for draw in range(number):
        chance = np.random.default_rng([33_000, draw])
        drawn = (chance.random(len(everything)) < share) & ~world.flagged
        told = world.frauds & ~world.flagged & ~drawn & (chance.random(len(everything)) < reported)
        known = world.flagged | drawn | told
        drawing = Drawing(drawn=int(drawn.sum()), labelled=int(drawn.sum()), first=0, last=1)
        exploration = Exploration(drawing=drawing, reported=int(told.sum()))
        plain = measured(world.figures(known, drawn, share))
        weighed = measured(world.figures(known, drawn, share, exploration))
        for name, told_right in truth.items():
            right = told_right.value
            of = {"truth": right, "drawn frauds": float((drawn & world.frauds).sum())}
            of |= {"once": (plain[name].value - right) ** 2, "weighed": (weighed[name].value - right) ** 2}
            for how, interval in (("held once", plain[name]), ("held weighed", weighed[name])):
                of[how] = float(interval.low <= right <= interval.high)
            yield name, of


def measure(kind: str, seeds: Sequence[int], shares: Sequence[float], number: int) -> dict[str, dict[str, float]]:
    """Measure a kind of world."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for seed in seeds:
        world = judged(kind, seed)
        for share in shares:
            for name, reported in REPORTED.items():
                for figure, of in draws(world, share, reported, number):
                    for column, each in of.items():
                        sums[f"{name} reported, {share:g} drawn, {figure}"][column] += each / number / len(seeds)
    return {
        name: {column: round(sqrt(each) if column in ("once", "weighed") else each, 3) for column, each in of.items()}
        for name, of in sums.items()
    }


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=(33001, 33002))
    parser.add_argument("--worlds", nargs="+", choices=("handbook", "fintech"), default=["handbook", "fintech"])
    parser.add_argument("--shares", type=float, nargs="+", default=(0.01, 0.03, 0.1))
    parser.add_argument("--draws", type=int, default=100)
    asked = parser.parse_args()
    print(json.dumps({name: measure(name, asked.seeds, asked.shares, asked.draws) for name in asked.worlds}))


if __name__ == "__main__":
    main()

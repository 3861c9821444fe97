"""What a model would learn from the issuer's answer: the authorization result and the response code as features.

Worlds and weeks are those of `benchmarks.ranking`. Both models learn from the same rows; one sees the answer of the
transaction itself, beside all features. They rank everything, and what the issuer let through, where alone a decision
of ours changes anything: `declined_as_fraud` is how many of the transactions that each puts first, as many as there are
frauds, the issuer had declined.

    python -m benchmarks.issuer_answers [--seeds 26001 26002] [--people 400]

The last line printed is JSON: by model, means over the seeds.
"""

import argparse
import json
from collections import defaultdict
from statistics import mean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.ranking import DAYS, LABELLED_DAYS, LEARNT_DAYS, RankedWorld, go_through
from fraudstream.transactions.transaction import AuthorizationResult
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.training.boosting import Booster, Parameters
from fraudstream_tools.lab.training.measuring.metrics import average_precision

SEEDS: Final = (26001, 26002)
"""Seeds that nothing was tried on."""
_RESULTS: Final = {str(result): float(place) for place, result in enumerate(AuthorizationResult)}


def issuer_answers(settings: FintechSettings) -> NDArray[np.float64]:
    """Return the authorization result and the response code of each transaction, as numbers; NaN without one."""
    rows = make_fintech_world(settings).transactions
    return np.array(
        [
            [_RESULTS.get(row.get("authorizationResult", ""), np.nan), float(row.get("responseCode") or "nan")]
            for row in rows
        ]
    )


def measured(world: RankedWorld, answers: NDArray[np.float64], *, sees_answers: bool) -> dict[str, float]:
    """Train a model, and return how it ranks the last weeks."""
    columns = np.hstack([world.vectors, answers]) if sees_answers else world.vectors
    learnt, tested = world.days < LEARNT_DAYS, (world.days >= LABELLED_DAYS) & world.counts
    booster = Booster(np.ascontiguousarray(columns[learnt]), world.known[learnt], Parameters())
    scores, fraud = booster.raw(np.ascontiguousarray(columns[tested])), world.fraud[tested]
    declined = answers[tested, 0] == _RESULTS[str(AuthorizationResult.DECLINED)]
    first = np.argsort(-scores, kind="stable")[: int(fraud.sum())]
    return {
        "average_precision": average_precision(scores, fraud),
        "of_what_was_let_through": average_precision(scores[~declined], fraud[~declined]),
        "declined_as_fraud": float(declined[first].mean()),
    }


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--people", type=int, default=400)
    asked = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in asked.seeds:
        settings = FintechSettings(seed=seed, customers=asked.people, days=DAYS)
        world, answers = go_through(settings), issuer_answers(settings)
        for name in ("without", "with"):
            came = measured(world, answers, sees_answers=name == "with")
            found[name].append(came)
            print(f"{seed} {name:<8} {'  '.join(f'{key} {value:.3f}' for key, value in came.items())}", flush=True)
    print(json.dumps({name: {key: round(mean(e[key] for e in of), 4) for key in of[0]} for name, of in found.items()}))


if __name__ == "__main__":
    main()

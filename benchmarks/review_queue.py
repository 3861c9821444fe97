"""How much of the frauds' value ten reviews a day find, by the order of the queue.

Each world is judged from its first day on and a model is trained after twelve weeks, as in `benchmarks.reliability`; it
is live for four weeks. Each of these days the queue is what was decided on that day: once its alerts alone, and once
everything, for an order that serves when there are more alerts than time has to work there too. Reviewed are the ten
that come first: by score, by probability, by probability times amount, and by probability times the root of the amount,
which is the expected loss that queues are ordered by; where rules decide alone, by score, and by score times that root.
What is fraud is what is labelled so in the end.

    python -m benchmarks.review_queue [--seeds 5301 ...] [--size 300] [--worlds handbook shifted fintech]

The last line printed is JSON: by world the value of fraud, in the base currency, and by queue and order the value that
is found.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.reliability import TRAINED_AT, go_through, measure_worlds, tested, trained
from fraudstream.detection.features.registry import AMOUNT_PLACE
from fraudstream.detection.models.model import Model
from fraudstream.detection.scoring import score_of
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.expected_loss import expected_loss
from fraudstream_tools.lab.training.measuring.verdicts import judge_examples, probabilities
from fraudstream_tools.lab.training.samples.examples import Examples

SEEDS: Final = (5301,)
REVIEWS_A_DAY: Final = 10

Order = Sequence[float]
"""What each transaction is worth: the greatest comes first."""


def orders(model: Model | None, found: Examples, log_odds: NDArray[np.float64]) -> Mapping[str, Order]:
    """Return the orders in which a queue may be, by name.

    Args:
        model: the live one; None: rules decide alone.
        found: what was decided.
        log_odds: the scores before they are rounded.
    """
    scores = [score_of(each) for each in log_odds.tolist()]
    amounts = amounts_of(found).tolist()
    told = [None] * len(scores) if model is None else probabilities(model, found, log_odds)
    loss = [expected_loss(*each) for each in zip(told, scores, amounts, strict=True)]
    if model is None:
        return {"score": scores, "score √amount": loss}
    likely = [score / 100 if p is None else p for p, score in zip(told, scores, strict=True)]
    return {
        "score": scores,
        "p": likely,
        "p amount": [p * amount for p, amount in zip(likely, amounts, strict=True)],
        "p √amount": loss,
    }


def amounts_of(found: Examples) -> NDArray[np.float64]:
    """Return amounts in the base currency; 0 without an exchange rate."""
    return np.nan_to_num(found.vectors[:, AMOUNT_PLACE])


def reviewed(found: Examples, those: NDArray[np.bool_], worth: Order, a_day: int = REVIEWS_A_DAY) -> NDArray[np.int64]:
    """Return the places of what is looked at, of all days together.

    Args:
        found: what was decided.
        those: what is in the queue.
        worth: by which it is ordered.
        a_day: reviews.
    """
    days, values = found.timestamps // DAY, np.array(worth)
    queues = [np.flatnonzero((days == day) & those) for day in np.unique(days)]
    return np.concatenate([places[np.argsort(-values[places], kind="stable")[:a_day]] for places in queues])


def found_value(found: Examples, those: NDArray[np.bool_], worth: Order) -> float:
    """Return the value of the frauds that a day's reviews find, of all days together; see `reviewed`."""
    return float((amounts_of(found) * found.labels)[reviewed(found, those, worth)].sum())


def measure(world: str, seeds: Sequence[int], size: int) -> dict[str, Any]:
    """Measure a kind of world by several seeds, whose values are added up."""
    value: dict[str, float] = defaultdict(float)
    values: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for seed in seeds:
        gone = go_through(world, seed, size)
        at = gone.start + TRAINED_AT * DAY
        last, live = tested(gone, at), trained(gone, at)
        value["fraud"] += float((amounts_of(last) * last.labels).sum())
        for name, model in (("live model", live), ("rules alone", None)):
            judged = judge_examples(model, last)
            days = len(np.unique(last.timestamps // DAY))
            value[f"alerts a day, {name}"] += float(judged.flagged.sum()) / days / len(seeds)
            for order, worth in orders(model, last, judged.log_odds).items():
                values[f"alerts, {name}"][order] += found_value(last, judged.flagged, worth)
                values[f"everything, {name}"][order] += found_value(last, np.ones_like(judged.flagged), worth)
    return {name: round(each, 1) for name, each in value.items()} | {
        queue: {order: round(each) for order, each in by_order.items()} for queue, by_order in values.items()
    }


if __name__ == "__main__":
    measure_worlds(measure, SEEDS, __doc__)

"""The gate: a model may take another one's place only if it is not worse on weeks that neither has learnt from."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.model import Model
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.measuring.metrics import average_precision, recall_at_false_positives
from fraudstream_tools.lab.training.measuring.verdicts import judge_examples
from fraudstream_tools.lab.training.samples.examples import Examples

MIN_FRAUDS: Final = 30
"""With fewer, a difference as large as the margins is mostly chance: own choice."""
WEEKS: Final = 4
"""The newest of them that are looked at, at most."""
PRECISION_MARGIN: Final = 0.01
"""How much lower the average precision may be. The benchmark's four weeks differ by about 0.02: own choice."""
RECALL_MARGIN: Final = 0.02
"""How much lower the recall at 0.1 % false positives may be: own choice."""
MULTIPLE: Final = 2.0
"""How many times as many alerts or declines a day it may make as what is active, of which at least one is counted: own
choice."""


@dataclass(frozen=True, kw_only=True)
class GateFigures:
    """How well a score told fraud from the rest."""

    average_precision: float
    recall: float
    """At 0.1 % false positives."""
    alerts_a_day: float
    """Reviewed or declined, without what lists and other forced decisions add. Of what was declined, most has no label:
    it is counted here, and tells nothing above."""
    declines_a_day: float
    precision: float | None
    """Share of fraud among the alerts that are labelled, once all labels are there; None without one, and of
    transactions that the model has learnt from."""


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """What the gate looked at, and what it says."""

    transactions: int
    frauds: int
    by_validation: bool = False
    """On the candidate's own validation weeks, by trees of the same kind that had not seen them."""
    candidate: GateFigures | None = None
    champion: GateFigures | None = None
    """The active model; the rules alone if there is none."""
    refusals: tuple[str, ...] = ()
    """Why the candidate is refused; empty if it may go live."""


def compare(
    candidate: Model, champion: Model | None, examples: Examples, *, more_alerts: bool = False
) -> ModelComparison:
    """Compare two models, each together with the rules, as they would decide.

    Only transactions count that are newer than everything either has learnt from. If they are too few, the candidate's
    own validation weeks are taken, unless what is active has learnt from them: the newest refit would have to wait for
    weeks otherwise. Its quality there is that of its card, by trees of the same kind that had not seen these weeks,
    without the help of rules.

    Args:
        candidate: the model that wants to go live.
        champion: the one that is; None if rules decide alone.
        examples: labelled transactions, by what is known now.
        more_alerts: the candidate may make many times as many alerts and declines.
    """
    learnt = max(model.file.training.last for model in (candidate, champion) if model)
    newest = max([learnt, *examples.timestamps.tolist()])
    recent = examples.after(max(learnt, newest - WEEKS * 7 * DAY))
    of_validation = None
    if not _tells(recent) and (weeks := _validation_weeks(candidate, champion, examples)) is not None:
        recent, of_validation = weeks, candidate.file.metrics
    frauds, transactions = int(recent.labels.sum()), len(recent.labels)
    refusals: list[str] = []
    if not candidate.file.own_labels:
        refusals.append("it never learnt from labels of your own: train it on your decision log")
    if not _tells(recent):
        refusals.append(
            f"there are {frauds} frauds among {transactions} labelled transactions that are newer than what the models "
            f"learnt from, and {MIN_FRAUDS} are needed: wait, or train one that leaves newer weeks out (--until)"
        )
        return ModelComparison(transactions=transactions, frauds=frauds, refusals=tuple(refusals))
    ours, theirs = (_figures(model, recent) for model in (candidate, champion))
    if of_validation is not None:
        ours = replace(
            ours,
            average_precision=of_validation["averagePrecision"],
            recall=of_validation["recallAt0.1PctFalsePositives"],
            precision=None,
        )
    refusals += _worse("average precision", ours.average_precision, theirs.average_precision, PRECISION_MARGIN)
    refusals += _worse("recall at 0.1 % false positives", ours.recall, theirs.recall, RECALL_MARGIN)
    if not more_alerts:
        refusals += _more("alerts", ours.alerts_a_day, theirs.alerts_a_day)
        refusals += _more("declines", ours.declines_a_day, theirs.declines_a_day)
    return ModelComparison(
        transactions=transactions,
        frauds=frauds,
        by_validation=of_validation is not None,
        candidate=ours,
        champion=theirs,
        refusals=tuple(refusals),
    )


def _tells(examples: Examples) -> bool:
    """Return whether there are enough frauds, and something else, to compare on."""
    return MIN_FRAUDS <= int(examples.labels.sum()) < len(examples.labels)


def _validation_weeks(candidate: Model, champion: Model | None, examples: Examples) -> Examples | None:
    """Return what a candidate was measured on in its training; None if that is no comparison."""
    weeks = candidate.file.validation
    if weeks is None or (champion is not None and champion.file.training.last >= weeks.first):
        return None
    recent = examples.within(weeks.first, weeks.last)
    return recent if _tells(recent) else None


def _worse(name: str, ours: float, theirs: float, margin: float) -> list[str]:
    if ours >= theirs - margin:
        return []
    return [f"{name} is {ours:.3f}, and {theirs:.3f} for what is active; at most {margin:g} less is allowed"]


def _more(name: str, ours: float, theirs: float) -> list[str]:
    if ours <= MULTIPLE * max(theirs, 1.0):
        return []
    many = f"it makes {ours:.1f} {name} a day, and what is active {theirs:.1f}: more than {MULTIPLE:g} times as many"
    return [f"{many}; if that is what you want, say --more-alerts"]


def _figures(model: Model | None, examples: Examples) -> GateFigures:
    judged, counts = judge_examples(model, examples), _counts(examples)
    days = max((int(examples.timestamps.max()) - int(examples.timestamps.min())) / DAY, 1.0)
    alerts, declines = float(counts[judged.flagged].sum()), float(counts[judged.declined].sum())
    unknown_alerts, unknown_declines = _of_stopped(model, examples.stopped)
    # A labelled fraud stands for those of its age that have no label yet.
    frauds = float((counts * examples.labels / examples.arrived)[judged.flagged].sum())
    return GateFigures(
        average_precision=average_precision(judged.log_odds, examples.labels, examples.weights, examples.arrived),
        recall=recall_at_false_positives(
            judged.log_odds, examples.labels, weights=examples.weights, arrived=examples.arrived
        )[0],
        alerts_a_day=(alerts + unknown_alerts) / days,
        declines_a_day=(declines + unknown_declines) / days,
        precision=min(frauds / alerts, 1.0) if alerts else None,
    )


def _of_stopped(model: Model | None, stopped: Examples | None) -> tuple[float, float]:
    """Return how many of the declined transactions without a label a model flags, and how many it declines."""
    if stopped is None or not len(stopped.timestamps):
        return 0.0, 0.0
    judged, counts = judge_examples(model, stopped), _counts(stopped)
    return float(counts[judged.flagged].sum()), float(counts[judged.declined].sum())


def _counts(examples: Examples) -> NDArray[np.float64]:
    return np.ones(len(examples.labels)) if examples.weights is None else examples.weights

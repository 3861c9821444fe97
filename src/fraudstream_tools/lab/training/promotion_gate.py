"""The gate: a model may take another one's place only if it is not worse on weeks that neither has learnt from."""

from dataclasses import dataclass
from typing import Final

from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.model import Model
from fraudstream.detection.rules.counting import points_beside
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Matrix
from fraudstream_tools.lab.training.examples import Examples
from fraudstream_tools.lab.training.metrics import average_precision, recall_at_false_positives

MIN_FRAUDS: Final = 30
"""With fewer, a difference as large as the margins is mostly chance: own choice."""
WEEKS: Final = 4
"""The newest of them that are looked at, at most."""
PRECISION_MARGIN: Final = 0.01
"""How much lower the average precision may be. The benchmark's four weeks differ by about 0.02: own choice."""
RECALL_MARGIN: Final = 0.02
"""How much lower the recall at 0.1 % false positives may be: own choice."""


@dataclass(frozen=True, kw_only=True)
class GateFigures:
    """How well a score told fraud from the rest."""

    average_precision: float
    recall: float
    """At 0.1 % false positives."""


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """What the gate looked at, and what it says."""

    transactions: int
    frauds: int
    candidate: GateFigures | None = None
    champion: GateFigures | None = None
    """The active model; the rules alone if there is none."""
    refusals: tuple[str, ...] = ()
    """Why the candidate is refused; empty if it may go live."""


def compare(candidate: Model, champion: Model | None, found: Examples) -> ModelComparison:
    """Compare two models, each together with the rules, as they would decide.

    Only transactions count that are newer than everything either has learnt from.

    Args:
        candidate: the model that wants to go live.
        champion: the one that is; None if rules decide alone.
        found: labelled transactions, by what is known now.
    """
    learnt = max(model.file.training.last for model in (candidate, champion) if model)
    newest = max([learnt, *found.timestamps.tolist()])
    recent = found.after(max(learnt, newest - WEEKS * 7 * DAY))
    frauds, transactions = int(recent.labels.sum()), len(recent.labels)
    refusals: list[str] = []
    if not candidate.file.own_labels:
        refusals.append("it never learnt from labels of your own: train it on your decision log")
    if frauds < MIN_FRAUDS or frauds == transactions:
        refusals.append(
            f"there are {frauds} frauds among {transactions} labelled transactions that are newer than what the models "
            f"learnt from, and {MIN_FRAUDS} are needed: wait, or train one that leaves newer weeks out (--until)"
        )
        return ModelComparison(transactions=transactions, frauds=frauds, refusals=tuple(refusals))
    ours, theirs = (_figures(model, recent) for model in (candidate, champion))
    refusals += _worse("average precision", ours.average_precision, theirs.average_precision, PRECISION_MARGIN)
    refusals += _worse("recall at 0.1 % false positives", ours.recall, theirs.recall, RECALL_MARGIN)
    return ModelComparison(
        transactions=transactions, frauds=frauds, candidate=ours, champion=theirs, refusals=tuple(refusals)
    )


def _worse(name: str, ours: float, theirs: float, margin: float) -> list[str]:
    if ours >= theirs - margin:
        return []
    return [f"{name} is {ours:.3f}, and {theirs:.3f} for what is active; at most {margin:g} less is allowed"]


def _figures(model: Model | None, examples: Examples) -> GateFigures:
    odds = examples.hits.points(points_beside(model, examples.hits.ruleset.rules))
    if model is not None:
        odds = model.file.points_weight * odds + [model.evidence(vector) for vector in as_vectors(examples.vectors)]
    return GateFigures(
        average_precision=average_precision(odds, examples.labels, examples.weights, examples.arrived),
        recall=recall_at_false_positives(odds, examples.labels, weights=examples.weights, arrived=examples.arrived)[0],
    )


def as_vectors(rows: Matrix) -> list[Vector]:
    """Return the rows of a matrix as the analyzer sees them: None is missing."""
    return [tuple([None if value != value else value for value in row]) for row in rows.tolist()]  # noqa: PLR0124  (NaN)

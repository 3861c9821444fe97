"""From feature vectors and labels to a model: trees, calibration, metrics on newer weeks, distributions.

Everything here is the same for the same input and seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.counts import counted, word_for
from fraudstream.detection.features import registry
from fraudstream.detection.features.own import INPUT_MEANINGS, INPUTS
from fraudstream.detection.models.model import Calibration, Distribution, Model, ModelError, ModelFile, Period, seal
from fraudstream.detection.models.stationary import baseline_start
from fraudstream.detection.models.trees import Tree
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Booster, Flags, Matrix, Parameters, Weights, weights_of
from fraudstream_tools.lab.training.calibration import frauds_told, log_odds, platt
from fraudstream_tools.lab.training.held_out import Newer, held_out
from fraudstream_tools.lab.training.measuring.distributions import distributions, usual_drift
from fraudstream_tools.lab.training.measuring.metrics import metrics
from fraudstream_tools.lab.training.rules.rule_hits import RuleHits
from fraudstream_tools.lab.training.serving import measured_serving, unmeasured_serving

MIN_FRAUDS: Final = 10
"""Fewer say nothing: neither is trained on them, nor measured."""


class TrainingError(ValueError):
    """There is nothing that a model could learn from; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How a model is measured before it learns from everything."""

    days: float = 14
    """The newest days, on which a model trained on earlier ones is measured."""
    label_delay_days: float = 7
    """Days by which transactions must be older than the validation for the model to learn from their labels."""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """How far the labels of transactions have come in."""

    known_at: NDArray[np.int64]
    """Since when each one is known to be fraud, epoch milliseconds."""
    share: NDArray[np.float64]
    """Share of frauds like it that has a label; some may never have one, as `unseen` says."""
    unseen: NDArray[np.float64] | None = None
    """For how many frauds that nobody reports each known one stands; None: for none."""


def fit(
    vectors: Matrix,
    labels: Flags,
    timestamps: NDArray[np.int64],
    *,
    hits: RuleHits | None = None,
    arrival: Arrived | None = None,
    declined: Flags | None = None,
    stopped: int = 0,
    stands_for: Weights = None,
    newer: Matrix | None = None,
    use: Sequence[str] = registry.NAMES,
    parameters: Parameters | None = None,
    validation: Validation | None = None,
    trained_on: str = "labels given by the caller",
    own_labels: bool = False,
) -> Model:
    """Train a model.

    First a model learns from the earlier part and is measured on the newest days. Then the final one learns from
    everything, with the same parameters, and is calibrated by trees that know nearly as much (see `held_out`). If a
    part holds fewer than `MIN_FRAUDS` frauds, nothing is measured and the trees' own log-odds stay as they are.

    Args:
        vectors: a row for each transaction, a column for each of `INPUTS`, or of the features before them alone
            (`registry.NAMES`); NaN is missing. Double precision, as the analyzer reads them back: in single precision
            a share can fall on the other side of a threshold.
        labels: which of them are fraud, as known at the time of training.
        timestamps: epoch milliseconds, in any order.
        hits: the rules that hit; with them it is fitted how much they count beside the model.
        arrival: how far labels have come in; None: each one is there, and came after the labels' delay.
        declined: which of them were declined. Trees learn from them, and calibration does not: only labelled ones are
            there, nearly all of them fraud, and nobody knows what the others would have been.
        stopped: how many more were declined by decisions, of which nothing is known.
        stands_for: for how many transactions each one stands, if they are a sample.
        newer: rows like those of `vectors`, of transactions that are too new to have labels: by them scores of older
            trees and of those that are served are compared (see `held_out`).
        use: the features to learn from.
        parameters: how trees are grown.
        validation: which part is newest, and how late labels come.
        trained_on: what the labels are from, for the model card.
        own_labels: they are from real transactions of the user.

    Raises:
        TrainingError: the arrays do not fit each other, there are too few frauds or nothing but fraud, or no model that
            can be used comes of them.
    """
    parameters, validation = parameters or Parameters(), validation or Validation()
    _check(vectors, labels, timestamps)
    columns = _columns(use, vectors)
    flags = labels.astype(np.bool_)
    rows = _Rows(
        chosen=np.ascontiguousarray(vectors[:, columns], dtype=np.float64),
        flags=flags,
        timestamps=timestamps,
        frauds=frauds_told(flags, None if arrival is None else arrival.share),
        arrival=arrival,
        stands_for=stands_for,
    )
    prior = log_odds(_share_of_fraud(rows))
    booster = Booster(rows.chosen, flags, parameters, rows.learnt_for(flags))
    unlearnt = None if newer is None else newer[:, columns]
    held = held_out(
        rows.chosen,
        flags,
        timestamps,
        parameters,
        rows.learnt_for(flags),
        without=declined,
        newer=None if unlearnt is None else Newer(unlearnt, booster.raw(unlearnt)),
        least_frauds=MIN_FRAUDS,
    )
    split = _split(rows, validation)
    if held is not None and all(map(_learnable, (split.then[split.known], flags[split.newest], flags[held.rows]))):
        serving = measured_serving(
            held,
            rows.frauds,
            timestamps,
            hits,
            stands_for=stands_for,
            prior=prior,
            stopped=stopped,
            least_frauds=MIN_FRAUDS,
        )
        figures = _figures(rows, split, parameters)
        measured = _period(timestamps[split.newest], flags[split.newest])
    else:
        serving, figures, measured = unmeasured_serving(prior, hits, stands_for), {}, None
    shares, drift = _baseline(rows, use, booster, serving.calibration)
    return _sealed(
        ModelFile(
            trained_on=trained_on,
            own_labels=own_labels,
            feature_schema=registry.SCHEMA,
            features=tuple(use),
            meanings=tuple(INPUT_MEANINGS[name] for name in use),
            label_delay_days=validation.label_delay_days,
            training=_period(timestamps, flags),
            validation=measured,
            metrics=figures,
            calibration=serving.calibration,
            prior_log_odds=prior,
            weight=serving.combination.weight,
            score_base=serving.combination.base,
            rule_weights=serving.combination.rules,
            probability=serving.probability,
            promised=serving.promised,
            trees=_exported(booster, len(flags), parameters),
            distributions=shares,
            usual_drift=drift,
        )
    )


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """What a model learns from and is measured on: one row for each transaction."""

    chosen: Matrix
    """A column for each feature in use."""
    flags: Flags
    """Which of them are known to be fraud."""
    timestamps: NDArray[np.int64]
    frauds: NDArray[np.float64]
    """For how many frauds each one stands (see `frauds_told`)."""
    arrival: Arrived | None
    stands_for: Weights

    def learnt_for(self, flags: Flags) -> Weights:
        """Return the weight of each transaction when trees are grown, if these are the frauds that are known."""
        if self.arrival is None or self.arrival.unseen is None:
            return self.stands_for
        return np.where(flags, 1.0 + self.arrival.unseen, 1.0) * (1.0 if self.stands_for is None else self.stands_for)


class _Split(NamedTuple):
    """Which transactions the model that is measured learns from, and on which it is measured."""

    known: Flags
    """Those that it learns from: their labels had time to come before the newest days."""
    then: Flags
    """Which of all were known to be fraud when the newest days began."""
    newest: Flags
    """Those of the newest days."""


def _split(rows: _Rows, validation: Validation) -> _Split:
    end = rows.timestamps.max()
    begin = float(end - validation.days * DAY)
    return _Split(
        known=rows.timestamps <= end - (validation.days + validation.label_delay_days) * DAY,
        then=rows.flags if rows.arrival is None else rows.flags & (rows.arrival.known_at <= begin),
        newest=rows.timestamps > begin,
    )


def _figures(rows: _Rows, split: _Split, parameters: Parameters) -> dict[str, float]:
    """Return how good trees are on the newest days that learnt from what was known before."""
    known, newest = split.known, split.newest
    learnt_for = weights_of(rows.learnt_for(split.then), known)
    raw = Booster(rows.chosen[known], split.then[known], parameters, learnt_for).raw(rows.chosen[newest])
    weights = weights_of(rows.stands_for, newest)
    line = platt(raw, rows.frauds[newest], weights)
    share = None if rows.arrival is None else rows.arrival.share
    return metrics(line.slope * raw + line.intercept, rows.flags[newest], weights, weights_of(share, newest))


def _exported(booster: Booster, transactions: int, parameters: Parameters) -> tuple[Tree, ...]:
    trees = booster.export()
    if not all(tree.feature for tree in trees):
        raise TrainingError(
            f"{transactions} transactions are too few to grow trees on: a leaf takes {parameters.transactions_per_leaf}"
        )
    return trees


def _baseline(
    rows: _Rows, use: Sequence[str], booster: Booster, calibration: Calibration
) -> tuple[dict[str, Distribution], dict[str, float]]:
    """Return how features and scores of recent transactions are distributed, and how far single days are from that."""
    recent = rows.timestamps >= baseline_start(int(rows.timestamps.min()), int(rows.timestamps.max()))
    chosen, weights = rows.chosen[recent], weights_of(rows.stands_for, recent)
    scores = calibration.slope * booster.raw(chosen) + calibration.intercept
    shares = distributions(chosen, use, scores, weights)
    columns = dict(zip(use, chosen.T, strict=True))
    return shares, usual_drift(columns, rows.timestamps[recent] // DAY, shares, weights)


def _share_of_fraud(rows: _Rows) -> float:
    """Return the share of fraud once all labels are there; there is always something legitimate."""
    labelled = float(np.average(rows.flags, weights=rows.stands_for))
    return min(float(np.average(rows.frauds, weights=rows.stands_for)), 0.5 + labelled / 2)


def _sealed(file: ModelFile) -> Model:
    try:
        return seal(file)
    except ModelError as error:
        raise TrainingError(
            f"this came to no model that can be used: {error}; do labels tell fraud from the rest?"
        ) from None


def _columns(use: Sequence[str], vectors: Matrix) -> list[int]:
    given = INPUTS[: vectors.shape[1]]
    if unknown := [name for name in use if name not in given]:
        raise TrainingError(f"there is no feature {unknown[0]}")
    return [given.index(name) for name in use]


def _check(vectors: Matrix, labels: Flags, timestamps: NDArray[np.int64]) -> None:
    rows = len(vectors)
    is_wide_enough = vectors.shape[1] in (len(registry.NAMES), len(INPUTS))
    if not is_wide_enough or labels.shape != (rows,) or timestamps.shape != (rows,):
        raise TrainingError(f"vectors need {len(registry.NAMES)} columns, and as many rows as labels and timestamps")
    if not _learnable(labels.astype(np.bool_)):
        raise TrainingError(too_few_to_learn(labels))


def _learnable(flags: Flags) -> bool:
    return MIN_FRAUDS <= int(flags.sum()) <= len(flags) - MIN_FRAUDS


def too_few_to_learn(flags: Flags) -> str:
    """Return how many of both kinds a model needs, and how many there are."""
    return (
        f"a model needs at least {MIN_FRAUDS} frauds and {MIN_FRAUDS} legitimate transactions to learn from: there "
        f"{word_for(int(flags.sum()), 'is', 'are')} {counted(int(flags.sum()), 'fraud')} among "
        f"{counted(len(flags), 'transaction')}"
    )


def _period(timestamps: NDArray[np.int64], flags: Flags) -> Period:
    return Period(
        first=int(timestamps.min()), last=int(timestamps.max()), transactions=len(flags), frauds=int(flags.sum())
    )

"""The model card says what a model is, what it was trained on, how good it was, and what its limits are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import exp
from typing import Final

import msgspec

from fraudstream.counts import counted
from fraudstream.detection.models.model import Model, ModelFile, Period

METRIC_WORDS: Final = {
    "auc": "area under the ROC curve",
    "averagePrecision": "average precision",
    "recallAt0.1PctFalsePositives": "recall at 0.1 % false positives",
    "precisionAt0.1PctFalsePositives": "precision there",
    "logLoss": "log loss",
}
"""What a model's figures are called where people read them, in the order of a card."""
_MOST_FEATURES = 15


def model_card(model: Model) -> str:
    """Write a model's card, in Markdown."""
    file = model.file
    splits = sum(len(tree.feature) for tree in file.trees)
    lines = [
        f"# Model {model.version}",
        "",
        f"Trained on {file.trained_on}.",
        "",
        "It may decide, because it was trained on the user's own labels."
        if file.own_labels
        else "**It must not decide, because it was not trained on labels of yours. It can only be a shadow model.**",
        "",
        "| | |",
        "| --- | --- |",
        f"| trees | {len(file.trees)}, of {splits} splits together |",
        f"| features | {len(file.features)}, schema {file.feature_schema} |",
        f"| trained on | {_period(file.training)} |",
        f"| labels count as known | {file.label_delay_days:g} days after the transaction |",
        f"| share of fraud in the training data | {1 / (1 + exp(-file.prior_log_odds)):.3%} |",
        f"| calibration | {file.calibration.slope:.3f} times the sum of the trees, {file.calibration.intercept:+.3f} |",
        f"| weight beside the rules' points | {file.weight:g} |",
        *_of_schema_1(file),
        "",
        "## Quality",
        "",
        *_validation(model),
        "",
        "## Rules beside it",
        "",
        *_rules(file),
        "",
        "## Features",
        "",
        "These features have the largest shares of the splits:",
        "",
        *_features(model),
        "",
        "## Limits",
        "",
        "The figures hold for transactions like those that were measured. When behaviour changes, a model gets worse",
        "without any error: watch the drift metrics, and train on newer labels. Frauds that nobody reported count as",
        "legitimate here. Which transactions were declined, and by whom, influenced the labels too.",
        "",
    ]
    return "\n".join(lines)


def _validation(model: Model) -> Sequence[str]:
    file = model.file
    if file.validation is None:
        return ["It was not measured: there were too few frauds in the newest days, or before them."]
    return [
        f"Measured on {_period(file.validation)},",
        "with trees of the same kind that were trained on earlier transactions only. The model is trained on all.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {words} | {file.metrics[name]:.4f} |" for name, words in METRIC_WORDS.items() if name in file.metrics),
    ]


def _of_schema_1(file: ModelFile) -> Sequence[str]:
    if file.score_base is msgspec.UNSET:
        return [f"| weight of the rules' points beside it | {file.points_weight:g} |"]
    return [f"| the score starts from | {1 / (1 + exp(-file.score_base)):.3%} ({file.score_base:+.3f}) |"]


def _rules(file: ModelFile) -> Sequence[str]:
    if file.rule_weights is msgspec.UNSET:
        return ["All rules count by the weight above."]
    if not file.rule_weights:
        return ["It has seen no rule: all of them count in full."]
    weights = sorted(file.rule_weights.items(), key=lambda each: (-each[1].weight, each[0]))
    return [
        "By these weights the rules' points count beside it. A rule that is not here, or that has changed since,",
        "counts in full."
        if file.validation
        else "counts in full. Nothing was measured yet, so that the rules step back behind the model.",
        "",
        "| rule | weight | hits in training |",
        "| --- | --- | --- |",
        *(f"| {name} | {each.weight:g} | {each.hits:,} |" for name, each in weights),
    ]


def _features(model: Model) -> Sequence[str]:
    used = [feature for tree in model.file.trees for feature in tree.feature]
    shares = {name: used.count(place) / max(len(used), 1) for place, name in enumerate(model.file.features)}
    first = sorted((name for name in shares if shares[name]), key=lambda name: (-shares[name], name))[:_MOST_FEATURES]
    return ["| feature | share |", "| --- | --- |", *(f"| {name} | {shares[name]:.1%} |" for name in first)]


def _period(period: Period) -> str:
    first, last = (datetime.fromtimestamp(time / 1000, UTC).date() for time in (period.first, period.last))
    return f"{counted(period.transactions, 'transaction')} from {first} to {last}, {period.frauds:,} of them fraud"

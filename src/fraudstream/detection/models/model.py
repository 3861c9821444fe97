"""The model: a gradient-boosted ensemble of trees over the features, as data in a JSON file.

It gives the log-odds of fraud. The file is nothing but numbers and names, is checked as a whole when it is loaded, and
carries the hash of its own content, which is its version.
"""

import difflib
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Final

import msgspec

from fraudstream.contract import VERSION_DIGITS
from fraudstream.detection.features import own
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models import trees
from fraudstream.detection.models.trees import Tree
from fraudstream.detection.rules.strict_yaml import told

MAX_BYTES: Final = 8_000_000
"""Bytes of a model's file, at most: the largest trees that can be used take less."""
MAX_LOG_ODDS: Final = 1000.0
"""Largest log-odds of calibration and prior: far more than any training gives, and no score is infinite."""
SCHEMA_VERSION: Final = 2
"""From 2 on each rule has a weight of its own beside the model, and the score starts from the model's own base."""
WALKS: Final = 200
"""Transactions until the trees are compiled, which takes as long as some hundred walks: a new function answers its
first ones sooner, and who reads a model for its card needs none."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,47}", re.ASCII)

Count = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(max_length=500)]


class ModelError(ValueError):
    """A model cannot be used; the message says why."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class Period(_Part, frozen=True, kw_only=True):
    """Transactions that something was learnt from or measured on; times are epoch milliseconds."""

    first: Milliseconds
    last: Milliseconds
    transactions: Count
    frauds: Count


class Calibration(_Part, frozen=True, kw_only=True):
    """From the trees' sum to the log-odds of fraud: `slope * sum + intercept` (Platt 1999)."""

    slope: Annotated[float, msgspec.Meta(gt=0)]
    """Above 0, so that the order of transactions stays."""
    intercept: float


class ProbabilityCurve(_Part, frozen=True, kw_only=True):
    """From a score's probability s to that of fraud: `least + (1 - least) * b`.

    The log-odds of b are `low * log(s) - high * log(1 - s) + intercept`. That is beta calibration (Kull, Silva Filho
    and Flach 2017): `low` is the slope where s is small, `high` where it is large. A score's own probability errs where
    rules are held to a least weight. `least` is what it levels out at, as in Birnbaum's three-parameter logistic model
    (1968): some frauds look like nothing, so that no score is low enough to rule them out.
    """

    low: NotNegative
    high: NotNegative
    intercept: Annotated[float, msgspec.Meta(ge=-MAX_LOG_ODDS, le=MAX_LOG_ODDS)]
    least: Annotated[float, msgspec.Meta(ge=0, le=1)] | msgspec.UnsetType = msgspec.UNSET
    """Files of before do not have it, and keep their version without it."""

    @property
    def levels_out_at(self) -> float:
        """Return the least probability; 0 in a file of before."""
        return 0.0 if self.least is msgspec.UNSET else self.least


class RuleWeight(_Part, frozen=True, kw_only=True):
    """How much a rule's points count beside a model that has seen the rule."""

    rule: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}\Z")]
    """The rule as it was in training: see `fraudstream.detection.rules.counting.fingerprint`."""
    weight: Annotated[float, msgspec.Meta(ge=0, le=1)]
    hits: Count
    """Transactions of the training that it hit, as many as they stand for."""


class Distribution(_Part, frozen=True, kw_only=True):
    """How values were spread over the training's newest four weeks: what drift is measured against."""

    cuts: Annotated[tuple[float, ...], msgspec.Meta(max_length=32)]
    """Ascending; a value belongs to the bin of the first cut that it does not pass, or to the last bin."""
    shares: Annotated[tuple[float, ...], msgspec.Meta(max_length=34)]
    """By bin, then the share of missing values; together 1."""


class Promise(_Part, frozen=True, kw_only=True):
    """How much a model flags that rules alone approve, as it was in training: see `models.breaker`."""

    log_odds: Annotated[float, msgspec.Meta(ge=-MAX_LOG_ODDS, le=MAX_LOG_ODDS)]
    """From these on a transaction counts as flagged, whatever thresholds there are."""
    shares: Annotated[
        tuple[Annotated[float, msgspec.Meta(ge=0, le=1)], ...], msgspec.Meta(min_length=24, max_length=24)
    ]
    """Share of the decisions of each hour of the day that it flags, in UTC."""
    spread: Annotated[float, msgspec.Meta(ge=1, le=1000)]
    """How many times as much as usual the day with the most had."""


class ModelFile(_Part, frozen=True, kw_only=True):
    """A model as its file holds it."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    version: str = ""
    """First 12 hexadecimal digits of the SHA-256 of everything else in the file."""
    trained_on: Text
    """What the labels are from, in words for the model card."""
    own_labels: bool
    """The labels are from real transactions of the user: without them a model never decides."""
    feature_schema: int
    """`fraudstream.detection.features.registry.SCHEMA` at the time of training."""
    features: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=500)]
    meanings: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    """By feature: the schema that brought it with the meaning that it had. A model of 0.1.0 does not list them: they
    are those of its schema."""
    label_delay_days: Annotated[float, msgspec.Meta(ge=0, le=400)]
    """How long after a transaction its label was taken as known."""
    training: Period
    validation: Period | None = None
    """The newest part, on which metrics and calibration were made by a model that had not seen it."""
    metrics: dict[str, float]
    calibration: Calibration
    prior_log_odds: float
    """Log-odds of fraud among the transactions that it learnt from."""
    weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """How much its evidence counts beside the rules' points: both may speak of the same thing."""
    points_weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """How much all rules' points count beside its evidence, in files of schema 1: they weigh no single rule."""
    score_base: Annotated[float, msgspec.Meta(ge=-MAX_LOG_ODDS, le=MAX_LOG_ODDS)] | msgspec.UnsetType = msgspec.UNSET
    """Log-odds from which evidence and points count. A file of schema 1 has none: the ruleset's are taken."""
    rule_weights: dict[Annotated[str, msgspec.Meta(max_length=48)], RuleWeight] | msgspec.UnsetType = msgspec.UNSET
    """By rule, of those that hit in training. Any other rule, or one that has changed since, counts in full."""
    probability: ProbabilityCurve | msgspec.UnsetType = msgspec.UNSET
    """Without it nothing was measured, and nobody knows what probability a score stands for."""
    trees: tuple[Tree, ...]
    distributions: dict[str, Distribution] = {}
    """By feature, and `score` for the log-odds."""
    promised: Promise | msgspec.UnsetType = msgspec.UNSET
    """Without it nothing keeps watch over how much the model flags."""
    usual_drift: dict[str, NotNegative] | msgspec.UnsetType = msgspec.UNSET
    """How far the most unlike day of those weeks, such as a pay day, was from all of them (PSI), by feature.
    Models of earlier releases do not say."""


class Model:
    """A model, checked and compiled."""

    def __init__(self, file: ModelFile) -> None:
        """Check a model's data and compile it.

        Raises:
            ModelError: it cannot be used.
        """
        _check(file)
        self.file = file
        self.version = file.version
        self._positions = tuple(own.INPUTS.index(name) for name in file.features)
        self._sum = trees.walked(file.trees, self._positions)
        self._walks_left = WALKS

    def raw(self, vector: Vector) -> float:
        """Return the trees' sum for a vector of `INPUTS`: LightGBM's raw score, to the last bit."""
        if self._walks_left:
            self._walks_left -= 1
            if not self._walks_left:
                self._sum = trees.compiled(self.file.trees, self._positions)
        return self._sum(vector)

    @cached_property
    def _explain(self) -> Callable[[Vector], Mapping[int, float]]:
        return trees.explainer(self.file.trees, self._positions)

    def log_odds(self, vector: Vector) -> float:
        """Return the log-odds that a transaction with this feature vector is fraud."""
        calibration = self.file.calibration
        return calibration.slope * self.raw(vector) + calibration.intercept

    def flags(self, log_odds: float) -> bool:
        """Return whether a score's log-odds are of those that the model's promise speaks of."""
        return self.file.promised is not msgspec.UNSET and log_odds >= self.file.promised.log_odds

    def probability(self, log_odds: float) -> float | None:
        """Return the probability of fraud that a score's log-odds stand for; None if that was not measured."""
        curve = self.file.probability
        if curve is msgspec.UNSET:
            return None
        bounded = max(min(log_odds, 50.0), -50.0)
        odds = curve.intercept + curve.high * math.log1p(math.exp(bounded)) - curve.low * math.log1p(math.exp(-bounded))
        above = 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0)))
        return curve.levels_out_at + (1 - curve.levels_out_at) * above

    @property
    def base_log_odds(self) -> float:
        """Return the log-odds from which contributions count: before any feature is known."""
        calibration = self.file.calibration
        return calibration.slope * sum(tree.root_mean for tree in self.file.trees) + calibration.intercept

    def evidence(self, vector: Vector) -> float:
        """Return what the model adds to the rules' points: its log-odds beyond the prior ones, times its weight."""
        return self.file.weight * (self.log_odds(vector) - self.file.prior_log_odds)

    def contributions(self, vector: Vector) -> Mapping[str, float]:
        """Return what each feature that was asked added, in log-odds; with `base_log_odds` they sum to `log_odds`.

        It takes several times as long as the log-odds do: it is for what somebody will look at.
        """
        added = self._explain(vector)
        return {self.file.features[place]: self.file.calibration.slope * change for place, change in added.items()}

    def to_json(self) -> bytes:
        """Return the content of the model's file."""
        return msgspec.json.encode(self.file) + b"\n"


def seal(file: ModelFile) -> Model:
    """Set the version of a model's data, check the data and compile them.

    Raises:
        ModelError: they cannot be used.
    """
    try:
        # As a file would be read back: a whole number in place of a float has another hash.
        same = msgspec.convert(msgspec.to_builtins(file), ModelFile)
    except msgspec.ValidationError as error:
        raise ModelError(f"it is no model: {told(error, ModelFile)}") from None
    return Model(msgspec.structs.replace(same, version=_version(same)))


def load(content: bytes) -> Model:
    """Read and check a model's file.

    Raises:
        ModelError: it cannot be used.
    """
    if len(content) > MAX_BYTES:
        raise ModelError(f"the model is larger than {MAX_BYTES} bytes")
    try:
        return Model(msgspec.json.decode(content, type=ModelFile))
    except ModelError:
        raise
    except msgspec.MsgspecError as error:
        raise ModelError(f"it is no model: {told(error, ModelFile)}") from None
    except (RecursionError, UnicodeDecodeError):
        raise ModelError("it is no model: it is no JSON in UTF-8, or nested too deeply") from None


def _version(file: ModelFile) -> str:
    content = msgspec.json.encode(msgspec.structs.replace(file, version=""), order="deterministic")
    return hashlib.sha256(content).hexdigest()[:VERSION_DIGITS]


def _check(file: ModelFile) -> None:
    if file.version != _version(file):
        raise ModelError(
            "its content is not that of the version that it names: it was damaged or edited; train it anew"
        )
    for name in file.features:
        if name not in own.INPUTS:
            shown = name if _NAME.fullmatch(name) else "like one that it lists"
            close = difflib.get_close_matches(shown, own.INPUTS, n=1)
            raise ModelError(f"there is no feature {shown}" + (f": is {close[0]} meant?" if close else ""))
    _check_meanings(file)
    if len(set(file.features)) < len(file.features):
        raise ModelError("it lists a feature twice")
    try:
        trees.check(file.trees, len(file.features))
    except trees.TreeError as error:
        raise ModelError(str(error)) from None
    if file.schema_version >= SCHEMA_VERSION and (
        file.score_base is msgspec.UNSET or file.rule_weights is msgspec.UNSET
    ):
        raise ModelError(f"a model of schema {SCHEMA_VERSION} needs scoreBase and ruleWeights: train it anew")
    base = 0.0 if file.score_base is msgspec.UNSET else file.score_base
    numbers = (file.calibration.slope, file.calibration.intercept, file.prior_log_odds, base, *file.metrics.values())
    if not all(math.isfinite(number) for number in numbers):
        raise ModelError("calibration, priorLogOdds, scoreBase and metrics must be finite numbers")
    if max(file.calibration.slope, abs(file.calibration.intercept), abs(file.prior_log_odds)) > MAX_LOG_ODDS:
        raise ModelError(f"calibration and priorLogOdds must not be beyond {MAX_LOG_ODDS:.0f}")
    for name, distribution in file.distributions.items():
        _check_distribution(name, distribution)


def _check_meanings(file: ModelFile) -> None:
    meanings = file.meanings or (None,) * len(file.features)
    if len(meanings) != len(file.features):
        raise ModelError("it must list one meaning for each of its features")
    for name, meaning in zip(file.features, meanings, strict=True):
        since = own.INPUT_MEANINGS[name]
        if since > file.feature_schema if meaning is None else since != meaning:
            raise ModelError(
                f"{name} has another meaning than in the features of schema {meaning or file.feature_schema}, on which "
                "it was trained: train it anew"
            )


def _check_distribution(name: str, distribution: Distribution) -> None:
    cuts, shares = distribution.cuts, distribution.shares
    fits = len(shares) == len(cuts) + 2 and list(cuts) == sorted(set(cuts)) and all(map(math.isfinite, cuts))
    # Shares are rounded when they are written.
    if not fits or min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-3):
        raise ModelError(f"distributions: {name}: cuts must ascend, and shares of their bins and of none sum to 1")

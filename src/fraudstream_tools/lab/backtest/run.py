"""What rules would have done: every transaction judged by one ruleset, or by two to compare them.

Transactions are counted by what all rules said of them together; there are few such combinations, and all figures are
sums over them. Counts and hundredths of money are integers, so that results do not depend on how work was divided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec

from fraudstream.detection.features.codec import FeatureError, unpack
from fraudstream.detection.features.own import inputs
from fraudstream.detection.features.registry import AMOUNT_PLACE, Vector
from fraudstream.detection.models import model
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.language import compiler
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.detection.scoring import decide
from fraudstream.reporting.log.reader.standing import Standing
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.transaction import Transaction

if TYPE_CHECKING:
    from fraudstream_tools.lab.backtest.exploration import Exploration

PROPENSITY_UNIT: Final = 10**8
"""Probabilities of being drawn are counted in hundred-millionths, the smallest that a stack can be set to."""
CHUNK: Final = 2000
"""Transactions that are judged as one piece of work."""
Truths: TypeAlias = tuple[compiler.TruthValue, ...]
Key: TypeAlias = "tuple[Known, tuple[tuple[Truths, Verdict], ...]]"
"""What is known of transactions, and for each ruleset what its rules and it say of them."""


class Known(NamedTuple):
    """What is known of a transaction, and how it came to be known."""

    standing: Standing
    propensity: int = 0
    """Of what has a label, with which probability it was put into the review queue by chance, in `PROPENSITY_UNIT`; 0
    if it was not."""
    is_unseen: bool = False
    """Of what counts as legitimate without a label: whether it was approved, so that nobody may have looked at it."""


def known_as(standing: Standing, propensity: float | None, *, is_approved: bool) -> Known:
    """Return what is known of a transaction.

    Args:
        standing: by its label.
        propensity: the probability with which it was put into the review queue by chance; None if it was not.
        is_approved: by the decision of its time.
    """
    if standing in (Standing.FRAUD, Standing.LEGITIMATE):
        return Known(standing, round((propensity or 0.0) * PROPENSITY_UNIT))
    return Known(standing, is_unseen=is_approved and standing is Standing.MATURED)


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """A transaction to judge."""

    transaction: Transaction
    packed: tuple[bytes, ...]
    """Its features: one vector, or one for each ruleset where rates differ."""
    standing: Standing
    listed_as: tuple[str, ...] = ()
    """On which lists its entities were, beside those of lists.yaml."""
    propensity: float | None = None
    """The probability with which it was put into the review queue by chance; None if it was not."""
    is_approved: bool = False
    """By the logged decision; False where there was none."""


class Contestant(NamedTuple):
    """A ruleset's files, and the live model beside it."""

    ruleset: bytes
    rates: bytes
    lists: bytes
    live_model: bytes | None = None

    def load(self) -> Ruleset:
        """Load the ruleset, with its live model.

        Raises:
            RulesetError: it cannot be used.
            ModelError: its model cannot be used.
        """
        loaded = load(self.ruleset, self.rates, self.lists)
        live = None if self.live_model is None else model.load(self.live_model)
        return loaded.with_models(ActiveModels(live)) if live else loaded


class VerdictChange(NamedTuple):
    """A transaction that the two rulesets decide differently."""

    transaction_id: str
    timestamp: int
    standing: Standing
    amount: int
    """Hundredths of the base currency."""
    verdicts: tuple[Verdict, ...]
    scores: tuple[int, ...]


class Sum(NamedTuple):
    """Transactions that have something in common."""

    number: int
    amount: int
    """Their amounts together, in hundredths of the base currency; one without an exchange rate adds nothing."""
    unvalued: int
    """How many of them have no exchange rate."""


@dataclass
class BacktestTally:
    """What came of judging transactions; tallies of parts add up to that of the whole."""

    sums: dict[Key, Sum] = field(default_factory=dict["Key", Sum])
    changes: list[VerdictChange] = field(default_factory=list[VerdictChange])
    first: int | None = None
    """Epoch milliseconds of the first transaction."""
    last: int | None = None
    other_features: int = 0
    """Left out: their features were computed by another version of the code."""
    exploration: "Exploration | None" = None
    """What was put into the review queue by chance, in all of the data; None of parts, and where nothing was."""

    def add(self, other: "BacktestTally") -> None:
        """Add another part's tally."""
        for key, more in other.sums.items():
            self.sums[key] = Sum(*map(add, self.sums.get(key, _NOTHING), more))
        self.changes += other.changes
        self.other_features += other.other_features
        self.first = min((time for time in (self.first, other.first) if time is not None), default=None)
        self.last = max((time for time in (self.last, other.last) if time is not None), default=None)

    @property
    def transactions(self) -> int:
        """How many were judged."""
        return sum(each.number for each in self.sums.values())


_NOTHING: Final = Sum(0, 0, 0)


class Evaluator:
    """Judges samples by one or two rulesets."""

    def __init__(self, contestants: Sequence[Contestant], *, with_changes: bool) -> None:
        """Load the rulesets.

        Args:
            contestants: one ruleset, or two.
            with_changes: list the transactions that two decide differently.
        """
        self._rulesets = [contestant.load() for contestant in contestants]
        self._with_changes = with_changes
        self._known: list[dict[Truths, tuple[Verdict, int]]] = [{} for _ in contestants]

    def tally(self, samples: Iterable[Sample]) -> BacktestTally:
        """Judge samples by each ruleset, and count what they decide."""
        tally = BacktestTally()
        sums: dict[Key, list[int]] = {}
        for sample in samples:
            try:
                vectors = [unpack(packed) for packed in sample.packed]
            except FeatureError:
                tally.other_features += 1
                continue
            transaction, standing = sample.transaction, sample.standing
            outcomes: list[tuple[Truths, Verdict]] = []
            scores: list[int] = []
            for position, ruleset in enumerate(self._rulesets):
                vector = vectors[position if len(vectors) > 1 else 0]
                truths = _counting(ruleset, ruleset.evaluate(transaction, vector, sample.listed_as), transaction)
                verdict, score = self._decide(position, truths, vector, transaction)
                outcomes.append((truths, verdict))
                scores.append(score)
            value = vectors[0][AMOUNT_PLACE]
            amount = round(100 * (value or 0))
            known = known_as(standing, sample.propensity, is_approved=sample.is_approved)
            total = sums.setdefault((known, tuple(outcomes)), [0, 0, 0])
            total[0] += 1
            total[1] += amount
            total[2] += value is None
            time = transaction.timestamp
            tally.first = time if tally.first is None else min(tally.first, time)
            tally.last = time if tally.last is None else max(tally.last, time)
            if self._with_changes and outcomes[0][1] is not outcomes[-1][1]:
                verdicts = tuple([verdict for _, verdict in outcomes])
                tally.changes.append(
                    VerdictChange(transaction.transaction_id, time, standing, amount, verdicts, tuple(scores))
                )
        tally.sums = {key: Sum(*total) for key, total in sums.items()}
        return tally

    def _decide(self, position: int, truths: Truths, vector: Vector, transaction: Transaction) -> tuple[Verdict, int]:
        ruleset = self._rulesets[position]
        if ruleset.models.live is not None:
            outcome = decide(ruleset, truths, inputs(vector, transaction))
            return outcome.verdict, outcome.score
        # Without a model the rules' truths alone decide, and the same ones come again and again.
        known = self._known[position].get(truths)
        if known is None:
            outcome = decide(ruleset, truths)
            known = self._known[position][truths] = (outcome.verdict, outcome.score)
        return known


def _counting(ruleset: Ruleset, truths: Truths, transaction: Transaction) -> Truths:
    """Return truths in which a rule misses a customer who is not in its share: a backtest counts what would count."""
    outside = ruleset.outside_share(transaction.customer_id)
    if not outside:
        return truths
    return tuple(False if rule.id in outside else truth for rule, truth in zip(ruleset.rules, truths, strict=True))

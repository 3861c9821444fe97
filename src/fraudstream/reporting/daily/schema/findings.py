"""What a daily report says of rules, the model, and where and when things happened."""

from fraudstream.reporting.daily.schema.parts import Counts, Interval, Part, Percentiles, Value
from fraudstream.reporting.log.verification.against_chain import Finding


class RuleFigures(Part, frozen=True, kw_only=True):
    """What one rule did."""

    source: str
    code: str
    hits: int
    unique_hits: int
    """Transactions on which nothing else hit."""
    reviewed: int
    declined: int
    fraud: int
    """Hits labelled fraud."""
    legitimate: int
    """Hits labelled legitimate."""
    unevaluable: int
    """Transactions on which it could not be judged, because a field was missing."""
    values: tuple[Value, ...]
    """Values of the transactions that it hit; the currency with the most hits first."""
    precision: Interval | None
    """Share of fraud among its labelled hits. Labels favour what was stopped: it is not the share among all hits."""
    noisy: bool
    """Whether labels say that it is seldom right: see `figures.rules.NOISY_BELOW`."""


class OtherReason(Part, frozen=True, kw_only=True):
    """A reason that no rule gave: a feature that the model weighed, or something that could not be judged."""

    source: str
    """The model's feature, or the file that lacks something."""
    code: str
    decisions: int


class ShadowRule(Part, frozen=True, kw_only=True):
    """What a shadow rule would have hit."""

    source: str
    hits: int
    fraud: int
    legitimate: int
    precision: Interval | None


class Overlap(Part, frozen=True, kw_only=True):
    """Two rules that hit the same transactions."""

    first: str
    second: str
    transactions: int
    share: float
    """Share of the hits of the rule that hit less."""


class ScoreBin(Part, frozen=True, kw_only=True):
    """How right the scores from here to the next bin were, as far as labels say."""

    from_score: int
    fraud: Interval


class ModelFigures(Part, frozen=True, kw_only=True):
    """The model that took part in decisions, and the one that was watched."""

    versions: tuple[tuple[str, int], ...]
    """Versions that took part, with their decisions."""
    shadow_versions: tuple[tuple[str, int], ...]
    shadow_scores: tuple[int, ...]
    """Transactions by the score that the shadow model would have given, binned as `scores`."""
    calibration: tuple[ScoreBin, ...]
    """Bins of scores in which anything is labelled."""
    probability_decisions: int = 0
    """Decisions with a probability."""
    expected_frauds: float = 0.0
    """Their probabilities together: how many of them somebody will report as fraud sooner or later."""


class CutFigures(Part, frozen=True, kw_only=True):
    """Decided transactions that have something in common."""

    dimension: str
    """`channel`, `corridor`, `merchantCategoryCode` or `amountBand`."""
    key: str
    other: str
    """Second key: of a corridor the country of the merchant, or else of the address; of an amount band its currency."""
    decisions: Counts
    labelled: int
    fraud: int


class EntityFigures(Part, frozen=True, kw_only=True):
    """An entity among those with the most reviewed or declined transactions."""

    kind: str
    token: str
    reviewed: int
    declined: int


class Burst(Part, frozen=True, kw_only=True):
    """A time in which a rule stopped far more than on the rest of the day."""

    source: str
    start: int
    """Minute of the day of receipt, UTC."""
    end: int
    """The first minute after it."""
    transactions: int


class PaymentFigures(Part, frozen=True, kw_only=True):
    """Payments of one kind and currency that meters of the payment industry count."""

    kind: str
    """`remoteCard`, `orderCard` (by mail or telephone) or `remoteTransfer`."""
    currency: str
    count: int
    """Without those that the issuer declined; so are the value and all that is labelled."""
    value: int
    enumerated: int
    """On which a rule for card testing hit, those that the issuer declined among them."""
    labelled: int = 0
    fraud: int = 0
    fraud_value: int = 0
    chargebacks: int = 0
    """Labelled by a chargeback, whatever it says."""


class LabelFigures(Part, frozen=True, kw_only=True):
    """What is known of the truth."""

    labelled: int
    fraud: int
    fraud_caught: int
    """Labelled fraud that were reviewed or declined."""
    legitimate_stopped: int
    """Labelled legitimate that were reviewed or declined."""
    delay: Percentiles | None = None
    """From receipt to the newest label."""
    time_to_label: Percentiles | None = None
    """From decision to the newest label, of what was reviewed or declined."""
    sources: tuple[tuple[str, int], ...] = ()
    """Who said so."""

    @property
    def stopped(self) -> int:
        """Labelled ones that were reviewed or declined."""
        return self.fraud_caught + self.legitimate_stopped


class FraudFigures(Part, frozen=True, kw_only=True):
    """Transactions labelled fraud, of one kind and currency, with which the client did the same."""

    kind: str
    """Empty where nobody named it."""
    action: str
    """What the client did; empty where nobody told."""
    currency: str
    transactions: int
    flagged: int
    """Those among them that were reviewed or declined."""
    value: int
    flagged_value: int


class MissedFraud(Part, frozen=True, kw_only=True):
    """A transaction that was approved, and is labelled fraud."""

    transaction_id: str
    received_at: int
    """Epoch milliseconds."""
    score: int
    currency: str
    value: int
    base_value: int | None
    """In minor units of the base currency; None without an exchange rate."""
    label_source: str


class OpenAlert(Part, frozen=True, kw_only=True):
    """A transaction that was reviewed or declined, and has no label yet."""

    transaction_id: str
    received_at: int
    """Epoch milliseconds."""
    decision: str
    score: int
    currency: str
    value: int


class CostlyAlert(OpenAlert, frozen=True, kw_only=True):
    """An open alert that is worth a look."""

    probability: float | None
    """Probability of fraud, by its decision; None where nothing was calibrated."""
    expected_loss: float
    """See `transactions.decisions.expected_loss`; it is no sum of money. 0 without an exchange rate."""


class LogHours(Part, frozen=True, kw_only=True):
    """Hours of the log that tell of the day's transactions."""

    hours: int
    empty: tuple[str, ...]
    """Hours of the day itself in which the log tells nothing."""
    late: tuple[str, ...]
    """Hours that began an hour or more after the day's end: of late records, redriven ones, and labels before them."""
    damaged: tuple[str, ...] = ()
    """Keys of segments and files of the log of which something cannot be read, and which nothing could be made from."""
    changed: tuple[Finding, ...] = ()
    """What of the log is not what was written, by its chain: found for this revision, or for one before it."""
    erased: tuple[str, ...] = ()
    """Hours of the log from which somebody's data was erased."""

"""What a daily report says, as data: the JSON report is this structure, the HTML and CSV ones are made from it."""

from fraudstream.reporting.daily.schema.codes import ChangedFigure
from fraudstream.reporting.daily.schema.findings import (
    Burst,
    CostlyAlert,
    CutFigures,
    EntityFigures,
    FraudFigures,
    LabelFigures,
    LogHours,
    MissedFraud,
    ModelFigures,
    OpenAlert,
    OtherReason,
    Overlap,
    PaymentFigures,
    RuleFigures,
    ShadowRule,
)
from fraudstream.reporting.daily.schema.inline import ExemptionFigures, InlineFigures
from fraudstream.reporting.daily.schema.parts import Counts, Part, Percentiles
from fraudstream.reporting.daily.schema.people import PeopleFigures
from fraudstream.reporting.daily.schema.trends import Past

REPORT_SCHEMA_VERSION = 4
"""Raised whenever a field of the JSON report changes its meaning or goes. `docs/report.md` says what each one means."""


class CurrencyFigures(Part, frozen=True, kw_only=True):
    """One currency's decided transactions; values in minor units."""

    currency: str
    count: int
    value: int
    review_value: int
    decline_value: int
    fraud_value: int
    """Value of transactions labelled fraud."""
    caught_value: int
    """Value of transactions labelled fraud that were reviewed or declined. Not *prevented*: a decision is advice."""
    open_value: int = 0
    """Value of transactions that were reviewed or declined and have no label."""


class BaseTotal(Part, frozen=True, kw_only=True):
    """All currencies together, in minor units of the base currency, by the rates when the report was made."""

    currency: str
    value: int
    flagged_value: int
    """Value of transactions that were reviewed or declined."""
    caught_value: int
    missed_value: int
    """Value of transactions that were approved, and are labelled fraud."""
    open_value: int
    without_rate: tuple[str, ...]
    """Currencies that have no exchange rate, and are not part of it."""


class HourFigures(Part, frozen=True, kw_only=True):
    """One hour of receipt, UTC."""

    hour: int
    decisions: Counts


class Undecided(Part, frozen=True, kw_only=True):
    """A stored transaction without a decision."""

    transaction_id: str
    received_at: int
    """Epoch milliseconds. Its age is counted to the report's `as_of`."""


class UnlearnedLabel(Part, frozen=True, kw_only=True):
    """A label that the profiles have not learnt within an hour: it was given up."""

    transaction_id: str
    labeled_at: int
    """Epoch milliseconds."""


class TableCheck(Part, frozen=True, kw_only=True):
    """An independent look at the table: are the transactions that it holds in the log?"""

    sampled: int
    """Transactions of the day that were looked at in the table."""
    missing: tuple[str, ...]
    """Ids of those that the log does not know."""
    orphaned_claims: tuple[str, ...] = ()
    """Ids of marked claims without a transaction: their clients stopped between two writes, or were cut off."""


class UnreadProfile(Part, frozen=True, kw_only=True):
    """A stored profile without which transactions of the day were judged."""

    profile: str
    """Its key in the table of profiles, such as `customer#tok_…`."""
    code: str
    """`PROFILE_DAMAGED`: a copy was kept and a new profile started. `PROFILE_NEWER`: it was left as it is.
    `LIST_UNREADABLE`: the profile was read, and not on which lists its entity is."""
    decisions: int


class Reconciliation(Part, frozen=True, kw_only=True):
    """Stored = decided = logged, or what is wrong."""

    stored: int
    """Transactions whose storing the log tells of."""
    decided: int
    """Transactions whose decision the log tells of."""
    logged: int
    """Transactions that the log tells anything of."""
    undecided: tuple[Undecided, ...]
    """All of them, oldest first."""
    table: TableCheck
    unread_profiles: tuple[UnreadProfile, ...] = ()
    unlearned: tuple[UnlearnedLabel, ...] = ()
    """Labels that were given up, oldest first; `fraudstream redrive --report` has them learnt."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing anywhere."""
        return self.stored == self.decided == self.logged and not self.table.missing


class Change(Part, frozen=True, kw_only=True):
    """A figure that is another one than in the revision before."""

    figure: ChangedFigure
    currency: str | None = None
    """Currency of a value, which is in minor units; None of other figures."""
    before: int
    after: int


class Revision(Part, frozen=True, kw_only=True):
    """Which writing of a day's report this is."""

    number: int
    """1 for the first. It rises when what came in late changes what the report says."""
    content: str
    """Hash of what the log says of the day: two reports with the same one differ in `as_of` and the table's sample at
    most."""
    changes: tuple[Change, ...] = ()
    """What is different from the revision before, among the figures that stand for the whole."""
    parts: tuple[str, ...] = ()
    """Parts of the report in which anything is different."""


class DailyReport(Part, frozen=True, kw_only=True):
    """The report of one UTC day: of the transactions received on it."""

    schema_version: int
    date: str
    as_of: int | None
    """Time of the newest record of the log when the report was made, epoch milliseconds; None for an empty log."""
    revision: Revision
    decisions: Counts
    currencies: tuple[CurrencyFigures, ...]
    rules: tuple[RuleFigures, ...]
    shadow_rules: tuple[ShadowRule, ...]
    overlaps: tuple[Overlap, ...]
    """Pairs of rules, those with the most transactions first."""
    hours: tuple[HourFigures, ...]
    scores: tuple[int, ...]
    """Transactions by score: ten bins of ten points, the last up to 100."""
    model: ModelFigures
    cuts: tuple[CutFigures, ...]
    entities: tuple[EntityFigures, ...]
    bursts: tuple[Burst, ...]
    payments: tuple[PaymentFigures, ...]
    latency: Percentiles | None
    """From receipt to decision."""
    lag: Percentiles | None
    """From the stream's news of a transaction, which come in whole seconds, to its decision."""
    labels: LabelFigures
    rulesets: tuple[tuple[str, int], ...]
    """Ruleset versions with the decisions made by each."""
    inline: InlineFigures = InlineFigures()
    exemptions: tuple[ExemptionFigures, ...] = ()
    """Empty where nobody was advised on strong customer authentication."""
    reconciliation: Reconciliation
    log_hours: LogHours
    total: BaseTotal | None = None
    """None: no exchange rates are known."""
    other_reasons: tuple[OtherReason, ...] = ()
    """What the model weighed and what could not be judged, the most frequent first."""
    missed: tuple[MissedFraud, ...] = ()
    """The ten of the greatest value, the greatest first."""
    frauds: tuple[FraudFigures, ...] = ()
    """The greatest value first; empty on days of which nobody named a kind of fraud, or told what was done."""
    open_alerts: tuple[OpenAlert, ...] = ()
    """The ten oldest."""
    costliest_alerts: tuple[CostlyAlert, ...] = ()
    """The ten open ones of the highest expected loss, the highest first. They have no part in `revision.content`: they
    are chosen among what the rest counts."""
    people: PeopleFigures | None = None
    """None where records were not looked at. It has no part in `revision.content`."""
    past: Past
    """Beside other days, as their reports were when this one was written. It has no part in `revision.content`."""

"""What a daily report says, as data: the JSON report is this structure, the HTML and CSV ones are made from it."""

import msgspec

REPORT_SCHEMA_VERSION = 2
"""Raised whenever a field of the JSON report changes its meaning or goes."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Counts(_Part, frozen=True, kw_only=True):
    """Decided transactions by decision."""

    approve: int = 0
    review: int = 0
    decline: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.approve + self.review + self.decline


class CurrencyFigures(_Part, frozen=True, kw_only=True):
    """One currency's decided transactions; values in minor units."""

    currency: str
    count: int
    value: int
    review_value: int
    decline_value: int
    fraud_value: int
    """Of transactions labelled fraud."""
    caught_value: int
    """Of transactions labelled fraud that were reviewed or declined. Not *prevented*: a decision is advice."""


class Value(_Part, frozen=True, kw_only=True):
    """An amount in minor units."""

    currency: str
    value: int


class RuleFigures(_Part, frozen=True, kw_only=True):
    """What one rule (or feature of the model) did."""

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
    """Of the transactions that it hit; the currency with the most hits first."""


class HourFigures(_Part, frozen=True, kw_only=True):
    """One hour of receipt, UTC."""

    hour: int
    decisions: Counts


class EntityFigures(_Part, frozen=True, kw_only=True):
    """An entity among those with the most reviewed or declined transactions."""

    kind: str
    token: str
    reviewed: int
    declined: int


class Percentiles(_Part, frozen=True, kw_only=True):
    """Milliseconds from receipt to decision; the percentiles are at most 0.4 % too high."""

    p50: int
    p90: int
    p99: int
    maximum: int


class Undecided(_Part, frozen=True, kw_only=True):
    """A stored transaction without a decision."""

    transaction_id: str
    received_at: int
    """Epoch milliseconds. Its age is counted to the report's `as_of`."""


class LabelFigures(_Part, frozen=True, kw_only=True):
    """What is known of the truth."""

    labelled: int
    fraud: int
    fraud_caught: int
    """Labelled fraud that were reviewed or declined."""
    legitimate_stopped: int
    """Labelled legitimate that were reviewed or declined."""


class TableCheck(_Part, frozen=True, kw_only=True):
    """An independent look at the table: are the transactions that it holds in the log?"""

    sampled: int
    """Transactions of the day that were looked at in the table."""
    missing: tuple[str, ...]
    """Ids of those that the log does not know."""


class Reconciliation(_Part, frozen=True, kw_only=True):
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

    @property
    def complete(self) -> bool:
        """Whether nothing is missing anywhere."""
        return self.stored == self.decided == self.logged and not self.table.missing


class Change(_Part, frozen=True, kw_only=True):
    """A figure that is another one than in the revision before."""

    figure: str
    """Such as `transactions stored`, or `value labelled fraud`."""
    currency: str | None = None
    """Of a value, which is in minor units."""
    before: int
    after: int


class Revision(_Part, frozen=True, kw_only=True):
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


class DailyReport(_Part, frozen=True, kw_only=True):
    """The report of one UTC day: of the transactions received on it."""

    schema_version: int
    date: str
    as_of: int | None
    """Time of the newest record of the log when the report was made, epoch milliseconds; None for an empty log."""
    revision: Revision
    decisions: Counts
    currencies: tuple[CurrencyFigures, ...]
    rules: tuple[RuleFigures, ...]
    shadow_rules: tuple[tuple[str, int], ...]
    """Ids of shadow rules with the transactions that they would have hit."""
    hours: tuple[HourFigures, ...]
    scores: tuple[int, ...]
    """Transactions by score: ten bins of ten points, the last up to 100."""
    entities: tuple[EntityFigures, ...]
    latency: Percentiles | None
    labels: LabelFigures
    rulesets: tuple[tuple[str, int], ...]
    """Ruleset versions with the decisions made by each."""
    reconciliation: Reconciliation

"""What is kept of a day beside its report: what later reports look back on, and the history of its revisions.

Unlike the report, it has no version. Fields are only ever added, each with a default, and keep their meaning, so that
every version of the program reads what any other one wrote. The same is true of the parts that it shares with the
report: `Counts`, `PaymentFigures`, `ExemptionFigures`, `OpenAlert` and `CostlyAlert`.
"""

from fraudstream.reporting.daily.schema.findings import CostlyAlert, OpenAlert, PaymentFigures
from fraudstream.reporting.daily.schema.inline import ExemptionFigures
from fraudstream.reporting.daily.schema.parts import Counts, Part


class DayValue(Part, frozen=True, kw_only=True):
    """One currency's decided transactions."""

    currency: str
    count: int
    value: int
    """Minor units."""


class DayFigure(Part, frozen=True, kw_only=True):
    """A figure that stands for the whole, as the newest revision has it."""

    figure: str
    """A code of `ChangedFigure`, or one that another version has."""
    currency: str | None = None
    """Currency of a value, which is in minor units; None of other figures."""
    value: int


class FigureChange(Part, frozen=True, kw_only=True):
    """A figure that a revision changed."""

    figure: str
    currency: str | None = None
    before: int
    after: int


class PastRevision(Part, frozen=True, kw_only=True):
    """A writing of the day's report."""

    number: int
    """1 for the first."""
    content: str
    """Hash of what the log said of the day."""
    as_of: int | None = None
    """Time of the newest record of the log then, epoch milliseconds."""
    changes: tuple[FigureChange, ...] = ()
    parts: tuple[str, ...] = ()
    """Parts of the report in which anything was different from the revision before."""


class DaySummary(Part, frozen=True, kw_only=True):
    """A UTC day, as its newest report has it."""

    date: str
    decisions: Counts
    labelled: int = 0
    fraud: int = 0
    """Labelled so far."""
    stopped_labelled: int = 0
    """Reviewed or declined, and labelled."""
    values: tuple[DayValue, ...] = ()
    """The currency with the most transactions first."""
    hours: tuple[Counts, ...] = ()
    """By hour of receipt, UTC."""
    scores: tuple[int, ...] = ()
    """Transactions by score: ten bins of ten points, the last up to 100."""
    payments: tuple[PaymentFigures, ...] = ()
    exemptions: tuple[ExemptionFigures, ...] = ()
    entities: tuple[str, ...] = ()
    """Tokens of those with the most reviewed or declined transactions."""
    rules: tuple[str, ...] = ()
    """Ids of the rules that hit."""
    open_alerts: tuple[OpenAlert, ...] = ()
    costliest_alerts: tuple[CostlyAlert, ...] = ()
    figures: tuple[DayFigure, ...] = ()
    revisions: tuple[PastRevision, ...] = ()
    """The first one first; never empty where a report was written."""

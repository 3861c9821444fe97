"""What a daily report says of a day beside the days before it."""

from fraudstream.reporting.daily.schema.codes import BandName, ComparedFigure, MeterName, MeterVerdict, NotMeasurable
from fraudstream.reporting.daily.schema.findings import CostlyAlert, OpenAlert
from fraudstream.reporting.daily.schema.inline import ExemptionsUsed
from fraudstream.reporting.daily.schema.parts import Part


class PastDay(Part, frozen=True, kw_only=True):
    """A day before, from its report."""

    date: str
    decided: int
    review: int
    decline: int
    fraud: int
    """Labelled so far."""
    waiting: int
    """Reviewed or declined, and not labelled."""
    hours: tuple[int, ...]
    """Decided transactions by hour of receipt, UTC."""
    stopped_hours: tuple[int, ...]
    """Reviewed or declined ones."""


class Comparison(Part, frozen=True, kw_only=True):
    """A figure of the day beside that of other days; None where there is no report of them."""

    figure: ComparedFigure
    kind: str
    """`count`, `value` (minor units of the currency) or `share` (of one)."""
    currency: str | None = None
    now: float
    yesterday: float | None
    week_ago: float | None
    mean: float | None
    """Mean over the days in `days`; None without any."""
    days: int
    """Number of the 28 days before that have the figure."""
    unusual: bool
    """Whether it is further from the mean than chance and habit explain: see `figures.comparisons.is_unusual`."""


class Band(Part, frozen=True, kw_only=True):
    """A limit of a meter."""

    name: BandName
    limit: float
    """Share of one."""


class Meter(Part, frozen=True, kw_only=True):
    """A ratio that the payment industry watches."""

    name: MeterName
    first_day: str
    """The ratio is counted from this day to the report's."""
    days: int
    """Number of them that have a report, and the day itself."""
    currency: str | None
    """Currency of a ratio of values; None of a ratio of numbers."""
    part: int
    whole: int
    ratio: float | None
    """None: not measurable."""
    why_not: NotMeasurable | None
    """Why it is not measurable; None if it is."""
    bands: tuple[Band, ...]
    """Limits, the lowest first."""
    verdict: MeterVerdict | None
    """None: not measurable."""
    band: BandName | None
    """The exemption within which the ratio is, or the limit that it reaches; None if there is none."""


class SilentRule(Part, frozen=True, kw_only=True):
    """A rule that hit in the 28 days before, and not on this day."""

    source: str
    last_hit: str
    """Day."""


class Past(Part, frozen=True, kw_only=True):
    """The day beside others."""

    days: tuple[PastDay, ...] = ()
    """Days of the 28 before that have a report; the newest first."""
    comparisons: tuple[Comparison, ...] = ()
    meters: tuple[Meter, ...] = ()
    exemptions: tuple[ExemptionsUsed, ...] = ()
    """Exemptions used in 90 days."""
    silent_rules: tuple[SilentRule, ...] = ()
    new_entities: tuple[str, ...] = ()
    """Tokens among `entities` that none of the reports in `days` names."""
    score_psi: float | None = None
    """Population stability index (PSI) of the day's scores, against those of `days`."""
    open_alerts: tuple[OpenAlert, ...] = ()
    """Those of `days` that had no label when their reports were written, oldest first; of each day at most ten."""
    costliest_alerts: tuple[CostlyAlert, ...] = ()
    """Likewise, the highest expected loss first."""

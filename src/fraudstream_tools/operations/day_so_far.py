"""What was decided today so far, by the merged hours of the decision log: no report knows a day before it is over.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fraudstream.detection.rules.rates import Rates
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.reader.decision_log import NEWEST_LABEL
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.analytics.local_log import ask_folder
from fraudstream_tools.analytics.log_copy import LogCopy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_ROWS: Final = 10_000
"""Hours, currencies and verdicts are fewer."""
_HOURS: Final = """
    SELECT key, currency, decision, CAST(sum(transactions) AS BIGINT), CAST(sum(amountMinor) AS BIGINT)
    FROM tallies WHERE "date" = ? AND dimension = 'hour' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_AS_OF: Final = """SELECT max(largest) FROM tallies WHERE "date" = ? AND dimension = 'logged'"""
# A label that came before its decision is logged again with it.
_FRAUDS: Final = f"""
    SELECT currency, decision, CAST(sum(amountMinor) AS BIGINT) FROM (
        SELECT DISTINCT ON (transactionId) * FROM labels WHERE "date" = ? AND decision IS NOT NULL
        ORDER BY transactionId, {NEWEST_LABEL}
    ) WHERE label = 'FRAUD' GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608  (put together of constants)


@dataclass(frozen=True, kw_only=True)
class HourSoFar:
    """The decisions of an hour of receipt, UTC."""

    hour: int
    decisions: int
    flagged: int
    """Reviewed or declined."""


@dataclass(frozen=True, kw_only=True)
class DaySoFar:
    """A UTC day, as far as its hours are merged. Values are in the base currency."""

    day: date
    as_of: int
    """When the newest of it was logged, epoch milliseconds."""
    hours: Sequence[HourSoFar]
    value: float
    flagged_value: float
    fraud_value: float
    """Labelled so far."""
    missed_value: float
    """Labelled fraud and approved."""
    without_rate: Sequence[str]
    """The currencies without an exchange rate, which add nothing to the values."""

    @property
    def decisions(self) -> int:
        """How many there were."""
        return sum(each.decisions for each in self.hours)

    @property
    def flagged(self) -> int:
        """How many were reviewed or declined."""
        return sum(each.flagged for each in self.hours)


@dataclass(frozen=True, kw_only=True)
class DayCopy:
    """Fetches what hours of a day are merged into: a listing of each of two tables, and what is new."""

    s3: "S3Client"
    bucket: str
    folder: Path
    """Where it is kept; whoever made it removes it."""

    def so_far(self, rates: Rates, day: date | None = None) -> DaySoFar | None:
        """Return what is known of a day; None where none of its hours is merged.

        Args:
            rates: the exchange rates.
            day: which; None for today, UTC.

        Raises:
            QuestionError: a file is damaged.
        """
        wanted = day or datetime.now(UTC).date()
        for table in (LogTable.TALLIES, LogTable.LABELS):
            copy = LogCopy.of_table(self.s3, self.bucket, table, self.folder)
            copy.pull(copy.missing(wanted, wanted)[0], lambda _: None)
        if not any(self.folder.glob(f"{LogTable.TALLIES}/date={wanted}/*.parquet")):
            return None
        hours = self._ask(_HOURS, wanted)
        frauds = self._ask(_FRAUDS, wanted)
        ((as_of,),) = self._ask(_AS_OF, wanted)
        if as_of is None:
            return None
        worth = _Worth(rates, as_of)
        return DaySoFar(
            day=wanted,
            as_of=as_of,
            hours=_hours(hours),
            value=worth.of((currency, value) for _, currency, _, _, value in hours),
            flagged_value=worth.of((currency, value) for _, currency, verdict, _, value in hours if _stops(verdict)),
            fraud_value=worth.of((currency, value) for currency, _, value in frauds),
            missed_value=worth.of((currency, value) for currency, verdict, value in frauds if not _stops(verdict)),
            without_rate=worth.unknown_of({currency for _, currency, *_ in hours}),
        )

    def _ask(self, sql: str, day: date) -> Sequence[tuple[Any, ...]]:
        return ask_folder(self.folder, sql, [str(day)], _MOST_ROWS).rows


@dataclass(frozen=True)
class _Worth:
    """Adds up amounts of several currencies."""

    rates: Rates
    at: int

    def of(self, amounts: Iterable[tuple[str, int]]) -> float:
        return sum(self.rates.to_base(minor, currency, self.at) or 0.0 for currency, minor in amounts)

    def unknown_of(self, currencies: Iterable[str]) -> list[str]:
        return sorted(each for each in currencies if self.rates.to_base(1, each, self.at) is None)


def _stops(verdict: str | None) -> bool:
    return verdict in (Verdict.REVIEW, Verdict.DECLINE)


def _hours(rows: Sequence[tuple[Any, ...]]) -> list[HourSoFar]:
    decisions, flagged = defaultdict[int, int](int), defaultdict[int, int](int)
    for hour, _, verdict, count, _ in rows:
        decisions[int(hour)] += count
        flagged[int(hour)] += count if _stops(verdict) else 0
    return [HourSoFar(hour=hour, decisions=decisions[hour], flagged=flagged[hour]) for hour in sorted(decisions)]

"""Asks a day's tables."""

from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from fraudstream.reporting.daily.schema.parts import Counts, Percentiles
from fraudstream.transactions.decisions.decision import Verdict

if TYPE_CHECKING:
    import duckdb

COUNTS = ", ".join(f"coalesce(sum(transactions) FILTER (decision = '{decision}'), 0)::BIGINT" for decision in Verdict)
"""The fields of `Counts`, from tallies."""
BINS = 10
"""Bins of scores."""

_KNOWN = """
    SELECT key, coalesce(other, ''), coalesce(sum(transactions) FILTER (label = 'FRAUD'), 0),
        coalesce(sum(transactions) FILTER (label = 'LEGITIMATE'), 0)
    FROM truths WHERE dimension = $dimension AND coalesce($currency, currency) = currency GROUP BY ALL
"""


class DayQueries:
    """Runs queries on a connection and returns plain rows; sums come as whole numbers."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Store the connection to the day's log, from `day_tables.open_day`."""
        self._connection = connection

    def rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
        fetched = self._connection.execute(query, parameters or {}).fetchall()
        return [tuple(value if isinstance(value, str | None) else int(value) for value in row) for row in fetched]

    def row(self, query: str) -> tuple[Any, ...]:
        """Return a query's only row."""
        return self.rows(query)[0]

    def tally(self, dimension: str, column: str = "key") -> tuple[tuple[str, int], ...]:
        """Return the decided transactions by the keys of a dimension, the most frequent first."""
        query = (
            f"SELECT {column}, sum(transactions) FROM tallies WHERE dimension = $dimension AND {column} IS NOT NULL "
            "GROUP BY ALL ORDER BY 2 DESC, 1"
        )
        return tuple((key, count) for key, count in self.rows(query, {"dimension": dimension}))

    def known(self, dimension: str, currency: str | None = None) -> dict[tuple[str, str], tuple[int, int]]:
        """Return, by key and other of a dimension, how many are labelled fraud, and how many legitimate."""
        rows = self.rows(_KNOWN, {"dimension": dimension, "currency": currency})
        return {(key, other): (fraud, legitimate) for key, other, fraud, legitimate in rows}


def named(struct: type[msgspec.Struct], row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row's values by the struct's fields, in their order; the last fields may lack a value."""
    return dict(zip(struct.__struct_fields__, row, strict=False))


def counts(row: tuple[Any, ...]) -> Counts:
    """Return what `COUNTS` selected."""
    return Counts(**named(Counts, row))


def binned(scores: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    """Return counts of scores in bins of ten points; the last one has 100 too."""
    bins = [0] * BINS
    for score, count in scores:
        bins[score_bin(score)] += count
    return tuple(bins)


def score_bin(score: str) -> int:
    """Return the bin of a score."""
    return min(int(score) // 10, BINS - 1)


def percentiles(rows: list[tuple[Any, ...]]) -> Percentiles | None:
    """Return percentiles of durations.

    Args:
        rows: a duration, rising, and how often it was.
    """
    if not rows:
        return None
    within = list(accumulate(count for _, count in rows))

    def at(percent: int) -> int:
        position = next(position for position, count in enumerate(within) if 100 * count >= percent * within[-1])
        return rows[position][0]

    return Percentiles(p50=at(50), p90=at(90), p99=at(99), maximum=rows[-1][0])

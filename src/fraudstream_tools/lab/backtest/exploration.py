"""What a decision log holds of approvals that were put into the review queue by chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fraudstream.detection.rules.language.sql import literal
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.reporting.log.reader.standing import LabelHorizon
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream_tools.lab.backtest.queries import DECLINED
from fraudstream_tools.lab.training.samples.explored import Drawing

_IS_DRAWN: Final = "explorationPropensity IS NOT NULL"
_IS_REPORTED: Final = f"(label = '{Truth.FRAUD}' AND decision = '{Verdict.APPROVE}' AND NOT {DECLINED})"


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """What was drawn by chance, and what people reported of the other approvals meanwhile."""

    drawing: Drawing
    reported: int
    """Known frauds among approvals that were not drawn, from the first drawn one to the last."""


def exploration_query(rows: str, horizon: LabelHorizon) -> str:
    """Return the query of what `read_exploration` reads, in the SQL of DuckDB and Athena.

    Args:
        rows: a table as SQL, or a query in brackets with a name: decisions with their newest `label`.
        horizon: only what is old enough for its label counts.
    """
    since, until = (f"{end}(CASE WHEN {_IS_DRAWN} THEN timestamp END) OVER ()" for end in ("min", "max"))
    chosen = (
        f"SELECT timestamp, label, explorationPropensity, {since} AS drawnSince, {until} AS drawnUntil FROM {rows} "
        f"WHERE timestamp <= {literal(horizon.matured_until)} AND ({_IS_DRAWN} OR {_IS_REPORTED})"
    )
    return (
        f"SELECT count(explorationPropensity), count(CASE WHEN {_IS_DRAWN} THEN label END), "
        "coalesce(min(drawnSince), 0), coalesce(max(drawnUntil), 0), "
        f"count(CASE WHEN NOT {_IS_DRAWN} AND timestamp BETWEEN drawnSince AND drawnUntil THEN 1 END) "
        f"FROM ({chosen}) AS chosen"
    )


def read_exploration(row: Sequence[int]) -> Exploration | None:
    """Return what the one row of `exploration_query` says; None where nothing was drawn."""
    drawn, labelled, first, last, reported = row
    drawing = Drawing(drawn=drawn, labelled=labelled, first=first, last=last)
    return Exploration(drawing=drawing, reported=reported) if drawn else None


def exploration_of(log: DecisionLog) -> Exploration | None:
    """Return what a log holds of it; None where nothing was drawn, or nobody labels.

    Raises:
        DecisionLogError: the log cannot be read.
    """
    if not log.is_explored or not log.is_labelled:
        return None
    return read_exploration(next(log.ask(exploration_query(log.decided_rows(), log.horizon))))

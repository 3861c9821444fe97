"""What an evaluation measured, as a table: a column for the rules and for each length of training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.table import Table

from fraudstream_tools.cli.support.terminal.output import out

if TYPE_CHECKING:
    from fraudstream_tools.lab.evaluation.figures import EvaluationRow

_WIDTH: Final = 8
"""Width of a column: the figures of all lengths of training stand beside each other at 80 columns."""
_FIGURES: Final = {
    "average_precision": ("average precision", ".3f"),
    "recall_at_false_positives": ("recall at 0.1 %", ".3f"),
    "value_at_budget": ("value found", ".3f"),
    "alerts_a_day": ("alerts a day", ".1f"),
    "alert_precision": ("their precision", ".3f"),
    "alert_recall": ("their recall", ".3f"),
    "declines_a_day": ("declines a day", ".1f"),
    "false_declines_per_1000": ("false declines per 1,000", ".2f"),
}


def print_evaluation(rows: Sequence["EvaluationRow"], reviews: int) -> None:
    """Print the table, and why what is not in it could not be measured.

    Args:
        rows: what was measured.
        reviews: how many transactions are looked at on a day.
    """
    shown = [name for name in _FIGURES if any(getattr(row, name) is not None for row in rows)]
    table = Table(box=None, header_style="dim", pad_edge=False, collapse_padding=True)
    table.add_column("the newest days", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_column(row.name, justify="right", max_width=_WIDTH)
    for name in shown:
        table.add_row(_FIGURES[name][0], *(_cell(getattr(row, name), name) for row in rows))
    if shown:
        out.print(table)
        out.print(f"recall: at 0.1 % false positives; value found: at {reviews} reviews a day", style="dim")
    unvalued = max((row.unvalued_frauds or 0 for row in rows), default=0)
    if unvalued:
        out.print(f"frauds without an exchange rate, which value found leaves out: {unvalued:,}")
    for row in rows:
        if row.why:
            out.print(f"{row.name}: {row.why}", soft_wrap=True)


def _cell(value: float | None, name: str) -> str:
    return "-" if value is None else format(value, _FIGURES[name][1])

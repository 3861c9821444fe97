"""An answer as a table for people, and as plain values for other programs."""

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from rich.table import Table
from rich.text import Text

from fraudstream_tools.analytics.answers import LogAnswer, numeric_columns
from fraudstream_tools.cli.support.shown.whole_table import print_whole

if TYPE_CHECKING:
    from collections.abc import Sequence


def print_table(answer: LogAnswer) -> None:
    """Print an answer."""
    numbers = set(numeric_columns(answer))
    table = Table(box=None, header_style="bold")
    for name in answer.columns:
        table.add_column(Text(name), justify="right" if name in numbers else "left")
    for row in answer.rows:
        table.add_row(*(Text(shown(value)) for value in row))
    print_whole(table)


def shown(value: object) -> str:
    """Return a value as people read it; nothing for what is missing."""
    plain = _plain(value)
    if plain is None:
        return ""
    if isinstance(plain, float):
        return f"{plain:,.6g}" if abs(plain) < 1e6 else f"{plain:,.2f}"  # noqa: PLR2004  (six digits are enough)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list):
        return ", ".join(map(shown, cast("list[object]", plain)))
    return str(plain)


def as_plain(answer: LogAnswer) -> list[list[Any]]:
    """Return an answer's rows as JSON has values."""
    return [[_plain(value) for value in row] for row in answer.rows]


def _plain(value: object) -> Any:  # noqa: ANN401  (JSON)
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case float() if not math.isfinite(value):
            return None
        case date() | datetime() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(each) for each in cast("Sequence[object]", value)]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)

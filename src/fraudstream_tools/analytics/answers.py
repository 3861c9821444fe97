"""Questions to the decision log in SQL, and what came of them, whichever engine was asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

# What is quoted, or a comment, holds no word of SQL.
_NO_WORD: Final = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/"""
_TODAY: Final = re.compile(rf"{_NO_WORD}|\bcurrent_date\b", re.IGNORECASE | re.DOTALL)
_PLACE: Final = re.compile(rf"{_NO_WORD}|\?", re.DOTALL)


class QuestionError(ValueError):
    """A question that was not answered; the message says why, and what to do."""


class NoHourYetError(QuestionError):
    """No hour is merged yet that could be asked; the next one will be, by itself."""


@dataclass(frozen=True, kw_only=True)
class LogAnswer:
    """The rows that a question was answered with."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    has_more: bool
    """Whether there are more rows than were asked for."""
    query_id: str | None = None
    """Athena's id of the query, by which its result is kept."""
    scanned: int | None = None
    """Bytes that Athena read for it."""


def as_of(sql: str, today: date) -> str:
    """Return a question as it would be asked on a day: `current_date` becomes that day."""
    day = f"DATE '{today}'"
    return _TODAY.sub(lambda match: day if match[0].lower() == "current_date" else match[0], sql)


def places_for_values(sql: str) -> int:
    """Return how many question marks of a question stand for values."""
    return _PLACE.findall(sql).count("?")


def numeric_columns(answer: LogAnswer) -> list[str]:
    """Return the columns after the first one that hold numbers, and nothing else but gaps."""
    return [answer.columns[place] for place in numeric_places(answer)]


def numeric_places(answer: LogAnswer) -> list[int]:
    """Return the places of these columns: names may repeat."""
    return [
        place
        for place in range(1, len(answer.columns))
        if _are_numbers([row[place] for row in answer.rows if row[place] is not None])
    ]


def _are_numbers(values: Sequence[Any]) -> bool:
    return bool(values) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in values
    )


def row_names(answer: LogAnswer) -> list[str]:
    """Return what each row is called in a chart: what stands in its first column and in those that hold no numbers."""
    numbers = set(numeric_places(answer))
    places = [place for place in range(len(answer.columns)) if place not in numbers]
    return [" ".join(str(row[place]) for place in places if row[place] is not None) for row in answer.rows]

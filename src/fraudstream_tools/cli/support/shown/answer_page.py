"""An answer as an HTML file that needs nothing else: table and charts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from fraudstream_tools.analytics.answers import LogAnswer, numeric_columns, row_names
from fraudstream_tools.cli.support.files.output_files import write_output
from fraudstream_tools.cli.support.shown.answer_table import shown
from fraudstream_tools.cli.support.shown.templates import TEMPLATES

_MOST_BARS: Final = 60
"""Rows that a chart draws; the table below has all."""
_LONGEST_NAME: Final = 34


class Bar(NamedTuple):
    """A row of a chart."""

    name: str
    value: str
    start: float
    """From 0 to 1, where the bar begins."""
    length: float
    """From 0 to 1."""


def write_page(file: Path, sql: str, answer: LogAnswer, drawn: Sequence[str]) -> None:
    """Write an answer to an HTML file.

    Args:
        file: where to.
        sql: the question.
        answer: to the question.
        drawn: columns of numbers to draw.

    Raises:
        CommandError: the file cannot be written.
    """
    page = TEMPLATES.get_template("answer.html").render(
        sql=sql.strip(),
        answer=answer,
        numbers=set(numeric_columns(answer)),
        rows=[[shown(value) for value in row] for row in answer.rows],
        charts={column: bars(answer, column) for column in drawn if answer.rows},
        most_bars=_MOST_BARS,
    )
    write_output(file, page)


def bars(answer: LogAnswer, column: str) -> list[Bar]:
    """Return the bars of a column of numbers, from zero to left and right; gaps are left out."""
    place = answer.columns.index(column)
    found = [
        (name, float(row[place]), shown(row[place]))
        for name, row in zip(row_names(answer)[:_MOST_BARS], answer.rows, strict=False)
        if row[place] is not None
    ]
    lowest, highest = min(0.0, *(value for _, value, _ in found)), max(0.0, *(value for _, value, _ in found))
    span = highest - lowest or 1.0
    return [
        Bar(name[:_LONGEST_NAME], text, (min(value, 0.0) - lowest) / span, abs(value) / span)
        for name, value, text in found
    ]

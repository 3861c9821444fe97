"""A column of an answer as a chart in the terminal."""

import shutil
from math import isfinite
from typing import Any, Final, cast

import plotext
from rich.text import Text

from fraudstream_tools.analytics.answers import LogAnswer, numeric_places, row_names
from fraudstream_tools.cli.support.terminal.output import one_line, out, spelled_out

_MOST_LINES: Final = 40
"""Rows that have a line each; of more, each is a column."""
_LONGEST_NAME: Final = 28
_WIDEST: Final = 120
_HEIGHT: Final = 18


def print_chart(answer: LogAnswer, column: str) -> None:
    """Print a column of numbers, row by row; gaps and what is infinite are left out."""
    # Of columns of one name, the first that holds numbers.
    place = next(each for each in numeric_places(answer) if answer.columns[each] == column)
    drawn = [
        (_named(name)[:_LONGEST_NAME], float(row[place]))
        for name, row in zip(row_names(answer), answer.rows, strict=True)
        if row[place] is not None and isfinite(row[place])
    ]
    if not drawn:
        out.print(f"{column}: there is no finite number to draw", soft_wrap=True)
        return
    names, values = [name for name, _ in drawn], [value for _, value in drawn]
    figure = cast("Any", plotext).figure
    figure.clear()
    figure.title(_named(column))
    # From zero, so that lengths compare; it takes no limits of its own from a single bar.
    lowest, highest = min(0.0, *values), max(0.0, *values)
    limits = (lowest, highest if highest > lowest else lowest + 1)
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    if len(drawn) <= _MOST_LINES:
        figure.plot_size(width, 2 * len(drawn) + 3)
        # Names may repeat, and the first row is wanted at the top.
        places = list(range(len(drawn), 0, -1))
        figure.draw(figure.bar(places, values, orientation="horizontal", width=0.1))
        figure.ruler("y").ticks(places, names)
        figure.ruler("x").lim(*limits)
    else:
        figure.plot_size(width, _HEIGHT)
        places = list(range(1, len(drawn) + 1))
        figure.draw(figure.bar(places, values))
        named = [places[0], places[len(drawn) // 2], places[-1]]
        figure.ruler("x").ticks(named, [names[place - 1] for place in named])
        figure.ruler("y").lim(*limits)
    built = figure.build()
    # Its colours are control characters, which the console would spell out like a text's: it gets them as styles.
    out.print(Text.from_ansi(built.string(colorless=not out.is_terminal)), soft_wrap=True)


def _named(text: str) -> str:
    """Return a name as the chart holds it: control characters in it would be taken for the chart's own colours."""
    return spelled_out(one_line(text))

"""Tables of ids: nothing of an id is ever cut off or broken, however narrow the terminal is."""

from typing import Final

from rich.console import RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from fraudstream_tools.cli.support.terminal.output import SafeConsole, out

_UNLIMITED: Final = 10_000
_PADDING: Final = 2
"""Columns of the terminal beside each column of a table without lines."""


def print_whole(table: Table, console: SafeConsole = out) -> None:
    """Print a table without lines.

    Where there is no terminal, each row is one line, however long. Where the terminal is too narrow for the longest
    word of each column, each row becomes a paragraph.

    Args:
        table: its columns' widths are set here.
        console: where to.
    """
    widths = [_width(column, console) for column in table.columns]
    room = console.width if console.is_terminal else _UNLIMITED
    room -= sum(width.minimum + _PADDING for width in widths)
    if room < 0:
        _print_paragraphs(table, console)
        return
    for column, width in reversed(list(zip(table.columns, widths, strict=True))):
        more = min(room, width.maximum - width.minimum)
        column.width = width.minimum + more
        room -= more
    whole = sum((column.width or 0) + _PADDING for column in table.columns)
    (console if console.is_terminal else SafeConsole(width=whole)).print(table)


def _width(column: Column, console: SafeConsole) -> Measurement:
    options = console.options.update_width(_UNLIMITED)
    measured = [Measurement.get(console, options, cell) for cell in (column.header, *column.cells)]
    most = max(each.maximum for each in measured)
    return Measurement(most if column.no_wrap else max(each.minimum for each in measured), most)


def _print_paragraphs(table: Table, console: SafeConsole) -> None:
    for first, *others in zip(*(column.cells for column in table.columns), strict=True):
        console.print(_text(first), soft_wrap=True)
        names = [str(column.header) for column in table.columns[1:]]
        details = [
            Text.assemble((name, "dim"), " ", _text(cell))
            for name, cell in zip(names, others, strict=True)
            if str(cell)
        ]
        console.print(Padding(Text("  ").join(details), (0, 0, 0, 2)))


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))

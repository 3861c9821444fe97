"""What commands print, whatever the texts that they print hold."""

import io

import pytest
from rich.table import Table
from rich.text import Text

from fraudstream_tools.cli.support.terminal.output import SafeConsole

ATTACK = "order\x1b]0;owned\x07\x1b[2J\x9b31m\r"


@pytest.mark.parametrize("terminal", [False, True])
def test_control_characters_are_shown_and_never_sent(*, terminal: bool) -> None:
    written = io.StringIO()
    console = SafeConsole(file=written, force_terminal=terminal, color_system=None, width=200, highlight=False)
    table = Table("id")
    table.add_row(ATTACK)
    console.print(ATTACK, markup=False)
    console.print(Text.assemble(("error: ", "bold"), ATTACK))
    console.print(table)
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(written.getvalue())
    assert written.getvalue().count("\\x1b]0;owned") == 3

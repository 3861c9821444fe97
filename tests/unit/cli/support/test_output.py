"""What commands print, whatever the texts that they print hold."""

import io
import json

import pytest
from rich.table import Table
from rich.text import Text

from fraudstream_tools.cli.support.terminal.output import SafeConsole, print_json

ATTACK = "order\x1b]0;owned\x07\x1b[2J\x9b31m\r"


@pytest.mark.parametrize("terminal", [False, True])
def test_control_characters_are_shown_and_never_sent(*, terminal: bool) -> None:
    written = io.StringIO()
    console = SafeConsole(file=written, force_terminal=terminal, color_system=None, width=200)
    table = Table("id")
    table.add_row(ATTACK)
    console.print(ATTACK)
    console.print(Text.assemble(("error: ", "bold"), ATTACK))
    console.print(table)
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(written.getvalue())
    assert written.getvalue().count("\\x1b]0;owned") == 3


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u2066", "\ufeff", "\U000e0041"])
def test_what_turns_a_line_around_or_hides_in_it_is_shown(character: str) -> None:
    written = io.StringIO()
    SafeConsole(file=written, width=200).print(f"said {character}gnp.exe")
    assert written.getvalue() == f"said {ascii(character)[1:-1]}gnp.exe\n"


def test_letters_of_all_scripts_and_joined_ones_stay_as_they_are() -> None:
    written, text = io.StringIO(), "é Клиент 日本語 \u0646\u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f467"
    SafeConsole(file=written, width=200).print(text)
    assert written.getvalue() == f"{text}\n"


def test_json_says_what_steers_a_terminal_in_its_own_way(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"reason": f"é \u202e\u200d\U000e0041\ud800 {ATTACK}"}
    print_json(value)
    printed = capsys.readouterr().out
    assert not set("\u202e\U000e0041\ud800\x1b\x07\x9b\r") & set(printed)
    assert "é" in printed
    assert json.loads(printed) == value


@pytest.mark.parametrize("text", ["labels [/final].csv", "labels [bold].csv", "[link=http://example.com]x[/link]"])
def test_brackets_in_a_text_are_no_markup(text: str) -> None:
    written = io.StringIO()
    console = SafeConsole(file=written, width=200)
    table = Table(text, box=None)
    table.add_row(text)
    console.print(f"3 labels in {text}")
    console.print(table)
    assert written.getvalue().count(text) == 3


def test_an_id_with_colons_is_printed_as_it_is() -> None:
    written = io.StringIO()
    SafeConsole(file=written, width=200).print("shop:100:7 said :smile:")
    assert written.getvalue() == "shop:100:7 said :smile:\n"


def test_a_line_of_text_is_broken_in_a_terminal_alone() -> None:
    path = f"reports/{'a' * 60}/report.html"
    for terminal in (False, True):
        written = io.StringIO()
        console = SafeConsole(file=written, width=40, force_terminal=terminal, color_system=None)
        console.print(path)
        console.print(Text(f"run `fraudstream redrive` for what is in {path}"))
        assert (len(written.getvalue().splitlines()) == 2) is not terminal

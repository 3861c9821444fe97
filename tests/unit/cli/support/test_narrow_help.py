"""Help in a terminal of few columns."""

from typing import Any

import pytest
import typer.main

from fraudstream_tools.cli.main import app
from fraudstream_tools.cli.support.terminal.narrow_help import LEAST_COLUMNS
from tests.cli_harness import command_paths

COMMANDS: Any = typer.main.get_command(app)


def shown(capsys: pytest.CaptureFixture[str], *path: str) -> str:
    with pytest.raises(SystemExit) as ended:
        COMMANDS.main([*path, "--help"], prog_name="fraudstream")
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, LEAST_COLUMNS])
@pytest.mark.parametrize("path", [(), ("rules",), *command_paths(COMMANDS)], ids=" ".join)
def test_no_option_and_no_command_is_cut(
    path: tuple[str, ...], columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    command = COMMANDS
    for name in path:
        command = command.commands[name]
    words = shown(capsys, *path).replace(",", " ").split()
    options = [option for each in command.params for option in each.opts if option.startswith("-")]
    assert [each for each in options if each not in words] == []
    below: list[Any] = list(getattr(command, "commands", {}).values())
    assert [each.name for each in below if not each.hidden and each.name not in words] == []


def test_in_a_narrow_terminal_an_example_can_be_copied(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = [line.strip() for line in shown(capsys, "restore", "objects").splitlines()]
    assert "fraudstream restore objects reports/ --at 2026-11-23T09:59:00Z --dry-run" in lines
    assert "fraudstream labels show order-20261123-0001 --json" in shown(capsys, "labels", "show")
    assert max(map(len, shown(capsys, "erase").splitlines())) <= 80, "an example, and the rest in 40"

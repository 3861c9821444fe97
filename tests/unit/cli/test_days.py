"""Days that commands are given: those without days around them are wrong usage, not a fault of the program."""

from collections.abc import Callable

import pytest

from tests.cli_harness import Command, clean_environment


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Run a command that is wrong usage, and return what it says, as one line."""

    def run(command: str) -> str:
        clean_environment(monkeypatch)
        ran = Command(capsys)(*command.split())
        assert ran.code == 2
        return " ".join(ran.err.replace("│", " ").split())

    return run


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    "command",
    [
        "report --log log --date",
        "report --date",
        "audit --date",
        "log rebuild --date",
        "log verify --since",
        "log verify --until",
        "log pull --since",
        "lists add blocked card tok_AAAAAAAAAAAAAAAAAAAAAA --reason why --until",
        "simulate --output world.jsonl --start",
    ],
)
def test_a_day_at_the_end_of_all_dates_is_refused(refused: Callable[[str], str], command: str, day: str) -> None:
    assert "write a day from 1970-01-01 to 9998-12-31" in refused(f"{command} {day}")


@pytest.mark.parametrize("day", ["yesterday", "2026-11-31", "23.11.2026"])
@pytest.mark.parametrize(
    "command",
    [
        "report --date",
        "audit --date",
        "log rebuild --date",
        "log verify --since",
        "log pull --until",
        "lists add blocked card tok_AAAAAAAAAAAAAAAAAAAAAA --reason why --until",
        "simulate --output world.jsonl --start",
        "train --output model.json --until",
        "backtest --rules rules --since",
        "ask SELECT --today",
    ],
)
def test_what_is_no_day_is_refused_with_how_to_write_one(refused: Callable[[str], str], command: str, day: str) -> None:
    said = refused(f"{command} {day}")
    assert "write a day of the calendar, such as 2026-11-23" in said
    assert "%" not in said


def test_what_is_no_moment_is_refused_with_how_to_write_one(refused: Callable[[str], str]) -> None:
    said = refused("restore objects reports/ --at 2026-11-23")
    assert "write a moment in UTC, such as 2026-11-23T09:59:00Z" in said

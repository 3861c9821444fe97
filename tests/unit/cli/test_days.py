"""Days that commands are given: those without days around them are wrong usage, not a fault of the program."""

import pytest

from tests.cli_harness import Command, clean_environment


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
def test_a_day_at_the_end_of_all_dates_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, day: str
) -> None:
    clean_environment(monkeypatch)
    ran = Command(capsys)(*command.split(), day)
    assert ran.code == 2
    assert "write a day from 1970-01-01 to 9998-12-31" in " ".join(ran.err.split())

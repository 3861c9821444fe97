"""How long work is shown: rows on a terminal, plain lines elsewhere."""

import io
import re

import pytest

from fraudstream_tools.cli.support.terminal import progress, steps
from fraudstream_tools.cli.support.terminal.output import SafeConsole
from fraudstream_tools.cli.support.terminal.progress import progress_bar
from fraudstream_tools.cli.support.terminal.steps import ProgressSteps


def console(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, kind: str = "xterm") -> io.StringIO:
    written = io.StringIO()
    replacement = SafeConsole(
        file=written, force_terminal=terminal, width=100, color_system=None, _environ={"TERM": kind}
    )
    monkeypatch.setattr(steps, "err", replacement)
    monkeypatch.setattr(progress, "err", replacement)
    return written


def test_without_a_terminal_each_step_is_two_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    written = console(monkeypatch, terminal=False)
    with ProgressSteps() as shown:
        with shown.step("deploying") as step:
            step.say("97 resources")
        with shown.step("replaying", 1200) as step:
            step.say("60/s", 1200)
    lines = re.sub(r"\d+\.\d s", "N s", written.getvalue()).splitlines()
    assert lines == ["deploying", "  done in N s: 97 resources", "replaying", "  done in N s: 1,200 of 1,200, 60/s"]


@pytest.mark.parametrize(("terminal", "kind"), [(False, "xterm"), (True, "dumb")])
def test_now_and_then_a_long_step_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, kind: str, *, terminal: bool
) -> None:
    monkeypatch.setattr(steps, "_SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    written = console(monkeypatch, terminal=terminal, kind=kind)
    with ProgressSteps() as shown, shown.step("replaying", 10) as step:
        step.say("60/s", 4)
    with progress_bar("posting", 10) as advance:
        advance(4)
    assert "  4 of 10, 60/s\n" in written.getvalue()
    assert "posting: 4 of 10, " in written.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_step_that_fails_is_shown_as_failed_and_its_error_goes_on(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    written = console(monkeypatch, terminal=terminal)
    with pytest.raises(KeyError), ProgressSteps() as shown, shown.step("deploying"):
        raise KeyError
    assert ("✗" if terminal else "  failed in ") in written.getvalue()


def test_on_a_terminal_each_step_keeps_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    written = console(monkeypatch, terminal=True)
    with ProgressSteps() as shown:
        with shown.step("deploying") as step:
            step.say("97 resources")
        with shown.step("replaying", 10) as step:
            step.say("60/s", 4)
    last = written.getvalue().split("✓")
    assert "deploying" in last[-2]
    assert "97 resources" in last[-2]
    assert "4 of 10, 60/s" in last[-1]

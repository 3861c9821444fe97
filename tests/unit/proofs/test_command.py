"""`python -m proofs` tries everything, also after an experiment that ends with an error, and tells of that one."""

import json

import pytest

from proofs import __main__ as command
from proofs.report import ExperimentOutcome, Length, Say


def _kept(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    say(f"{length.value}, seed {seed}")
    return ExperimentOutcome(holds=True, table=["        5  faults"], figures={"faults": 5, "mutations": 1})


def _broken(_: int, __: Length, ___: Say) -> ExperimentOutcome:
    return ExperimentOutcome(holds=False, table=["        1  lost"], figures={"lost": 1})


def _raising(_: int, __: Length, ___: Say) -> ExperimentOutcome:
    raise TimeoutError("still busy\nafter 900 s")


def _stopped(_: int, __: Length, ___: Say) -> ExperimentOutcome:
    raise KeyboardInterrupt


def _command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *names: str
) -> tuple[int, list[str], str]:
    known = {"kept": _kept, "broken": _broken, "raising": _raising, "stopped": _stopped}
    monkeypatch.setattr(command, "EXPERIMENTS", {name: known[name] for name in names})
    monkeypatch.setattr("sys.argv", ["proofs", "--seed", "7"])
    code = command.main()
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_after_an_experiment_that_raises_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, progress = _command(monkeypatch, capsys, "raising", "kept")
    last = json.loads(lines[-1])
    assert code == 1
    assert last["failed"] == ["raising"]
    assert (last["faults"], last["mutations"]) == (5, 1)
    assert "           RAISED TimeoutError: still busy after 900 s" in lines
    rows = {line.split()[0]: line.split()[-1] for line in lines[-4:-1] if line.split()[0] in {"raising", "kept"}}
    assert rows == {"raising": "NO", "kept": "yes"}
    assert "kept 0:00  usual, seed 7" in progress
    assert "_raising" in progress, "the traceback says where"


def test_a_promise_that_is_not_kept_is_a_failure_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, _ = _command(monkeypatch, capsys, "kept", "broken")
    assert code == 1
    assert json.loads(lines[-1])["failed"] == ["broken"]


def test_where_all_is_kept_nothing_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, _ = _command(monkeypatch, capsys, "kept")
    assert code == 0
    assert json.loads(lines[-1])["failed"] == []


def test_who_stops_it_is_told_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, progress = _command(monkeypatch, capsys, "kept", "stopped")
    assert code == 130
    assert lines == ["        5  faults"]
    assert progress.endswith("stopped: what stands above was tried, and nothing else\n")

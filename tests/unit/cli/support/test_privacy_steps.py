"""How far an erasure or a new token key is, where no terminal shows it."""

import pytest

from fraudstream_tools.cli.support.running import privacy
from fraudstream_tools.cli.support.running.privacy import Steps


def test_a_step_says_how_far_it_is_also_where_its_end_is_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(privacy, "_SECONDS_BETWEEN_LINES", 0.0)
    shown = Steps()
    shown("searching alerts", 0, None)
    shown("profiles", 1000, None)
    shown("profiles", 2000, None)
    shown("old versions", 1, 3)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["searching alerts", "profiles: 1,000", "profiles: 2,000", "old versions: 1 of 3"]

"""`profiles rebuild` of one profile: what is no key is refused before anything is paused or read."""

import pytest

from tests.cli_harness import Command, point_at

TOKEN = "tok_" + "a" * 22


@pytest.mark.parametrize(
    "key", [TOKEN, f"person#{TOKEN}", "customer#customer-81", f"customer#{TOKEN[:-1]}", f"customer#{TOKEN}#1", ""]
)
def test_what_is_no_profiles_key_is_refused_and_not_repeated(
    key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there: whatever is asked before fails otherwise.
    point_at("http://127.0.0.1:1", monkeypatch)
    ran = Command(capsys)("profiles", "rebuild", key)
    assert ran.code == 1
    assert "that is no profile's key: write one of customer, card, merchant" in ran.err
    assert not key or key not in ran.err

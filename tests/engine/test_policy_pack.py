"""The policy pack as the CLI runs it: `pulumi preview --policy-pack policy`."""

from collections.abc import Mapping

import pytest

from infra.compute import functions
from tests.engine.engine_harness import ROOT, Engine, OperationRefusedError
from tests.engine.setting_changes_harness import CHANGES

PACKS = [str(ROOT / "policy")]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {name: CHANGES[name].value for name in ("analytics", "waf", "alarmEmail", "apiAuth")},
        {"runtime": "python3.13", "region": "eu-west-1", "allowOtherRegion": "true", "customerManagedKey": "false"},
    ],
    ids=["defaults", "options", "another region and runtime"],
)
def test_the_pack_passes_what_the_settings_offer(new_engine: Engine, settings: Mapping[str, str]) -> None:
    stack = new_engine.stack(settings=settings)
    assert stack.preview(policy_packs=PACKS).created


def test_the_pack_passes_an_up_and_the_next_change(new_engine: Engine) -> None:
    stack = new_engine.stack()
    assert stack.up(policy_packs=PACKS).created
    stack.configure({"logLevel": "DEBUG"})
    assert stack.up(policy_packs=PACKS).updated


def test_the_pack_stops_a_broken_stack_at_its_preview(new_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "FUNCTION_TIMEOUT_SECONDS", 3)
    with pytest.raises(OperationRefusedError, match="timeout must be 300, not 3"):
        new_engine.stack().preview(policy_packs=PACKS)

"""The table of `docs/settings.md` describes the settings of `infra/settings.py`."""

import re
from pathlib import Path

import pytest

from infra.settings import StackSettings, StackSettingsError, read_settings
from tests.engine.setting_changes_harness import effect

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/settings.md").read_text()
ROWS: dict[str, tuple[str, str]] = {
    name: (default.strip("`"), allowed.replace("`", ""))
    for name, default, allowed, _ in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|", PAGE, re.MULTILINE)
}
OF_OTHER_SETTINGS = {"environmentSuffix": "dev", "throttleBurst": "200", "events": "none"}
"""Defaults that the table describes in words, in a stack called dev without any setting."""


def read(**values: str) -> StackSettings:
    return read_settings(values.get, "dev", values)


def test_every_setting_is_described() -> None:
    asked: set[str] = set()

    def answer(name: str) -> str | None:
        asked.add(name)
        return {"region": "eu-west-1", "allowOtherRegion": "true"}.get(name)

    read_settings(answer, "dev")
    assert set(ROWS) == asked


@pytest.mark.parametrize("name", [name for name, (default, _) in ROWS.items() if default != "none"])
def test_a_described_default_changes_nothing_when_it_is_set(name: str) -> None:
    default = OF_OTHER_SETTINGS.get(name, ROWS[name][0])
    assert read(**{name: default}) == read()


@pytest.mark.parametrize("name", [name for name, (default, _) in ROWS.items() if default == "none"])
def test_a_setting_without_a_default_is_unset(name: str) -> None:
    attribute = re.sub("([A-Z])", r"_\1", name).lower()
    assert getattr(read(), attribute) is None


@pytest.mark.parametrize("name", [name for name in ROWS if name != "region"])
def test_the_described_range_is_the_one_that_a_refusal_names(name: str) -> None:
    with pytest.raises(StackSettingsError) as refused:
        read(**{"region": "eu-west-1", "allowOtherRegion": "true", name: "~\n"})
    said = str(refused.value).splitlines()
    (allowed,) = [line.partition("allowed: ")[2] for line in said if line.startswith(f"fraudstream:{name} ")]
    assert ROWS[name][1] == allowed.removeprefix("a whole number from ")


def test_another_region_needs_the_setting_beside_it() -> None:
    assert ROWS["region"][1] == "us-east-2, or any other together with allowOtherRegion"
    with pytest.raises(StackSettingsError, match="us-east-2, or any other together with fraudstream:allowOtherRegion"):
        read(region="eu-west-1")
    assert read(region="eu-west-1", allowOtherRegion="true").region == "eu-west-1"


def test_what_a_change_does_is_described_as_the_engine_plans_it() -> None:
    described = dict(
        re.findall(r"^\| `(\w+)` \| (refused|in place|adds, removes|new API deployment|nothing) \|", PAGE, re.MULTILINE)
    )
    assert described == {name: effect(name) for name in ROWS}

"""Nothing is uploaded that the analyzer could not use: a preview says so, before anything is changed."""

import shutil
from pathlib import Path

import pytest

from infra.data import program_rules
from infra.data.program_rules import ProgramRulesError, check_program_rules
from tests.infrastructure.pulumi_graph_harness import Declare

DEAD = 'cardCountry == "UK"'


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Copy the program's rules, and have it upload the copy."""
    folder = shutil.copytree(program_rules.RULES, tmp_path / "rules")
    monkeypatch.setattr(program_rules, "RULES", folder)
    return folder


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = shutil.copytree(program_rules.MODELS, tmp_path / "models")
    monkeypatch.setattr(program_rules, "MODELS", folder)
    return folder


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def test_what_is_in_the_repository_is_uploaded_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    check_program_rules()
    assert capsys.readouterr().err == ""


def test_a_stack_is_not_declared_with_rules_that_the_analyzer_would_refuse(declare: Declare, rules: Path) -> None:
    change(rules / "ruleset.yaml", "when: ", "when: nobodysField > 3 and ")
    with pytest.raises(ProgramRulesError, match=r"rules/ruleset\.yaml.*nobodysField"):
        declare(preview=True)


def test_every_problem_of_the_ruleset_is_told_at_once(rules: Path) -> None:
    change(rules / "ruleset.yaml", "schemaVersion: ", "schemaVersion: x")
    (rules / "rates.yaml").write_text("base: [")
    with pytest.raises(ProgramRulesError) as refused:
        check_program_rules()
    told = str(refused.value)
    assert "rules/ruleset.yaml" in told
    assert "rules/rates.yaml" in told
    assert "fraudstream rules check" in told


def test_a_rule_that_can_never_hit_is_warned_of(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(rules / "ruleset.yaml", "when: ", f"when: {DEAD} or ")
    check_program_rules()
    told = capsys.readouterr().err
    assert told.startswith("warning: rules/ruleset.yaml")
    assert "did you mean GB?" in told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("shadow: default.json", "shadow: other.json", r"models/other\.json is missing"),
        ("live: null", "live: default.json", "never learnt from labels of your own"),
        ("schemaVersion: 1", "schemaVersion: 9", r"models/: models\.yaml"),
    ],
)
def test_models_that_could_not_be_active_are_refused(models: Path, before: str, after: str, told: str) -> None:
    change(models / "models.yaml", before, after)
    with pytest.raises(ProgramRulesError, match=told):
        check_program_rules()


def test_a_damaged_model_is_refused(models: Path) -> None:
    (models / "default.json").write_text("{}")
    with pytest.raises(ProgramRulesError, match=r"models/: default\.json: it is no model"):
        check_program_rules()

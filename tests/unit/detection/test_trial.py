"""What is shipped passes the trial that comes before anything becomes active."""

from pathlib import Path
from typing import Final

from fraudstream.detection.models.model import load
from fraudstream.detection.trial import check_model, check_ruleset
from fraudstream_tools.rules.folder import RulesFolder

ROOT: Final = Path(__file__).resolve().parents[3]


def test_the_shipped_rules_judge_the_trial_transactions() -> None:
    check_ruleset(RulesFolder(ROOT / "rules").load())


def test_the_shipped_model_scores_the_trial_vectors() -> None:
    check_model(load((ROOT / "models" / "default.json").read_bytes()))

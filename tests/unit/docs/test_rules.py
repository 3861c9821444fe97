"""The documents say what the rules say."""

import re
from pathlib import Path

from fraudstream.detection.rules import ruleset
from fraudstream.detection.rules.language import checker, parser
from fraudstream.detection.rules.rule import Rule
from fraudstream.detection.scoring import score_of
from fraudstream_tools.rules.folder import RulesFolder

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "detection.md").read_text()
RULES = RulesFolder(ROOT / "rules").load()


def row(rule: Rule) -> str:
    effect = rule.decision or f"{rule.points:+g}"
    parameters = ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else format(value, 'g')}"
        for name, value in rule.parameters.items()
        if not isinstance(value, str)
    )
    shadow = " (shadow)" if rule.mode == "shadow" else ""
    cells = (f"`{rule.id}`", f"{effect}{shadow}", rule.signal or "", rule.description, parameters, rule.source)
    return "| " + " | ".join(" ".join(str(cell).split()) for cell in cells) + " |"


def test_every_rule_is_documented_in_its_order_as_it_stands_in_the_ruleset() -> None:
    section = DOCUMENT.partition("### The rules that ship")[2].partition("\n#")[0]
    documented = [line for line in section.splitlines() if line.startswith("| `")]
    assert documented == [row(rule) for rule in RULES.rules]


def test_bounds_are_those_of_the_code() -> None:
    section = " ".join(DOCUMENT.partition("## Rules")[2].partition("\n## ")[0].split())
    for bound in (
        f"{parser.MAX_LENGTH:,} characters",
        f"{parser.MAX_NODES} parts",
        f"{parser.MAX_DEPTH} levels",
        f"texts of {parser.MAX_TEXT}",
        f"{ruleset.MAX_RULES} rules",
        f"{ruleset.MAX_RULESET_BYTES:,} bytes",
        f"score {RULES.thresholds.review} it is reviewed, from {RULES.thresholds.decline} on declined",
        f"`baseLogOdds` of {RULES.base_log_odds:g}",
    ):
        assert bound in section
    assert all(f"`{name}" in section for name in checker.FUNCTION_NAMES)


def test_points_make_the_scores_that_are_said() -> None:
    said = re.search(r"Alone, ((?:\d points? makes? a score of \d+(?:, |; )?)+)", " ".join(DOCUMENT.split()))
    assert said
    for points, score in re.findall(r"(\d) points? makes? a score of (\d+)", said[1]):
        assert score_of(RULES.base_log_odds + int(points)) == int(score)

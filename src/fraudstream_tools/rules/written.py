"""What nobody can have meant in a rule, though the analyzer reads it.

Functions go on reading such a rule, so that no ruleset that is active stops being one by an upgrade. Whoever writes or
publishes rules is told.
"""

from collections.abc import Iterator

from fraudstream.contract import RULESET_FILE
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.rules.rule import Rule
from fraudstream.detection.rules.ruleset import MAX_RULESET_BYTES, MAX_RULESET_VALUES, Ruleset, RulesetError
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES
from fraudstream_tools.rules.comparisons import unmet
from fraudstream_tools.rules.taken_names import EXPLORATION, MODEL, MODEL_CODES


def check_written(ruleset: Ruleset, content: bytes) -> None:
    """Check that each comparison of a ruleset can be met by some transaction, and that its names are no others'.

    Args:
        ruleset: that can be used.
        content: its own file, for the lines of the rules.

    Raises:
        RulesetError: every comparison that none can meet, and every name that is taken.
    """
    problems = [(position, rule, problem) for position, rule in enumerate(ruleset.rules) for problem in _problems(rule)]
    if not problems:
        return
    lines = strict_yaml.read(content, most_bytes=MAX_RULESET_BYTES, most_values=MAX_RULESET_VALUES).lines
    raise RulesetError(
        [
            f"{RULESET_FILE}: line {lines.get(('rules', position), 0)}: rule {rule.id}: {problem}"
            for position, rule, problem in problems
        ]
    )


def _problems(rule: Rule) -> Iterator[str]:
    # Reports, events, and the queue tell by these names what no rule has said.
    if rule.id in (MODEL, EXPLORATION):
        yield f"id: {rule.id} stands for what no rule has said: choose another"
    if rule.reason_code in NO_RULES_CODES or rule.reason_code.startswith(MODEL_CODES):
        yield f"reasonCode: {rule.reason_code} is of no rule, and its hits would be counted as none's: choose another"
    for problem in unmet(rule):
        yield f"when: {problem}"

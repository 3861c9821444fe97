"""Rules: what each looks for, in words; and who changed the ruleset when and why."""

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.detection.rules.language import parser
from fraudstream.detection.rules.rule import Rule
from fraudstream_tools.console.rendering import page
from fraudstream_tools.rules.trace import parameters_of
from fraudstream_tools.rules.words import in_words

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

VERSIONS: Final = 20
"""Of the history that the page shows; own choice: each costs a few requests."""


@dataclass(frozen=True, kw_only=True)
class RuleInWords:
    """A rule as the page shows it."""

    rule: Rule
    effect: str
    conditions: list[str]
    figures: dict[str, Any] | None
    """Of the newest report; None where it does not name the rule."""


def show(request: Request) -> Response:
    """Answer with the rules of the active ruleset."""
    system: ConsoleSystem = request.app.state.system
    ruleset = system.ruleset
    days = system.reports.days()
    report = system.reports.summary(days[0]) if days else None
    figures = {each.get("source"): each for each in (report or {}).get("rules", ())}
    return page(
        request,
        "rules",
        ruleset=ruleset,
        day=days[0] if report else None,
        rules=[
            RuleInWords(
                rule=rule,
                effect=rule.decision.value if rule.decision is not None else f"{rule.points or 0.0:+g} points",
                conditions=in_words(parser.parsed(rule.when), parameters_of(rule)),
                figures=figures.get(rule.id),
            )
            for rule in (ruleset.rules if ruleset else ())
        ],
    )


def history(request: Request) -> Response:
    """Answer with the newest versions of the ruleset."""
    system: ConsoleSystem = request.app.state.system
    versions = list(islice(system.rulesets.history(), VERSIONS))
    waiting = system.publishing.waiting() if versions and versions[0].waits else None
    return page(request, "rules_history", versions=versions, waiting=waiting, most=VERSIONS)

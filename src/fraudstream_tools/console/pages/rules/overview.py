"""Rules: what each looks for, in words; and who changed the ruleset when and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.detection.rules.language import parser
from fraudstream.detection.rules.rule import Rule
from fraudstream.reporting.render.html import SHOWN_VALUES
from fraudstream_tools.console.rendering import page
from fraudstream_tools.rules.trace import parameters_of
from fraudstream_tools.rules.words import in_words, share_in_words

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

VERSIONS: Final = 20
"""Versions of the history that the page shows; own choice: each costs a few requests."""
DAYS: Final = 7
"""Reports in which a rule's hits are compared; own choice: one request for each."""


@dataclass(frozen=True, kw_only=True)
class RuleInWords:
    """A rule as the page shows it."""

    rule: Rule
    effect: str
    counts_for: str | None
    """The share of the customers; None where it counts for all, or for nobody."""
    conditions: list[str]
    figures: dict[str, Any] | None
    """Figures of its hits that counted, by the newest report; None where it does not name the rule."""
    watched: dict[str, Any] | None
    """Figures of its hits that did not count."""
    trend: list[tuple[date, int]]
    """Hits of either kind on the newest days that have a report, oldest first."""


def show(request: Request) -> Response:
    """Answer with the rules of the active ruleset."""
    system: ConsoleSystem = request.app.state.system
    ruleset = system.ruleset
    days = system.reports.days()
    reports = {day: system.reports.summary(day) or {} for day in reversed(days[:DAYS])}
    counted, watched = ({day: _by_rule(reports[day], part) for day in reports} for part in ("rules", "shadowRules"))
    newest = days[0] if days else None
    return page(
        request,
        "rules",
        ruleset=ruleset,
        day=newest,
        is_counted=bool(newest and reports[newest]),
        shown_values=SHOWN_VALUES,
        rules=[
            RuleInWords(
                rule=rule,
                counts_for=None if rule.share is None else share_in_words(rule),
                effect=effect_of(rule),
                conditions=in_words(parser.parsed(rule.when), parameters_of(rule)),
                figures=counted[newest].get(rule.id) if newest else None,
                watched=watched[newest].get(rule.id) if newest else None,
                trend=[
                    (day, sum(of_kind[day].get(rule.id, {}).get("hits", 0) for of_kind in (counted, watched)))
                    for day in reports
                ],
            )
            for rule in (ruleset.rules if ruleset else ())
        ],
    )


def effect_of(rule: Rule) -> str:
    """Return what a rule's hit does, in words."""
    return rule.decision.value if rule.decision is not None else f"{rule.points or 0.0:+g} points"


def _by_rule(report: Mapping[str, Any], part: str) -> dict[str, dict[str, Any]]:
    return {each["source"]: each for each in report.get(part, ())}


def history(request: Request) -> Response:
    """Answer with the newest versions of the ruleset."""
    system: ConsoleSystem = request.app.state.system
    versions = list(islice(system.rulesets.history(), VERSIONS))
    waiting = system.publishing.waiting() if versions and versions[0].waits else None
    has_my_mark = waiting is not None and system.publishing.has_marked(waiting)
    return page(request, "rules_history", versions=versions, waiting=waiting, has_my_mark=has_my_mark, most=VERSIONS)

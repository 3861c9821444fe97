"""Rules become active: what changes is shown, and asked once more before a draft or an earlier ruleset counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.detection.rules.rule import Mode, Rule
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream_tools.console.changes import begin_change, changed, refused
from fraudstream_tools.console.pages.rules.edit import show_editor
from fraudstream_tools.console.pages.rules.overview import effect_of
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.audit.change_note import ReasonError, checked_reason
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError, RulesetPlan
from fraudstream_tools.operations.rulesets.differences import ChangeKind
from fraudstream_tools.operations.rulesets.drafts import in_shadow
from fraudstream_tools.operations.rulesets.history import NoSuchVersionError, checked
from fraudstream_tools.rules.words import share_in_words

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

_HISTORY: Final = "/rules/history"
MAY_BE_STORED: Final = (
    "some or all of the ruleset may be stored all the same: look at the history of the rules before you publish again"
)
"""What is said where AWS fails while a draft is published."""


@dataclass(frozen=True, kw_only=True)
class LiveRule:
    """A rule that is new or changed, and counts as soon as the ruleset is active."""

    rule: Rule
    effect: str
    counts_for: str | None
    """The share of the customers; None where it counts for all."""
    is_new: bool


def publish(request: Request) -> Response:
    """Ask once more for a draft, then make it active; a draft that cannot be is shown again, with why."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    draft, base, reason = form.get("draft", ""), form.get("base", ""), form.get("reason", "")
    try:
        checked_reason(reason)
        plan = system.publishing.plan(draft, base=base)
        if form.get("seen") != plan.digest:
            return _ask(request, plan, draft=draft, base=base, reason=reason)
        begin_change(request, _HISTORY)
        system.publishing.publish(draft, base=base, reason=reason)
    except RulesetError as error:
        return show_editor(request, draft, base=base, problems=error.problems)
    except (ConcurrentChangeError, ReasonError) as error:
        return show_editor(request, draft, base=base, problems=[f"nothing was changed: {error}"])
    return _to_history(request, lambda: _published(system, plan, "active within a minute"))


def watch_first(request: Request) -> Response:
    """Answer with the editor, and a draft in which the new rules are in shadow: nothing is published."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    draft, base = form.get("draft", ""), form.get("base", "")
    try:
        new = {each.rule.id for each in live_rules(system.publishing.check(draft)) if each.is_new}
        watched = in_shadow(draft, new)
        plan = system.publishing.check(watched)
        left = sorted(new & {each.rule.id for each in live_rules(plan)})
    except RulesetError as error:
        return show_editor(request, draft, base=base, problems=error.problems)
    problems = [f"write `mode: shadow` yourself into {', '.join(left)}"] if left else []
    return show_editor(request, watched, base=base, plan=plan, problems=problems)


def roll_back(request: Request) -> Response:
    """Ask once more for an earlier ruleset, then make it active again."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    version, reason = form.get("version", ""), form.get("reason", "")
    try:
        checked_reason(reason)
        plan = system.rulesets.plan_rollback(version)
    except (NoSuchVersionError, ReasonError) as error:
        return refused(request, _HISTORY, error)
    base = plan.stored.digest
    if (form.get("seen"), form.get("base")) != (plan.digest, base):
        return _ask(request, plan, version=version, base=base, reason=reason)

    def change() -> str:
        done = system.publishing.roll_back(version, base=base, reason=reason)
        return _published(system, done, "active again within a minute")

    return _to_history(request, change)


def approve(request: Request) -> Response:
    """Write the person's mark for the ruleset that waits for another person."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form

    def change() -> str:
        system.publishing.approve(form.get("digest", ""), reason=form.get("reason", ""))
        return "You have approved the ruleset. It counts within a minute."

    return _to_history(request, change)


def live_rules(plan: RulesetPlan) -> list[LiveRule]:
    """Return the rules of a plan that are new or changed and not in shadow."""
    kinds = {each.rule: each.kind for each in plan.difference.rules}
    return [
        LiveRule(
            rule=rule,
            effect=effect_of(rule),
            counts_for=None if rule.share is None else share_in_words(rule),
            is_new=kinds[rule.id] is ChangeKind.ADDED,
        )
        for rule in checked(plan.contents).rules
        if rule.id in kinds and rule.mode is Mode.LIVE
    ]


def _ask(
    request: Request, plan: RulesetPlan, *, base: str, reason: str, draft: str | None = None, version: str | None = None
) -> Response:
    """Answer with what would change, and the form that changes it."""
    system: ConsoleSystem = request.app.state.system
    return page(
        request,
        "rules_ask",
        plan=plan,
        base=base,
        reason=reason,
        draft=draft,
        version=version,
        live=live_rules(plan),
        trial=system.trial_of(plan),
        waits=system.publishing.waits(plan),
    )


def _published(system: "ConsoleSystem", plan: RulesetPlan, when: str) -> str:
    if system.publishing.waits(plan):
        return f"Ruleset {plan.after} is stored, and waits until somebody else has approved it."
    return f"Ruleset {plan.after} is {when}."


def _to_history(request: Request, change: Callable[[], str]) -> Response:
    answer = changed(request, _HISTORY, change)
    request.app.state.system.forget_ruleset()
    return answer

"""The editor of rules: a draft is checked as the functions do, compared with what is active, and published."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.contract import RULESET_FILE
from fraudstream.detection.rules.language.fields import FIELDS
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream_tools.console.changes import changed
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.audit.change_note import ReasonError
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError, RulesetPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from fraudstream_tools.console.system import ConsoleSystem


def show(request: Request) -> Response:
    """Answer with the editor, and the active rules in it."""
    system: ConsoleSystem = request.app.state.system
    stored = system.rulesets.stored().contents.get(RULESET_FILE, b"")
    ruleset = system.ruleset
    return show_editor(request, stored.decode("utf-8", "replace"), base=ruleset.version if ruleset else "")


def check(request: Request) -> Response:
    """Answer with the editor, what is wrong with the draft, and what would change."""
    system: ConsoleSystem = request.app.state.system
    draft, base = request.state.form.get("draft", ""), request.state.form.get("base", "")
    try:
        plan = system.publishing.check(draft)
    except RulesetError as error:
        return show_editor(request, draft, base=base, problems=error.problems)
    return show_editor(request, draft, base=base, plan=plan)


def publish(request: Request) -> Response:
    """Make a draft active; a draft that cannot be is shown again, with why."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    draft, base = form.get("draft", ""), form.get("base", "")
    try:
        plan = system.publishing.publish(draft, base=base, reason=form.get("reason", ""))
    except RulesetError as error:
        return show_editor(request, draft, base=base, problems=error.problems)
    except (ConcurrentChangeError, ReasonError) as error:
        return show_editor(request, draft, base=base, problems=[f"nothing was changed: {error}"])
    return _to_history(request, lambda: _published(system, plan.after, "active within a minute"))


def roll_back(request: Request) -> Response:
    """Make an earlier ruleset active again."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form

    def change() -> str:
        plan = system.publishing.roll_back(form.get("version", ""), reason=form.get("reason", ""))
        return _published(system, plan.after, "active again within a minute")

    return _to_history(request, change)


def approve(request: Request) -> Response:
    """Write the person's mark for the ruleset that waits for another person."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    version = form.get("version", "")

    def change() -> str:
        system.publishing.approve(version, reason=form.get("reason", ""))
        return f"You have approved ruleset {version}."

    return _to_history(request, change)


def _published(system: "ConsoleSystem", version: str, when: str) -> str:
    if system.approved_ruleset:
        return f"Ruleset {version} is stored, and waits until somebody else has approved it."
    return f"Ruleset {version} is {when}."


def show_editor(
    request: Request,
    draft: str,
    *,
    base: str,
    plan: RulesetPlan | None = None,
    problems: object = (),
    trial: object = None,
) -> Response:
    """Answer with the editor.

    Args:
        request: what it answers.
        draft: the text to edit.
        base: the version of the ruleset that it was made from.
        plan: what would change; None where that was not asked.
        problems: what is wrong.
        trial: what fixtures and a copy of the log said; None where that was not asked.
    """
    fields = [field.name for field in FIELDS]
    return page(request, "rules_edit", draft=draft, base=base, plan=plan, problems=problems, trial=trial, fields=fields)


def _to_history(request: Request, change: "Callable[[], str]") -> Response:
    answer = changed(request, "/rules/history", change)
    request.app.state.system.forget_ruleset()
    return answer

"""The editor of rules: a draft is checked as the functions do, and compared with what is active."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.contract import RULESET_FILE
from fraudstream.detection.rules.language.fields import FIELDS
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.rulesets.active import RulesetPlan

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem


def show(request: Request) -> Response:
    """Answer with the editor, and the active rules in it."""
    system: ConsoleSystem = request.app.state.system
    stored = system.rulesets.stored()
    text = stored.contents.get(RULESET_FILE, b"").decode("utf-8", "replace")
    return show_editor(request, text, base=stored.digest)


def check(request: Request) -> Response:
    """Answer with the editor, what is wrong with the draft, and what would change."""
    system: ConsoleSystem = request.app.state.system
    draft, base = request.state.form.get("draft", ""), request.state.form.get("base", "")
    try:
        plan = system.publishing.check(draft)
    except RulesetError as error:
        return show_editor(request, draft, base=base, problems=error.problems)
    return show_editor(request, draft, base=base, plan=plan)


def show_editor(
    request: Request,
    draft: str,
    *,
    base: str,
    plan: RulesetPlan | None = None,
    problems: object = (),
    trial: object = None,
    status: int = 200,
) -> Response:
    """Answer with the editor.

    Args:
        request: what it answers.
        draft: the text to edit.
        base: the digest of what was stored when it was made.
        plan: what would change; None where that was not asked.
        problems: what is wrong.
        trial: what fixtures and a copy of the log said; None where that was not asked.
        status: of the answer.
    """
    # What was sent is nowhere else, and the reason with it.
    is_sent = request.method == "POST"
    return page(
        request,
        "rules_edit",
        status,
        draft=draft,
        base=base,
        plan=plan,
        problems=problems,
        trial=trial,
        fields=[field.name for field in FIELDS],
        is_sent=is_sent,
        reason=request.state.form.get("reason", "") if is_sent else "",
    )

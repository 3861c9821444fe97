"""A draft of rules while it is written: what is wrong with it, and what it would have done."""

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fraudstream.contract import RULESET_FILE
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.cli.support.shown.explored_words import explored_words
from fraudstream_tools.console.pages.rules.edit import show_editor
from fraudstream_tools.operations.rulesets.publishing import draft_file
from fraudstream_tools.operations.rulesets.trials import DraftBacktest, FixtureRun, try_fixtures, try_on_log
from fraudstream_tools.rules.fixtures import FixtureError

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

CHANGES: Final = 100
"""Transactions on the page; own choice."""


def problems(request: Request) -> Response:
    """Answer with what is wrong with a draft, for the editor's script, which asks while somebody writes."""
    system: ConsoleSystem = request.app.state.system
    try:
        ruleset = system.publishing.read(request.state.form.get("draft", ""))
    except RulesetError as error:
        return JSONResponse({"problems": error.problems})
    return JSONResponse({"problems": [], "rules": len(ruleset.rules)})


def try_out(request: Request) -> Response:
    """Answer with the editor, and what fixtures and a copy of the log say of the draft."""
    system: ConsoleSystem = request.app.state.system
    draft, base = request.state.form.get("draft", ""), request.state.form.get("base", "")
    try:
        plan = system.publishing.check(draft)
        files = {**plan.stored.contents, RULESET_FILE: draft_file(draft)}
        fixtures = try_fixtures(system.rules, files) if system.has_fixtures else None
    except RulesetError as error:
        return show_editor(request, draft, base=base, problems=error.problems)
    except FixtureError as error:
        return show_editor(request, draft, base=base, problems=[str(error)])
    try:
        trial = _Trial(fixtures, backtest := _on_log(system, files))
        system.remember_trial(plan, backtest)
    except (DecisionLogError, QuestionError) as error:
        # A young system has no log yet, and its fixtures are worth as much.
        trial = _Trial(fixtures, None, str(error))
    return show_editor(request, draft, base=base, plan=plan, trial=trial)


def _on_log(system: "ConsoleSystem", files: dict[str, bytes]) -> DraftBacktest | None:
    folder = system.log.to_folder() if system.log else None
    return try_on_log(folder, system.rulesets.active_files(), files) if folder else None


class _Trial:
    """What was found, as the page shows it."""

    def __init__(
        self, fixtures: FixtureRun | None, backtest: DraftBacktest | None, log_problem: str | None = None
    ) -> None:
        self.fixtures = fixtures
        self.backtest = backtest
        self.log_problem = log_problem
        found = backtest.figures if backtest else None
        self.explored = explored_words(found.explored, found.first) if found and found.explored else None
        self.shown = backtest.changes[:CHANGES] if backtest else ()

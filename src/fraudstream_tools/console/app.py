"""The console as a web application."""

import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import ROLL_UP_MINUTE
from fraudstream.durations import HOUR, MINUTE
from fraudstream_tools.analytics.answers import NoHourYetError, QuestionError
from fraudstream_tools.cli.support.terminal.failures import CREDENTIALS_HINT, LOCAL_HINT, TRACEBACK, fault, sentence
from fraudstream_tools.console import refused_forms, request_counts
from fraudstream_tools.console.guard import Guard
from fraudstream_tools.console.pages import (
    audit,
    case,
    case_actions,
    labels,
    links,
    lists,
    models,
    queue,
    reports,
    search,
    today,
)
from fraudstream_tools.console.pages.rules import edit, overview, publish, trial
from fraudstream_tools.console.rendering import page
from fraudstream_tools.console.sessions import ConsoleSession
from fraudstream_tools.console.system import ConsoleSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

_STATIC: Final = Path(__file__).parent / "static"
_NO_PAGE: Final = {
    HTTPStatus.NOT_FOUND.phrase: "there is no page at this address: the links above lead to all that there are",
    HTTPStatus.METHOD_NOT_ALLOWED.phrase: "this address only takes what a page sends: open that page and send it there",
}
"""What is said in place of the words of HTTP."""
_CASE_ACTIONS: Final = {
    "take": case_actions.take,
    "give-back": case_actions.give_back,
    "decide": case_actions.decide,
    "approve": case_actions.approve_label,
    "action": case_actions.tell_action,
    "note": case_actions.note,
    "snooze": case_actions.snooze,
    "wake": case_actions.wake,
    "close": case_actions.close,
    "hand-over": case_actions.hand_over,
    "reopen": case_actions.reopen,
    "list": case_actions.add_to_list,
}


class RequestCounting:
    """Counts the requests to AWS of each page."""

    def __init__(self, app: "ASGIApp") -> None:
        """Wrap the application that answers the requests."""
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Begin to count, and hand the request on."""
        request_counts.begin()
        await self._app(scope, receive, send)


class FaultPages:
    """Answers with a page where the program itself is at fault, and shows no traceback unless it is asked for."""

    def __init__(self, app: "ASGIApp") -> None:
        """Wrap the application that answers the requests."""
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Hand the request on."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if os.environ.get(TRACEBACK):
                raise
            answer = _fault(Request(scope, receive), error)
            await answer(scope, receive, send)


def make_app(system: ConsoleSystem, session: ConsoleSession) -> Starlette:
    """Build the application.

    Args:
        system: the fraudstream that it shows.
        session: who may see it.
    """
    app = Starlette(
        routes=[
            Route("/", today.show),
            Route("/queue", queue.show),
            Route("/queue/next", queue.lead_on),
            Route("/case", case.show),
            *(Route(f"/case/{name}", _in_turn(act), methods=["POST"]) for name, act in _CASE_ACTIONS.items()),
            Route("/links", links.show),
            Route("/search", search.show),
            Route("/search", search.ask, methods=["POST"]),
            Route("/search/find", search.find, methods=["POST"]),
            Route("/search/log", search.look_in_log),
            Route("/labels", labels.show),
            Route("/labels/approve", labels.approve, methods=["POST"]),
            Route("/lists", lists.show),
            Route("/lists/remove", lists.remove, methods=["POST"]),
            Route("/lists/approve", lists.approve, methods=["POST"]),
            Route("/rules", overview.show),
            Route("/rules/history", overview.history),
            Route("/rules/edit", edit.show),
            Route("/rules/check", edit.check, methods=["POST"]),
            Route("/rules/problems", trial.problems, methods=["POST"]),
            Route("/rules/try", trial.try_out, methods=["POST"]),
            Route("/rules/watch", publish.watch_first, methods=["POST"]),
            Route("/rules/publish", publish.publish, methods=["POST"]),
            Route("/rules/approve", publish.approve, methods=["POST"]),
            Route("/rules/roll-back", publish.roll_back, methods=["POST"]),
            Route("/models", models.show),
            Route("/models/approve", models.approve, methods=["POST"]),
            Route("/reports", reports.show),
            Route("/report", reports.read),
            Route("/audit", audit.show),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, session=session), Middleware(RequestCounting), Middleware(FaultPages)],
        exception_handlers={
            HTTPException: _problem,
            ClientError: _aws_problem,
            BotoCoreError: _aws_problem,
            TimeoutError: _aws_problem,
            NoHourYetError: _no_hour_yet,
            QuestionError: _unanswered,
        },
    )
    app.state.system, app.state.session = system, session
    return app


def _in_turn(act: "Callable[[Request], Response]") -> "Callable[[Request], Response]":
    """Return what answers one form after the other."""

    def answer(request: Request) -> Response:
        with request.app.state.session.turn:
            return act(request)

    return answer


def _problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = error.detail if isinstance(error, HTTPException) else ""
    return _problem_page(request, status, _NO_PAGE.get(said, said))


def _unanswered(request: Request, error: Exception) -> Response:
    return _problem_page(request, 503, str(error))


def _no_hour_yet(request: Request, error: Exception) -> Response:
    """Answer instead of a page of the log, whose answer this is: nothing is broken, and nothing is missing."""
    del error  # the page says it in more words
    now = epoch_milliseconds()
    merged_at = now - now % HOUR + ROLL_UP_MINUTE * MINUTE
    if merged_at <= now:
        merged_at += HOUR
    asked = request.query_params
    return page(request, "no_hour_yet", merged_at=merged_at, transaction=asked.get("id"), token=asked.get("q"))


def _aws_problem(request: Request, error: Exception) -> Response:
    said = sentence(error) or f"AWS gives no answer: {type(error).__name__}"
    if CREDENTIALS_HINT in said:
        # A profile, and keys that do not renew themselves, are read when the console starts.
        said += "; where that does not help, copy what you have written here, and start the console again"
    if LOCAL_HINT in said:
        said += ". Then copy what you have written here, and start the console again: it asks the one that is gone"
    # Before anything was written, a refusal has changed nothing.
    return _failed(request, 502, said, is_in_doubt=request_counts.has_written() or not isinstance(error, ClientError))


def _fault(request: Request, error: Exception) -> Response:
    return _failed(request, 500, sentence(error) or fault(error), is_in_doubt=request_counts.has_written())


def _failed(request: Request, status: int, said: str, *, is_in_doubt: bool) -> Response:
    """Answer that something failed, and keep what was typed.

    Args:
        request: what failed.
        status: of the answer.
        said: what is said of it.
        is_in_doubt: whether something may have been changed.
    """
    look_at: str | None = getattr(request.state, "changing", None) if is_in_doubt else None
    if request.method == "POST":
        form = request.state.form
        if "draft" in form:
            problems = [said, publish.MAY_BE_STORED] if look_at else [said]
            return edit.show_editor(request, form["draft"], base=form.get("base", ""), problems=problems, status=status)
        refused_forms.keep(request)
    return _problem_page(request, status, said, look_at)


def _problem_page(request: Request, status: int, problem: str, look_at: str | None = None) -> Response:
    return page(request, "problem", status, problem=problem, look_at=look_at)

"""What a form asks for: it is done or refused, and the page that it leads to says which."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudstream.detection.models.model import ModelError
from fraudstream_tools.console import refused_forms
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.audit.change_note import ReasonError
from fraudstream_tools.operations.lists.entries import ListError
from fraudstream_tools.operations.review.assignments import AlertTakenError
from fraudstream_tools.operations.review.labels import LabelError
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError
from fraudstream_tools.operations.rulesets.history import NoSuchVersionError

_REFUSALS: Final = (
    AlertTakenError,
    ApprovalError,
    ConcurrentChangeError,
    LabelError,
    ListError,
    ModelError,
    NoSuchVersionError,
    ReasonError,
)
"""What operations raise where a person may not do something, or not any more."""


def changed(request: Request, address: str, change: Callable[[], str]) -> Response:
    """Make a change, and lead to a page that says what came of it.

    Args:
        request: what is answered.
        address: of the page.
        change: makes it, and returns what the page says.
    """
    begin_change(request, address)
    try:
        said = change()
    except _REFUSALS as error:
        return refused(request, address, error)
    refused_forms.forget(request)
    request.app.state.session.notices.append(said)
    return RedirectResponse(address, status_code=303)


def begin_change(request: Request, address: str) -> None:
    """Note that a change is made from now on: where AWS fails in it, nobody knows how much of it is done.

    Args:
        request: what is answered.
        address: of the page that shows what came of it.
    """
    request.state.changing = address


def refused(request: Request, address: str, why: Exception) -> Response:
    """Lead to a page that says why nothing was changed, and has what was typed.

    Args:
        request: what is answered.
        address: of the page.
        why: what the operation said.
    """
    refused_forms.keep(request, address)
    request.app.state.session.notices.append(f"Nothing was changed: {why}.")
    return RedirectResponse(address, status_code=303)

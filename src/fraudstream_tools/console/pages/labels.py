"""Labels that wait for a second person."""

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.audit.change_note import ReasonError

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

SHOWN: Final = 100
"""Labels on the page; own choice: two requests."""


def show(request: Request) -> Response:
    """Answer with the page."""
    system: ConsoleSystem = request.app.state.system
    approval = system.label_approval
    found = list(approval.waiting(SHOWN)) if approval else []
    return page(request, "labels", two_people=approval is not None, found=found, most=SHOWN)


def approve(request: Request) -> Response:
    """Write the person's mark for a label that waits for another person."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    try:
        system.closing.approve_label(form.get("id", ""), form.get("digest", ""), reason=form.get("reason", ""))
        said = "You have approved it. It counts within a second."
    except (ApprovalError, ReasonError) as error:
        said = f"Nothing was changed: {error}."
    request.app.state.session.notices.append(said)
    return RedirectResponse("/labels", status_code=303)

"""Labels that wait for a second person."""

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from fraudstream_tools.console.changes import changed
from fraudstream_tools.console.rendering import page

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

SHOWN: Final = 100
"""Labels on the page; own choice: two requests."""


def show(request: Request) -> Response:
    """Answer with the page."""
    system: ConsoleSystem = request.app.state.system
    approval = system.label_approval
    waiting = list(approval.waiting(SHOWN)) if approval else []
    return page(request, "labels", two_people=approval is not None, found=waiting, most=SHOWN)


def approve(request: Request) -> Response:
    """Write the person's mark for a label that waits for another person."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form

    def change() -> str:
        system.closing.approve_label(form.get("id", ""), form.get("digest", ""), reason=form.get("reason", ""))
        return "You have approved it. It counts within a second."

    return changed(request, "/labels", change)

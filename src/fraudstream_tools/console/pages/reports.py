"""Reports: the days that have one, and a day's report as it is stored."""

from datetime import date
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.reporting.tasks.asked import FIRST_DAY
from fraudstream_tools.cli.support.terminal.ages import LAST_DAY
from fraudstream_tools.console.rendering import page

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

_REPORT_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
"""A report has its style in it, and nothing that runs; it may do nothing in the console's name."""


def show(request: Request) -> Response:
    """Answer with the days that have a report."""
    system: ConsoleSystem = request.app.state.system
    return page(request, "reports", days=system.reports.days())


def read(request: Request) -> Response:
    """Answer with a day's report."""
    system: ConsoleSystem = request.app.state.system
    content = system.reports.read(day_of(request), "html")
    if content is None:
        raise HTTPException(404, "there is no report of this day: `fraudstream report --date DAY` creates one")
    return Response(content, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY})


def day_of(request: Request) -> date:
    """Return the day that a query string names.

    Raises:
        HTTPException: it names none, or one without days around it.
    """
    try:
        day = date.fromisoformat(request.query_params.get("date", ""))
    except ValueError:
        raise HTTPException(400, "which day? Write it as 2026-11-23") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise HTTPException(400, f"which day? Write one from {FIRST_DAY} to {LAST_DAY}")
    return day

"""Audit: what people did on a day."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from fraudstream_tools.console.pages.reports import day_of
from fraudstream_tools.console.rendering import page

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

SHOWN: Final = 50
"""Records on the page; own choice: one request for each."""


def show(request: Request) -> Response:
    """Answer with the page of a day; without one, of today."""
    system: ConsoleSystem = request.app.state.system
    day: date = day_of(request) if request.query_params.get("date") else datetime.now(UTC).date()
    records, total = system.audit.of_day(day, SHOWN)
    return page(
        request,
        "audit",
        day=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
        records=[record for record in records if record.refuses is None and record.doubts is None],
        refused={(record.user_id, record.refuses) for record in records},
        doubted={(record.user_id, record.doubts) for record in records},
        total=total,
        most=SHOWN,
    )

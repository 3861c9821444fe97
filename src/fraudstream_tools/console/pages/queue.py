"""The queue: cases that a person must look at."""

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.transaction import Channel
from fraudstream_tools.console.queue_place import QueuePlace
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.cases.queue import CaseOrder, CaseQuery, CaseState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fraudstream_tools.console.system import ConsoleSystem

_Choice = TypeVar("_Choice", bound=StrEnum)
_Otherwise = TypeVar("_Otherwise")

SHOWN: Final = 50
"""Cases on a page; own choice."""
LOOKED_AT: Final = 1000
"""Alerts among which they are found and sorted; own choice: ten requests for their transactions at most."""
_NOBODY: Final = "nobody"
_ME: Final = "me"


def show(request: Request) -> Response:
    """Answer with the page that a query string asks for."""
    system: ConsoleSystem = request.app.state.system
    asked = request.query_params
    query = _query(system, asked)
    cases = system.case_queue.find(query, among=LOOKED_AT)
    level, now = system.service_level, epoch_milliseconds()
    # Whoever has a case has taken it in time, or not; a closed one waits for nobody.
    waits = query.state in (CaseState.OPEN, CaseState.EXPIRED)
    ruleset = system.ruleset
    return page(
        request,
        "queue",
        cases=cases[:SHOWN],
        count=len(cases),
        overdue={each.first.transaction_id for each in cases if waits and level.is_overdue(each.since, now)},
        level=level,
        looked_at=LOOKED_AT,
        query=query,
        who=asked.get("who", ""),
        place=QueuePlace.of_queue(asked),
        colleagues=sorted({holder for each in cases for holder in each.holders} - {system.operator.arn}),
        least=asked.get("least", ""),
        states=tuple(CaseState),
        orders=tuple(CaseOrder),
        channels=tuple(Channel),
        rules=[rule.id for rule in ruleset.rules] if ruleset else [],
        base=ruleset.rates.base if ruleset else None,
    )


def lead_on(request: Request) -> Response:
    """Lead to the case that follows in the queue, without those that a colleague has unless they were asked for."""
    system: ConsoleSystem = request.app.state.system
    place, after = QueuePlace.carried(request.query_params), request.query_params.get("after", "")
    query = _query(system, place.filters)
    cases = system.case_queue.find(query, among=LOOKED_AT)
    here = next(
        (row for row, case in enumerate(cases) if any(each.transaction_id == after for each in case.alerts)), None
    )
    # A case that is closed has left, and what followed stands in its row.
    start = place.row if here is None else here + 1
    for row, case in enumerate(cases[start:], start):
        if query.assignee or not case.holders or system.operator.arn in case.holders:
            return RedirectResponse(place.at(row).case_url(case.first.transaction_id), status_code=303)
    request.app.state.session.notices.append("No case follows in this queue: this is what is left of it.")
    return RedirectResponse(place.queue_url, status_code=303)


def _query(system: "ConsoleSystem", asked: "Mapping[str, str]") -> CaseQuery:
    """Return what a query string asks for; what it says wrongly is left aside."""
    who = asked.get("who", "")
    return CaseQuery(
        state=_one_of(CaseState, asked.get("state"), CaseState.OPEN),
        order=_one_of(CaseOrder, asked.get("sort"), CaseOrder.LOSS),
        rule=asked.get("rule") or None,
        channel=_one_of(Channel, asked.get("channel"), None),
        minimum_value=_number(asked.get("least")),
        assignee={"": None, _NOBODY: "", _ME: system.operator.arn}.get(who, who),
    )


def _one_of(kind: type[_Choice], text: str | None, otherwise: _Otherwise) -> _Choice | _Otherwise:
    try:
        return kind(text) if text else otherwise
    except ValueError:
        return otherwise


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

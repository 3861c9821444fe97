"""The queue: cases that a person must look at."""

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.transaction import Channel
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.cases.queue import CaseOrder, CaseQuery, CaseState

if TYPE_CHECKING:
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
    """Answer with the page that a query string asks for; what it says wrongly is left aside."""
    system: ConsoleSystem = request.app.state.system
    asked = request.query_params
    who = asked.get("who", "")
    query = CaseQuery(
        state=_one_of(CaseState, asked.get("state"), CaseState.OPEN),
        order=_one_of(CaseOrder, asked.get("sort"), CaseOrder.LOSS),
        rule=asked.get("rule") or None,
        channel=_one_of(Channel, asked.get("channel"), None),
        minimum_value=_number(asked.get("least")),
        assignee={"": None, _NOBODY: "", _ME: system.operator.arn}.get(who, who),
    )
    found = system.case_queue.find(query, among=LOOKED_AT)
    level, now = system.service_level, epoch_milliseconds()
    # Whoever has a case has taken it in time, or not; a closed one waits for nobody.
    waits = query.state in (CaseState.OPEN, CaseState.EXPIRED)
    ruleset = system.ruleset
    return page(
        request,
        "queue",
        cases=found[:SHOWN],
        count=len(found),
        overdue={each.first.transaction_id for each in found if waits and level.is_overdue(each.since, now)},
        level=level,
        looked_at=LOOKED_AT,
        query=query,
        who=who,
        colleagues=sorted({each.assignee for each in found if each.assignee} - {system.operator.arn}),
        least=asked.get("least", ""),
        states=tuple(CaseState),
        orders=tuple(CaseOrder),
        channels=tuple(Channel),
        rules=[rule.id for rule in ruleset.rules] if ruleset else [],
        base=ruleset.rates.base if ruleset else None,
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

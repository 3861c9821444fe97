"""The queue: alerts that a person must look at."""

from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from fraudstream.transactions.transaction import Channel
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.alerts import AlertOrder, AlertQuery, AlertStatus, grouped

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

_Choice = TypeVar("_Choice", bound=StrEnum)
_Otherwise = TypeVar("_Otherwise")

SHOWN: Final = 50
"""Alerts on a page; own choice."""
LOOKED_AT: Final = 1000
"""Alerts among which they are found and sorted; own choice: ten requests for their transactions at most."""
_NOBODY: Final = "nobody"
_ME: Final = "me"


def show(request: Request) -> Response:
    """Answer with the page that a query string asks for; what it says wrongly is left aside."""
    system: ConsoleSystem = request.app.state.system
    asked = request.query_params
    order = _one_of(AlertOrder, asked.get("sort"), AlertOrder.AMOUNT)
    status = _one_of(AlertStatus, asked.get("state"), AlertStatus.OPEN)
    channel = _one_of(Channel, asked.get("channel"), None)
    who = asked.get("who", "")
    query = AlertQuery(
        status=status,
        order=order,
        rule=asked.get("rule") or None,
        channel=channel,
        minimum_amount=_number(asked.get("least")),
        assignee={_NOBODY: "", _ME: system.operator.arn}.get(who),
    )
    found = system.queue.find(query, SHOWN + 1, among=LOOKED_AT)
    ruleset = system.ruleset
    return page(
        request,
        "queue",
        groups=grouped(found[:SHOWN]) if order is AlertOrder.NEWEST else [[alert] for alert in found[:SHOWN]],
        shown=min(len(found), SHOWN),
        is_more=len(found) > SHOWN,
        looked_at=LOOKED_AT,
        query=query,
        who=who,
        least=asked.get("least", ""),
        orders=tuple(AlertOrder),
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

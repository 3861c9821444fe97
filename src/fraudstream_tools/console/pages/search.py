"""Search: by a transaction's id, or by the token of a customer."""

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.console.pages.case import OTHERS, case_url
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.lists.entity_lists import KINDS

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

_PREFIX: Final = "tok_"


def show(request: Request) -> Response:
    """Lead to a transaction's page, or answer with what is known of a token."""
    system: ConsoleSystem = request.app.state.system
    text = request.query_params.get("q", "").strip()
    if (
        text
        and not text.startswith(_PREFIX)
        and newest_item(system.dynamodb, system.transactions, text, "transactionId")
    ):
        return RedirectResponse(case_url(text), status_code=303)
    is_token = text.startswith(_PREFIX)
    alerts = system.queue.of_customer(text, OTHERS) if is_token else []
    listed = system.lists.of_entities(f"{kind.value}#{text}" for kind in KINDS) if is_token else {}
    return page(request, "search", text=text, is_token=is_token, alerts=alerts, listed=listed)

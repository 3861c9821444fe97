"""Search: a transaction by its id, and all that is stored of whom a token or an identifier stands for."""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudstream.contract import EntityKind, FourEyes
from fraudstream.transactions.card_numbers.iban import holds_iban
from fraudstream.transactions.storage.store import newest_item
from fraudstream.transactions.transaction import TRANSACTION_ID_PATTERN
from fraudstream_tools.console.queue_place import QueuePlace
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.investigation.customer_history import Position
from fraudstream_tools.operations.investigation.log_search import search_log
from fraudstream_tools.operations.privacy.tokens import (
    TokensRefusedError,
    UnknownIdentifierError,
    tokens_of_identifier,
)

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

SHOWN: Final = 50
"""Transactions on a page; own choice."""
_TOKEN: Final = re.compile(r"tok[0-9]*_[\w-]+", re.ASCII)
_TRANSACTION_ID: Final = re.compile(TRANSACTION_ID_PATTERN)
_IDENTIFIER: Final = "identifier"
KINDS: Final = {
    EntityKind.CUSTOMER: "customer",
    EntityKind.CARD: "card",
    EntityKind.DEVICE: "device",
    EntityKind.IP: "internet address",
    EntityKind.MERCHANT: "merchant",
    EntityKind.TERMINAL: "terminal",
    EntityKind.COUNTERPARTY: "counterparty",
}
"""What an identifier may be of, in words; the other side of a transfer is a customer too."""


def find(request: Request) -> Response:
    """Lead to what somebody has looked for in the header's field; what is neither token nor stored id is no address.

    People write a customer's number or address there, too, and browsers remember addresses.
    """
    text = request.state.form.get("q", "").strip()
    if not text or _TOKEN.fullmatch(text):
        return RedirectResponse(f"/search?{urlencode({'q': text})}" if text else "/search", status_code=303)
    return _to_transaction(request, text) or _answer(request, text)


def show(request: Request) -> Response:
    """Answer with what is known of a token, or lead to a transaction's page."""
    text = request.query_params.get("q", "").strip()
    is_token = _TOKEN.fullmatch(text) is not None
    return (None if is_token or not text else _to_transaction(request, text)) or _answer(request, text)


def _to_transaction(request: Request, text: str) -> Response | None:
    """Lead to a transaction's page; None where no such id is stored."""
    system: ConsoleSystem = request.app.state.system
    # What can be no id is not sent anywhere: it may be somebody's name, or account number.
    if _TRANSACTION_ID.fullmatch(text) is None or holds_iban(text):
        return None
    if newest_item(system.dynamodb, system.transactions, text, "transactionId") is None:
        return None
    return RedirectResponse(QueuePlace.carried({}).case_url(text), status_code=303)


def _answer(request: Request, text: str) -> Response:
    system: ConsoleSystem = request.app.state.system
    is_token = _TOKEN.fullmatch(text) is not None
    after = _position(request.query_params.get("after"))
    findings = system.search.find(text, limit=SHOWN, after=after) if is_token else None
    goes_on = findings.history.goes_on_after if findings and findings.history else None
    return page(
        request,
        "search",
        text=text,
        found=findings,
        two_people=FourEyes.LISTS in system.four_eyes,
        kinds=KINDS,
        can_ask=system.ask_for_tokens is not None,
        is_later=after is not None,
        older=f"/search?{urlencode({'q': text, 'after': msgspec.json.encode(goes_on).decode()})}" if goes_on else None,
    )


def look_in_log(request: Request) -> Response:
    """Answer with the transactions that name a token, by the decision log."""
    system: ConsoleSystem = request.app.state.system
    token = request.query_params.get("q", "").strip()
    # Athena charges for each question.
    if not token:
        return RedirectResponse("/search", status_code=303)
    if system.log is None:
        raise HTTPException(404, "this console has no decision log: start it with --log FOLDER")
    findings = search_log(system.log, token, SHOWN)
    return page(request, "search_log", token=token, found=findings, days=system.log.days, shown=SHOWN)


def ask(request: Request) -> Response:
    """Lead to what is known of whom an identifier stands for: it becomes a token first, and is kept nowhere."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form
    kind, identifier = form.get("kind", ""), form.get(_IDENTIFIER, "").strip()
    if kind not in set(EntityKind) or system.ask_for_tokens is None:
        raise HTTPException(400, "say what the identifier is of")
    if not identifier:
        return RedirectResponse("/search", status_code=303)
    if _TOKEN.fullmatch(identifier):
        return RedirectResponse(f"/search?{urlencode({'q': identifier})}", status_code=303)
    try:
        *earlier, token = tokens_of_identifier(system.ask_for_tokens, EntityKind(kind), identifier)
    except (UnknownIdentifierError, TokensRefusedError) as error:
        request.app.state.session.notices.append(f"Nothing was looked up: {error}.")
        return RedirectResponse("/search", status_code=303)
    with system.audit.recorded("look-up-token", EntityKind(kind).key(token)):
        if earlier:
            request.app.state.session.notices.append(f"It has earlier tokens too: {', '.join(earlier)}.")
    return RedirectResponse(f"/search?{urlencode({'q': token})}", status_code=303)


def _position(text: str | None) -> Position | None:
    try:
        return msgspec.json.decode(text, type=Position) if text else None
    except msgspec.DecodeError:
        return None

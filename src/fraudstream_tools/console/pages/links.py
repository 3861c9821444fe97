"""Links: who else used the card, device or other of a transaction, as a graph."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.transactions.storage.attributes import readable_values
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.investigation.field_words import field_words
from fraudstream_tools.operations.investigation.links import SHARED_FIELDS, CustomerLink, Links, find_links

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

DRAWN: Final = 24
"""Other customers in the drawing; own choice: the table has the rest."""
_ROW: Final = 26
"""Height of a row, in the drawing's units."""


@dataclass(frozen=True, kw_only=True)
class DrawnNode:
    """Something that is shared, or somebody who shares it, with the height at which it is drawn."""

    token: str
    words: str
    y: int
    is_bad: bool = False


@dataclass(frozen=True, kw_only=True)
class LinkDrawing:
    """Two columns beside the transaction's customer, and the lines between them."""

    shared: list[DrawnNode]
    others: list[DrawnNode]
    lines: list[tuple[int, int]]
    """Heights of something shared and of who shares it."""
    height: int


def show(request: Request) -> Response:
    """Answer with the graph of a transaction."""
    system: ConsoleSystem = request.app.state.system
    name = request.query_params.get("id", "")
    item = newest_item(system.dynamodb, system.transactions, name) if name else None
    if item is None:
        raise HTTPException(404, "no transaction with this id is stored (any more)")
    if system.log is None:
        raise HTTPException(404, "this console has no decision log: start it with --log FOLDER")
    fields = readable_values(item)
    shared = {field: str(fields[field]) for field in SHARED_FIELDS if fields.get(field)}
    links = find_links(system.log, str(fields["customerId"]), shared)
    return page(
        request,
        "links",
        transaction_id=name,
        customer=str(fields["customerId"]),
        found=links,
        words={field: field_words(field) for field in SHARED_FIELDS},
        drawing=_drawing(links),
        drawn=DRAWN,
        days=system.log.days,
    )


def _drawing(shared: Links) -> LinkDrawing | None:
    """Lay out what is shared, and the others who share most; None where nothing is shared."""
    if not shared.links:
        return None
    others = list(dict.fromkeys(link.customer for link in shared.links))[:DRAWN]
    links = [link for link in shared.links if link.customer in others]
    tokens = list(dict.fromkeys((link.field, link.token) for link in links))
    rows = max(len(others), len(tokens))
    middle = {token: _y(place, len(tokens), rows) for place, (_, token) in enumerate(tokens)}
    right = {token: _y(place, len(others), rows) for place, token in enumerate(others)}
    return LinkDrawing(
        shared=[DrawnNode(token=token, words=field_words(field), y=middle[token]) for field, token in tokens],
        others=[
            DrawnNode(token=token, words="customer", y=y, is_bad=_has_frauds(links, token))
            for token, y in right.items()
        ],
        lines=[(middle[link.token], right[link.customer]) for link in links],
        height=rows * _ROW + _ROW,
    )


def _has_frauds(links: list[CustomerLink], customer: str) -> bool:
    return any(link.frauds for link in links if link.customer == customer)


def _y(place: int, count: int, rows: int) -> int:
    return _ROW + round((place + 0.5) * rows * _ROW / count - _ROW / 2)

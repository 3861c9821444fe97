"""The tokens in an item of any of the tables."""

from collections.abc import Iterable
from typing import Final

from fraudstream.transactions.storage.attributes import Item
from fraudstream.transactions.storage.reason_tokens import reason_tokens
from fraudstream.transactions.transaction import FIELDS

IDENTIFIERS: Final = tuple(field.public_name for field in FIELDS if field.spec.identifies is not None)
"""Attributes that hold the token of an entity."""


def tokens_in(item: Item) -> Iterable[str]:
    """Yield all that may be a token in an item of any of the tables."""
    for name in IDENTIFIERS:
        if token := token_of(item, name):
            yield token
    for name in ("entity", "erasedFor"):
        yield from item.get(name, {}).get("S", "").split("#")
    yield from reason_tokens(item)


def token_of(item: Item, name: str) -> str | None:
    """Return an attribute that is a text, such as a token; None where there is none."""
    return item.get(name, {}).get("S")

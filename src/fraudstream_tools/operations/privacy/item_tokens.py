"""The tokens in an item of any of the tables."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fraudstream.transactions.storage.attributes import Item
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
    for reason in item.get("reasons", {}).get("L", ()):
        yield reason["M"].get("source", {}).get("S", "").partition("#")[2]


def token_of(item: Item, name: str) -> str | None:
    """Return an attribute that is a text, such as a token; None where there is none."""
    return item.get(name, {}).get("S")


def renamed_reasons(item: Item, newest: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Return a decision's reasons with newest tokens in their sources; None where nothing changes."""
    reasons: list[Any] = item.get("reasons", {}).get("L", [])
    changed = [_reason(each, newest) for each in reasons]
    return {"L": changed} if changed != reasons else None


def _reason(reason: Mapping[str, Any], newest: Mapping[str, str]) -> Mapping[str, Any]:
    kind, _, token = reason["M"].get("source", {}).get("S", "").partition("#")
    if token not in newest:
        return reason
    return {"M": {**reason["M"], "source": {"S": f"{kind}#{newest[token]}"}}}

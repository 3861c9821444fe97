"""The tokens in a stored decision's reasons: some of their sources are keys of profiles."""

from collections.abc import Iterable, Mapping
from typing import Any

from fraudstream.transactions.storage.attributes import Item


def reason_tokens(item: Mapping[str, Any]) -> Iterable[str]:
    """Yield what may be a token in the sources of an item's reasons."""
    for reason in _reasons(item):
        if (token := _source(reason).partition("#")[2]) != "":
            yield token


def renamed_reasons(item: Mapping[str, Any], newest: Mapping[str, str]) -> Item | None:
    """Return an item's reasons with other tokens in their sources, as an attribute; None where nothing changes.

    Args:
        item: a stored transaction, or its image in a stream.
        newest: what stands in place of each token.
    """
    reasons = _reasons(item)
    changed = [_renamed(each, newest) for each in reasons]
    return {"L": changed} if changed != reasons else None


def _reasons(item: Mapping[str, Any]) -> list[Any]:
    match item.get("reasons"):
        case {"L": list()}:
            return item["reasons"]["L"]
        case _:
            return []


def _source(reason: object) -> str:
    match reason:
        case {"M": {"source": {"S": str(source)}}}:
            return source
        case _:
            return ""


def _renamed(reason: Any, newest: Mapping[str, str]) -> Any:  # noqa: ANN401  (a stream's image may hold anything)
    kind, _, token = _source(reason).partition("#")
    if token not in newest:
        return reason
    return {"M": {**reason["M"], "source": {"S": f"{kind}#{newest[token]}"}}}

"""Items that people may write, read as what anybody may have put there: one of them must not keep the others away."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from fraudstream.transactions.storage.attributes import AttributeValue, readable_values

_T = TypeVar("_T")


def read_item(item: Mapping[str, AttributeValue], type_: type[_T]) -> _T | None:
    """Return what an item holds; None for one that is not of this form.

    Args:
        item: as DynamoDB gives it.
        type_: what is expected there.
    """
    try:
        return msgspec.convert(readable_values(item), type_)
    except (msgspec.ValidationError, ValueError, TypeError):
        return None

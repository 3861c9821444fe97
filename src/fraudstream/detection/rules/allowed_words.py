"""The words that a place in a file may hold, for the message about one that it may not."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import inspect

_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[\]]+")


def allowed_words(type_: object, place: str) -> Sequence[str]:
    """Return the words of the enumeration at a place; none where there is no enumeration.

    Args:
        type_: what the file, or the part of it, should be.
        place: where in it, as msgspec says: `cases[0].expect`; empty for the whole.
    """
    part = _value(inspect.type_info(type_))
    for step in _STEP.findall(place):
        part = _value(_within(part, step))
    if isinstance(part, inspect.EnumType):
        return [str(member.value) for member in part.cls]
    return [str(value) for value in part.values] if isinstance(part, inspect.LiteralType) else []


def _within(outer: inspect.Type, step: str) -> inspect.Type:
    """Return the type of what a step leads to."""
    if isinstance(outer, inspect.StructType):
        return next(field.type for field in outer.fields if field.encode_name == step)
    if isinstance(outer, inspect.DictType):
        return outer.value_type
    return outer.item_type if isinstance(outer, inspect.CollectionType) else inspect.AnyType()


def _value(outer: inspect.Type) -> inspect.Type:
    """Return a type without what is noted of it, and without None."""
    while isinstance(outer, inspect.Metadata):
        outer = outer.type
    if isinstance(outer, inspect.UnionType):
        return next((each for each in outer.types if not isinstance(each, inspect.NoneType)), outer)
    return outer

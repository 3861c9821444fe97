"""Objects of the bucket that hold JSON, read as what anybody may have put there.

People may write some of them with any content, and nobody may delete it: what cannot be used is passed over by all who
read them.
"""

from typing import Any, Final, TypeVar, cast

import msgspec

NO_JSON: Final = (msgspec.MsgspecError, UnicodeDecodeError)
"""What is raised where a text is not JSON of the wanted form: a text in it that is no UTF-8 is an error of its own."""
_MOST_LEVELS: Final = 32
"""Own choice: DynamoDB nests no deeper either. Python's own limit comes where somebody walks or prints a value."""
MOST_OF_A_RECORD: Final = 65_536
"""Bytes of a record of what somebody did; own choice: thirty times the longest that a command writes, and as many as a
day may have fit into a function's memory."""
_T = TypeVar("_T")


def read_json(content: bytes | None, type_: type[_T]) -> _T | None:
    """Return what an object holds; None for no object, and for one that is no JSON of this form, or nested too deeply.

    Args:
        content: of the object.
        type_: what is expected there.
    """
    if content is None:
        return None
    try:
        value = msgspec.json.decode(content)
        return msgspec.convert(value, type_) if _is_flat(value, _MOST_LEVELS) else None
    except (*NO_JSON, RecursionError):
        return None


def _is_flat(value: object, levels: int) -> bool:
    match value:
        case dict():
            parts = list(cast("dict[str, Any]", value).values())
        case list():
            parts = cast("list[Any]", value)
        case _:
            return True
    return levels > 0 and all(_is_flat(part, levels - 1) for part in parts)

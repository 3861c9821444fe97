"""Inputs that nobody means well with: sound documents and sound bytes, with some parts changed."""

import copy
from typing import Any, Final, TypeAlias, cast

from hypothesis import strategies as st

MARK: Final = "zq7 Unmistakable"
"""Stands where a value can stand. It has a space, so that no reader takes it for the name of a field."""
CARD: Final = "4111 1111 1111 1111"
"""Of Visa's public test cards."""
SECRETS: Final = (MARK, CARD, CARD.replace(" ", ""))

_Path: TypeAlias = tuple[str | int, ...]
_MOST_CHANGES: Final = 3
_DEPTH: Final = 600
_LONG: Final = 5_000


def _nested() -> Any:  # noqa: ANN401  (a JSON value)
    value: Any = MARK
    for level in range(_DEPTH):
        value = [value] if level % 2 else {"a": value}
    return value


_CHOSEN: Final[list[Any]] = [
    *(MARK, CARD, int(CARD.replace(" ", "")), f"{MARK} {CARD}", "", " ", "\x00", "\u202e", "\ud800", "٤١١١", "²"),
    *(None, True, False, 0, -1, 1.5, -0.0, 1e308, -1e308, 5e-324, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1),
    *(float("inf"), float("nan"), [], {}, [MARK], {MARK: MARK}, [[]], {"": None}, "NaN", "1e999", "x" * _LONG),
    [MARK] * _LONG,
    {f"{MARK} {number}": number for number in range(_LONG)},
    _nested(),
]
VALUES: Final[st.SearchStrategy[Any]] = st.one_of(
    st.sampled_from(_CHOSEN), st.text(max_size=20), st.integers(), st.floats()
).map(copy.deepcopy)
"""What a part of a document is exchanged for."""


def _paths(value: Any, before: _Path = ()) -> list[_Path]:  # noqa: ANN401  (a JSON value)
    found = [before]
    if isinstance(value, dict):
        for key, part in cast("dict[str, Any]", value).items():
            found += _paths(part, (*before, key))
    elif isinstance(value, list):
        for place, part in enumerate(cast("list[Any]", value)):
            found += _paths(part, (*before, place))
    return found


@st.composite
def documents(draw: st.DrawFn, *sound: Any) -> Any:  # noqa: ANN401  (JSON values)
    """Draw one of some sound documents, with up to three of its parts exchanged, taken away, added or repeated."""
    document = copy.deepcopy(draw(st.sampled_from(sound)))
    for _ in range(draw(st.integers(0, _MOST_CHANGES))):
        path = draw(st.sampled_from(_paths(document)))
        if not path:
            document = draw(st.one_of(st.just(document), VALUES)) if draw(st.integers(0, 9)) == 0 else document
            continue
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        _change(draw, holder, path[-1])
        if len(_paths(document)) > _LONG:
            break
    return document


def _change(draw: st.DrawFn, holder: Any, place: Any) -> None:  # noqa: ANN401  (a JSON object or array)
    match draw(st.sampled_from(["exchange", "exchange", "exchange", "take away", "add", "repeat"])):
        case "exchange":
            holder[place] = draw(VALUES)
        case "take away":
            del holder[place]
        case "add" if isinstance(holder, dict):
            holder[draw(st.sampled_from([MARK, CARD, "", "a", "\ud800", "x" * 300]))] = draw(VALUES)
        case "add":
            holder.append(draw(VALUES))
        case _ if isinstance(holder, list):
            items = cast("list[Any]", holder)
            items.append(copy.deepcopy(items[place]))
        case _:
            pass


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Draw sound bytes with up to three places changed: bits flipped, parts cut out, or others put in."""
    content = bytearray(draw(sound))
    for _ in range(draw(st.integers(0, _MOST_CHANGES))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        match draw(st.sampled_from(["flip", "cut", "cut off", "put in"])):
            case "flip" if content:
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[at : at + draw(st.integers(1, 20))]
            case "cut off":
                del content[at:]
            case _:
                content[at:at] = draw(
                    st.sampled_from([b"\x00", b"\xff\xfe", b"\xf0\x9f", MARK.encode(), b"{", b"]" * 300])
                )
    return bytes(content)

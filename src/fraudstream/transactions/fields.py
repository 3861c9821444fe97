"""How one field of a transaction is declared: what a client may post, whose token it is, who sees it.

`Transaction` annotates every field with a `FieldSpec`. The request, the stored item, the columns of the decision log,
the names that rules can use and the list of entities are derived from these annotations, and from nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta

from fraudstream.contract import EntityKind
from fraudstream.transactions.values.times import LATEST

LONGEST_IDENTIFIER: Final = 128
"""Characters of an identifier that is stored as a token."""


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """What is true of one field, apart from its name and its stored type."""

    request: Meta | None = None
    """What a client may post; `extra` holds the sentence for a wrong value (`must_be`) and the values that a code can
    have (`codes`). None: clients cannot post the field."""
    request_type: Any = None
    """What a client may post, where it is another type than the stored one."""
    optional_in_request: bool = False
    """The client may leave it out although every stored transaction has it."""
    identifies: EntityKind | None = None
    """The stored value is the token of an entity of this kind, which has a profile."""
    in_rules: bool = False
    """Rules can use it by its name, as a text."""
    instead_in_rules: str | None = None
    """What rule authors use instead of a field that rules cannot use."""
    logged: bool = False
    """The decision log has a column for it on decisions, and on labels of decided transactions."""
    is_coarse: bool = False
    """Degrees, which are stored rounded."""


class DeclaredField(NamedTuple):
    """A field as it is declared."""

    name: str
    """In Python."""
    public_name: str
    """In requests, items, columns and rules."""
    type: Any
    """Type of the stored value, without `None`."""
    required: bool
    """Every stored transaction has it."""
    spec: FieldSpec


def declared_fields(struct: type[msgspec.Struct]) -> tuple[DeclaredField, ...]:
    """Return the fields of a struct whose annotations hold a `FieldSpec` each, in their order."""
    return tuple(_declared(info) for info in msgspec.structs.fields(struct))


def _declared(info: msgspec.structs.FieldInfo) -> DeclaredField:
    stored, *annotations = get_args(info.type)
    if get_origin(info.type) is not Annotated or not isinstance(annotations[0], FieldSpec):
        raise TypeError(f"{info.name} has no FieldSpec")
    alternatives = get_args(stored) if isinstance(stored, UnionType) else (stored,)
    (plain,) = (each for each in alternatives if each is not type(None))
    return DeclaredField(info.name, info.encode_name, plain, info.required, annotations[0])


def text(pattern: str, description: str, must_be: str, codes: Iterable[str] | None = None) -> Meta:
    """Return the request rules of a text.

    Args:
        pattern: a regular expression for all of it.
        description: what it means, for the published schema.
        must_be: what a client reads when it is wrong: "must be …".
        codes: the values that it can have; None for all that the pattern allows.
    """
    extra: dict[str, object] = {"must_be": must_be}
    if codes is not None:
        extra["codes"] = frozenset(codes)
    return Meta(pattern=pattern, description=description, extra=extra)


def number(low: int, high: int, description: str, must_be: str) -> Meta:
    """Return the request rules of a number; see `text`."""
    return Meta(ge=low, le=high, description=description, extra={"must_be": must_be})


def time(low: int, description: str, must_be: str = "epoch milliseconds, as an integer") -> Meta:
    """Return the request rules of a time in epoch milliseconds up to the year 2100; see `text`."""
    return number(low, LATEST, description, must_be)


def country(description: str, codes: Iterable[str]) -> Meta:
    """Return the request rules of a country; see `text`."""
    return text(
        "^[A-Z]{2}$",
        f"{description}, ISO 3166-1 alpha-2.",
        "a country code of ISO 3166-1 alpha-2, in capitals",
        codes,
    )


def identifier(description: str) -> Meta:
    """Return the request rules of an identifier that is stored as a token; see `text`."""
    return Meta(
        min_length=1,
        max_length=LONGEST_IDENTIFIER,
        description=f"{description} Stored as a keyed token only.",
        extra={"must_be": f"a text of 1 to {LONGEST_IDENTIFIER} printable characters, not only spaces"},
    )


def code(description: str) -> Meta:
    """Return the request rules of an enumeration; its members say what it must be."""
    return Meta(description=description)


def request_fields(declared: Iterable[DeclaredField]) -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    """Return what `msgspec.defstruct` needs for the request: required fields first, the optional ones after them."""
    posted = [(field, _posted(field)) for field in declared if field.spec.request is not None]
    required = [(field.name, kind) for field, kind in posted if _is_required(field)]
    others = [(field.name, kind) for field, kind in posted if not _is_required(field)]
    return [*required, *((name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in others)]


def _posted(field: DeclaredField) -> Any:  # noqa: ANN401  (types have no type of their own)
    return Annotated[field.spec.request_type or field.type, field.spec.request]


def _is_required(field: DeclaredField) -> bool:
    return field.required and not field.spec.optional_in_request

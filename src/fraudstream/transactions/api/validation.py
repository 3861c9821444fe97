"""From a request's body to a valid request, or to the list of everything that is wrong with it.

msgspec stops at the first error, and some of its messages hold the value. So each field is converted by itself to the
type that the struct gives it, and the client reads that type's own sentence instead.
"""

import difflib
import ipaddress
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import EnumMeta
from typing import Annotated, Any, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from fraudstream.transactions.api.answer import FieldError
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.card_numbers.iban import holds_iban
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.transaction import FIELDS, TransactionType
from fraudstream.transactions.values.times import other_unit

_BODY = "body"
_LONGEST_INTEGER = 20
_MAX_DEPTH = 8
_LONGEST_TEXT = 128  # of any field
_ALIKE = 0.7
"""How alike two names are that differ by a slip: 1 is the same, 0 has nothing in common (difflib's ratio)."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_MANY_DIGITS = re.compile(r"[0-9](?:[^0-9]*[0-9]){4}")
_TIMES = ("timestamp", "accountOpenedAt")
_TAKING_BACK = frozenset({TransactionType.REFUND, TransactionType.REVERSAL})


class RequestRefusedError(ValueError):
    """A request's body is not a valid transaction; `errors` names every bad field, and no value."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(", ".join(error.field for error in errors))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class TimeBounds:
    """Within what a transaction's time may lie, in epoch milliseconds."""

    earliest: int
    latest: int


def read_request(body: bytes, times: TimeBounds) -> TransactionRequest:
    """Read a transaction as a client posted it.

    Args:
        body: the request's body, JSON in UTF-8.
        times: the bounds of its timestamp.

    Raises:
        RequestRefusedError: it is not JSON, or not a valid transaction.
    """
    document = _parse(body)
    if not isinstance(document, dict):
        raise _refused("must be a JSON object")
    values = cast("dict[str, object]", document)
    request = _converted(values)
    errors = _errors(values, times, has_types=request is not None)
    if request is None or errors:
        raise RequestRefusedError(*dict.fromkeys(errors))
    return request


def _converted(values: Mapping[str, object]) -> TransactionRequest | None:
    """Return the request; None if a field is missing or of a wrong type: which one, each field by itself then says."""
    try:
        return msgspec.convert(values, TransactionRequest)
    # A name of half a surrogate pair is none that msgspec can compare with those of fields.
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None


def _parse(body: bytes) -> object:
    if not body:
        raise _refused("must not be empty")
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
    except UnicodeDecodeError:
        raise _refused("must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise _refused(f"must be JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _refused("must be JSON without deep nesting") from None


def _refused(message: str) -> RequestRefusedError:
    return RequestRefusedError(FieldError(field=_BODY, message=message))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = sorted({_shown(name) for name, count in counts.items() if count > 1})
        raise RequestRefusedError(*(FieldError(field=name, message="must stand only once") for name in twice))
    return members


def _constant(_name: str) -> object:
    raise _refused("must be JSON, which knows no NaN and no Infinity")


def _integer(digits: str) -> int | float:
    """Read an integer; one too long for any field becomes infinite, so that its field is named like any other."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


def _errors(values: Mapping[str, object], times: TimeBounds, *, has_types: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, value in values.items():
        errors += list(_unwelcome(name, value)) or _field_errors(name, value, has_type=has_types)
    errors += [
        FieldError(field=name, message=f"is required: {field.must_be}")
        for name, field in _FIELDS.items()
        if field.required and name not in values
    ]
    wrong = {error.field for error in errors}
    return errors + [error for error in _rule_errors(values, times) if error.field not in wrong]


def _unwelcome(name: str, value: object, depth: int = 1) -> Iterator[FieldError]:
    """Check for what no field may hold: card and account numbers, invisible characters, and deeply nested brackets."""
    if depth == 1 and name in _FIELDS:
        if name != "ipAddress":
            yield from _unwelcome_value(name, value, depth, becomes_token=name in _TOKENIZED)
        return
    shown = _shown(name)
    if not name.isprintable():
        yield FieldError(field=shown, message="must have a name of printable characters")
    elif _holds_card_number(name):
        yield FieldError(field=shown, message="must not have a card number in its name")
    elif _holds_iban(name):
        yield FieldError(field=shown, message="must not have an account number (IBAN) in its name")
    else:
        yield from _unwelcome_value(shown, value, depth, becomes_token=False)


def _unwelcome_value(shown: str, value: object, depth: int, *, becomes_token: bool) -> Iterator[FieldError]:
    match value:
        case str() if not value.isprintable():
            yield FieldError(field=shown, message="must hold printable characters only")
        case str() | int() | float() if _holds_card_number(str(value)):
            yield FieldError(field=shown, message="must not hold a card number")
        case str() if not becomes_token and _holds_iban(value):
            yield FieldError(field=shown, message="must not hold an account number (IBAN)")
        case dict() | list() if depth == _MAX_DEPTH:
            yield FieldError(field=shown, message="must not be nested so deep")
        case list():
            for part in cast("list[object]", value):
                yield from _unwelcome_value(shown, part, depth + 1, becomes_token=becomes_token)
        case dict():
            for key, part in cast("dict[str, object]", value).items():
                for error in _unwelcome(key, part, depth + 1):
                    yield FieldError(field=f"{shown}.{error.field}", message=error.message)
        case _:
            pass


def _holds_card_number(text: str) -> bool:
    """Scan a text, unless no field takes one so long: it is refused anyway, and the cost of a request is bounded."""
    return len(text) <= _LONGEST_TEXT and holds_card_number(text)


def _holds_iban(text: str) -> bool:
    """Look for an account number in a text that is no longer than a field's; see `_holds_card_number`."""
    return len(text) <= _LONGEST_TEXT and holds_iban(text)


def _field_errors(name: str, value: object, *, has_type: bool) -> list[FieldError]:
    field = _FIELDS.get(name)
    if field is None:
        return [FieldError(field=_shown(name), message=f"is not a field of a transaction{_meant(name)}")]
    if value is None:
        return [FieldError(field=name, message="must not be null; leave it out")]
    if name in _TIMES and (unit := _unit_error(name, value)):
        return [unit]
    if not has_type and not _fits(value, field.type):
        named = field.has_members and isinstance(value, dict)
        members = cast("dict[str, object]", value).items() if named else ()
        bad = [key for key, part in members if not _fits({key: part}, field.type)]
        return [_must_be(name, f"{name}.{_shown(key)}") for key in bad] or [_must_be(name)]
    return [_must_be(name)] if field.codes is not None and value not in field.codes else []


def _must_be(name: str, shown: str = "") -> FieldError:
    return FieldError(field=shown or name, message=f"must be {_FIELDS[name].must_be}")


def _meant(name: str) -> str:
    """Return the question after the field that was probably meant; it is empty if no field's name is like this one."""
    spelt = {known.lower(): known for known in _FIELDS}
    # Only a name that may be shown is compared: a longer one costs time, and may be anything.
    plain = name.replace("_", "").lower() if _NAME.fullmatch(name) else ""
    like = difflib.get_close_matches(plain, spelt, n=1, cutoff=_ALIKE)
    return f"; did you mean {spelt[like[0]]}?" if like else ""


def _unit_error(name: str, value: object) -> FieldError | None:
    """Check for a time that can only be in another unit, such as seconds; other errors are found later."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value in {math.inf, -math.inf}:
        return None
    message = other_unit(value, may_be_old=name == "accountOpenedAt")
    return None if message is None else FieldError(field=name, message=message)


def _fits(value: object, type_: Any) -> bool:  # noqa: ANN401  (types have no type of their own)
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True


def _rule_errors(values: Mapping[str, object], times: TimeBounds) -> Iterator[FieldError]:
    """Check what one field's type can't say; fields may still be of a wrong type here."""
    yield from _time_errors(values, times)
    for name, value in values.items():
        if name in _TOKENIZED and isinstance(value, str) and not value.strip():
            yield _must_be(name)
    address = values.get("ipAddress")
    if isinstance(address, str) and not _is_ip_address(address):
        yield _must_be("ipAddress")
    original, kind = values.get("originalTransactionId"), values.get("type")
    if "originalTransactionId" not in values and isinstance(kind, str) and kind in _TAKING_BACK:
        yield FieldError(field="originalTransactionId", message="is required for REFUND and REVERSAL")
    if isinstance(original, str) and original == values.get("transactionId"):
        yield FieldError(field="originalTransactionId", message="must be another transaction")
    for name, other in (("latitude", "longitude"), ("longitude", "latitude")):
        if name in values and other not in values:
            yield FieldError(field=other, message=f"is required together with {name}")


def _time_errors(values: Mapping[str, object], times: TimeBounds) -> Iterator[FieldError]:
    for name in _TIMES:
        value = values.get(name)
        if isinstance(value, int) and value > times.latest:
            yield FieldError(field=name, message="is in the future")
        elif isinstance(value, int) and name == "timestamp" and value < times.earliest:
            yield FieldError(field=name, message="is too far in the past")


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone means something on its own machine only


def _shown(name: str) -> str:
    """Return a name that a client chose, if it looks like a field's name; else it may be anything, and stays out."""
    return name if _NAME.fullmatch(name) and not _MANY_DIGITS.search(name) else "(a name that is not shown)"


@dataclass(frozen=True, kw_only=True)
class _Field:
    """How one field is checked."""

    type: Any
    required: bool
    must_be: str
    codes: frozenset[str] | None
    has_members: bool


def _field(info: msgspec.structs.FieldInfo) -> _Field:
    annotated = next(part for part in (info.type, *get_args(info.type)) if get_origin(part) is Annotated)
    base, meta = cast("tuple[Any, Meta]", get_args(annotated))
    extra = meta.extra or {}
    one_of = f"one of {', '.join(base.__members__)}" if isinstance(base, EnumMeta) else None
    return _Field(
        type=annotated,
        required=info.required,
        must_be=one_of or extra["must_be"],
        codes=extra.get("codes"),
        has_members=get_origin(base) is dict,
    )


_FIELDS: Mapping[str, _Field] = {info.encode_name: _field(info) for info in msgspec.structs.fields(TransactionRequest)}
_TOKENIZED = frozenset(field.public_name for field in FIELDS if field.spec.identifies is not None)

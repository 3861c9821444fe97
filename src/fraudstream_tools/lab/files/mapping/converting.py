"""From a file's record to the fields of a transaction or label."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any, Final, cast

from fraudstream.transactions.values.money import EXPONENTS
from fraudstream.transactions.values.times import EARLIEST, LATEST
from fraudstream_tools.lab.files.mapping.file_map import AMOUNT, PLACES, TIMES, plain
from fraudstream_tools.lab.files.mapping.moments import read_moment
from fraudstream_tools.lab.files.mapping.numbers import read_amount, read_number
from fraudstream_tools.lab.files.mapping.secret_tokens import digest, token
from fraudstream_tools.lab.files.mapping.sources import (
    AmountSource,
    NumberSource,
    Scalar,
    Source,
    TimeSource,
    TypeSource,
)
from fraudstream_tools.lab.files.tables.delimited import shown

ROW_NUMBER: Final = "#row"
"""A column that every file has: the row's number."""
_LENGTHS: Final = {"merchantCategoryCode": 4, "cardLast4": 4, "responseCode": 2}
"""Codes of digits, from which spreadsheets and numbers drop zeros in front."""
_CODES: Final = frozenset(
    {"currency", "merchantCountry", "cardCountry", "billingCountry", "ipCountry", "type", "channel", "entryMode"}
    | {"authorizationResult", "label", "fraudType", "actionTaken"}
)
_ENTITIES: Final = {"customerId": "customer", "counterpartyToken": "customer"}
"""Fields whose tokens are those of the same entity."""
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2}", re.ASCII)
_LARGEST_EXACT: Final = 2**53
_DIGITS_OF_NOW: Final = 13
"""Digits of epoch milliseconds in this century and the next two."""
_DEGREES: Final = re.compile(r"-?\d{1,3}(?:\.\d{1,20})?", re.ASCII)
_CONSTANT: Final = Source(value="")


class _ValueProblemError(ValueError):
    """A value is not what its field needs; the message names its column, and not the value."""


class _WrongCurrencyError(ValueError):
    """An amount cannot be read, because its currency is none."""


class RowConverter:
    """Builds the fields of transactions and labels from records."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        """Store what fields come from.

        Args:
            sources: by field, the currency before the amount.
        """
        self._currency = sources.get("currency", _CONSTANT)
        self._plan = [(name, source, _quick(name, source)) for name, source in sources.items()]

    def convert(self, row: Mapping[str, Any], number: int) -> tuple[dict[str, Any], list[str]]:
        """Build the fields of a record.

        Args:
            row: the record's values, by column.
            number: the record's number.

        Returns:
            The fields, and what is wrong.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name, source, quick in self._plan:
            if quick is not None:
                given = row.get(source.names[0])
                if given is None:
                    continue
                if (value := quick(given)) is not None:
                    values[name] = value
                    continue
            try:
                value = _value(name, source, row, number, values)
            except _WrongCurrencyError as error:
                problems.append(_told("currency", self._currency, error))
                continue
            except _ValueProblemError as error:
                problems.append(str(error))
                continue
            if value is not None:
                values[name] = value
        return values, problems


def _quick(name: str, source: Source) -> Callable[[Any], object] | None:
    """Return what reads the most usual values of a simple source, and returns None for all others."""
    is_simple = source == type(source)(column=source.column) if source.column else False
    if not is_simple or source.column == ROW_NUMBER or name in {"metadata", "fraud", "accountOpenedAt"}:
        return None
    if name in TIMES:
        return _quick_time
    if name == AMOUNT:
        return _quick_amount
    if name in PLACES:
        return _quick_degrees
    if name in _LENGTHS or name in _CODES:
        return lambda value: value if type(value) is str and value.isupper() and value.isalpha() else None
    return lambda value: value if type(value) is str and "+" not in value else None


def _quick_time(value: object) -> int | None:
    if type(value) is str and len(value) == _DIGITS_OF_NOW and value.isascii() and value.isdigit():
        value = int(value)
    return value if type(value) is int and EARLIEST <= value <= LATEST else None


def _quick_amount(value: object) -> int | None:
    if type(value) is str and len(value) < _DIGITS_OF_NOW and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _quick_degrees(value: object) -> float | None:
    if type(value) is str and _DEGREES.fullmatch(value):
        return float(value)
    return value if type(value) is float and isfinite(value) else None


def _value(name: str, source: Source, row: Mapping[str, Any], number: int, known: Mapping[str, Any]) -> object:
    try:
        given = source.value if source.value is not None else _given(source, row, number)
        if given is not None and source.codes is not None and source.value is None:
            code = plain(given) if plain(given) in source.codes else "*"
            if code in source.codes:
                meant = source.codes[code]
                if name in TIMES and meant is not None:
                    return _converted(name, source, meant, known)
                return meant if meant is None or name == "fraud" else _made(name, _CONSTANT, _text(meant))
            given = None
            if source.otherwise is None:
                raise ValueError("holds a code that the map does not know")  # noqa: TRY301  (its place is added below)
        if given is None:
            return _value(name, source.otherwise, row, number, known) if source.otherwise else None
        return _converted(name, source, given, known)
    except (_ValueProblemError, _WrongCurrencyError):
        raise
    except ValueError as error:
        raise _ValueProblemError(_told(name, source, error)) from None


def _told(name: str, source: Source, error: ValueError) -> str:
    column = source.names[0] if source.names else None
    where = f"column {shown(column)}: " if column is not None else ""
    # Where column and field are called alike, once is enough.
    field = "" if column == name else f"{name} "
    return f"{where}{field}{error}"


def _given(source: Source, row: Mapping[str, Any], number: int) -> Any:  # noqa: ANN401  (a file's value)
    parts = [number if name == ROW_NUMBER else row.get(name) for name in source.names]
    if len(parts) == 1:
        value = parts[0]
    elif source.make == "text":
        value = None if any(part is None for part in parts) else source.join.join(map(_text, parts))
    else:
        # Of a digest no part can be told from the others, so one may be missing.
        value = "\0".join("" if part is None else _text(part) for part in parts)
    return None if value is not None and source.pattern and not source.pattern.search(_text(value)) else value


def _converted(name: str, source: Source, given: Any, known: Mapping[str, Any]) -> object:  # noqa: ANN401  (a file's value)
    if name in TIMES:
        time = source if isinstance(source, TimeSource) else TimeSource(value=source.value)
        return read_moment(given, time, may_be_old=name == "accountOpenedAt")
    if name == AMOUNT:
        amount = source if isinstance(source, AmountSource) else AmountSource(value=source.value)
        return _amount(given, amount, known)
    if name in PLACES:
        decimal = source.decimal if isinstance(source, NumberSource) else "."
        return float(read_number(given, decimal))
    if name == "metadata":
        return _object(given)
    if name == "fraud":
        return given
    if isinstance(source, TypeSource) and source.sign:
        return source.sign.negative if read_number(given, source.decimal) < 0 else source.sign.positive
    return _made(name, source, _text(given))


def _amount(given: object, source: AmountSource, known: Mapping[str, Any]) -> int:
    currency = known.get("currency")
    if (source.unit == "major" or source.exponents) and currency not in EXPONENTS:
        if currency is not None:
            raise _WrongCurrencyError("must be a currency code of ISO 4217, such as EUR")
        raise ValueError("needs its currency, a code of ISO 4217, in a column or as `currency: {value: EUR}`")
    return read_amount(given, source, str(currency))


def _made(name: str, source: Source, text: str) -> str:
    if _ROUNDED.fullmatch(text):
        raise ValueError("was rounded by a spreadsheet, so that different ids became one: export it as text")
    if source.make == "token":
        text = token(_ENTITIES.get(name, name), text)
    elif source.make == "digest":
        text = digest(text)
    elif name in _LENGTHS and text.isdecimal():
        text = text.zfill(_LENGTHS[name])
    elif name in _CODES:
        text = text.upper()
    return source.prefix + text


def _text(value: Scalar | bytes | Decimal | date) -> str:
    """Return a value as a text: numbers of Parquet and JSON are often ids.

    Raises:
        ValueError: it is none that a text can be made of without loss.
    """
    match value:
        case str():
            return value
        case bool():
            pass
        case int():
            return str(value)
        case float() | Decimal() if isfinite(value) and value == int(value):
            if isinstance(value, float) and abs(value) > _LARGEST_EXACT:
                raise ValueError("is a rounded number, so that different ids became one: export it as text")
            return str(int(value))
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                pass
        case date():
            return value.isoformat()
        case _:
            pass
    raise ValueError("is not a text")


def _object(value: object) -> object:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("is not an object of codes")  # noqa: TRY004  (of a file's value, not of a programmer's)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        # Members of Parquet may be dates, bytes or decimals.
        raise ValueError("holds a value that JSON has no form for, such as a date: export it as text") from None
    return cast("dict[str, Any]", value)

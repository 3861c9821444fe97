"""From a file's record to the fields of a transaction or label."""

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, cast

from fraudstream.transactions.money import EXPONENTS
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
    | {"authorizationResult", "label"}
)
_ENTITIES: Final = {"customerId": "customer", "counterpartyToken": "customer"}
"""Fields whose tokens are those of the same entity."""
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2}", re.ASCII)
_LARGEST_EXACT: Final = 2**53


class _ValueProblemError(ValueError):
    """A value is not what its field needs; the message names its column, and not the value."""


def convert_row(sources: Mapping[str, Source], row: Mapping[str, Any], number: int) -> tuple[dict[str, Any], list[str]]:
    """Make a transaction's or label's fields of a record.

    Args:
        sources: by field, the currency before the amount.
        row: the record's values, by column.
        number: the record's number.

    Returns:
        The fields, and what is wrong.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, source in sources.items():
        try:
            value = _value(name, source, row, number, values)
        except _ValueProblemError as error:
            problems.append(str(error))
            continue
        if value is not None:
            values[name] = value
    return values, problems


def _value(name: str, source: Source, row: Mapping[str, Any], number: int, known: Mapping[str, Any]) -> object:
    given = source.value if source.value is not None else _given(source, row, number)
    column = source.names[0] if source.names else None
    where = f"column {shown(column)}: " if column is not None else ""
    # Where column and field are called alike, once is enough.
    what = "" if column == name else f"{name} "
    try:
        if given is not None and source.codes is not None and source.value is None:
            code = plain(given) if plain(given) in source.codes else "*"
            if code in source.codes:
                given = source.codes[code]
                return None if given is None else _converted(name, Source(value=given), given, known)
            given = None
            if source.otherwise is None:
                raise ValueError("holds a code that the map does not know")  # noqa: TRY301  (its place is added below)
        if given is None:
            return _value(name, source.otherwise, row, number, known) if source.otherwise else None
        return _converted(name, source, given, known)
    except _ValueProblemError:
        raise
    except ValueError as error:
        raise _ValueProblemError(f"{where}{what}{error}") from None


def _given(source: Source, row: Mapping[str, Any], number: int) -> Any:  # noqa: ANN401  (a file's value)
    parts = [number if name == ROW_NUMBER else row.get(name) for name in source.names]
    if len(parts) == 1:
        found = parts[0]
    elif source.make == "text":
        found = None if any(part is None for part in parts) else source.join.join(map(_text, parts))
    else:
        # Of a digest no part can be told from the others, so one may be missing.
        found = "\0".join("" if part is None else _text(part) for part in parts)
    return None if found is not None and source.pattern and not source.pattern.search(_text(found)) else found


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
    """Give a value as a text: numbers of Parquet and JSON are often ids.

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
        case float() | Decimal() if value == int(value):
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
    return cast("dict[str, Any]", value)

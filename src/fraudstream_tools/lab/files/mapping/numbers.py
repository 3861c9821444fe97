"""Numbers as people and programs write them, read exactly."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from fraudstream.transactions.values.money import exponent, to_minor
from fraudstream_tools.lab.files.mapping.sources import AmountSource

_MINOR: Final = (
    "is not an integer of minor units; amounts such as 12.50 need a map with `unit: major`, and minor units that are "
    "written 1250.0 one with `unit: minor`"
)
_NOT_WHOLE: Final = "is not a whole number of minor units, as the map says; amounts such as 12.50 need `unit: major`"
_LONGEST: Final = 64
_SIGNED: Final = re.compile(
    r"(?P<sign>[-+\u2212]?)(?P<symbol>\D{0,3}?)(?P<sign2>[-+\u2212]?)"
    r"(?P<digits>[\d.,'\u2019 \u00a0\u202f]+)(?P<rest>\D*)"
)
_MINUS: Final = ("-", "\u2212")
_SYMBOL: Final = re.compile(
    r"[\s$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba\u0e3f\u20ab\u20b1\u20aa]*(?:[A-Za-z]{1,3}\.?)?[\s$\u20ac\u00a3\u00a5]*"
)


def read_number(value: object, decimal: str) -> Decimal:
    """Read a number.

    Texts may have a currency's sign or code, a minus before or behind, brackets for a minus, and groups of thousands
    by the other sign, spaces or apostrophes. A group that has not three digits is no group: so a decimal comma is never
    taken for one.

    Args:
        value: a number or a text.
        decimal: the decimal separator, `.` or `,`.

    Raises:
        ValueError: it is no number; the message says how it was read, and not the value.
    """
    if isinstance(value, bool):
        raise ValueError(_wanted(decimal))  # noqa: TRY004  (of a file's value, not of a programmer's)
    if isinstance(value, (int, float, Decimal)):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not number.is_finite():
            raise ValueError(_wanted(decimal))
        return number
    text = str(value).strip()
    if re.fullmatch(r"[-+]?\d+(?:\.\d+)?[eE][-+]?\d{1,2}", text, re.ASCII):
        return Decimal(text)
    in_brackets = text.startswith("(") and text.endswith(")")
    parts = _SIGNED.fullmatch(text[1:-1].strip() if in_brackets else text)
    if parts is None or len(text) > _LONGEST:
        raise ValueError(_wanted(decimal))
    rest, is_behind = parts["rest"].strip(), False
    if rest[:1] in (*_MINUS, "+") and rest:
        is_behind, rest = rest[0] in _MINUS, rest[1:]
    signs = [parts["sign"] in _MINUS, parts["sign2"] in _MINUS, is_behind, in_brackets]
    if sum(signs) > 1 or not _SYMBOL.fullmatch(parts["symbol"]) or not _SYMBOL.fullmatch(rest):
        raise ValueError(_wanted(decimal))
    amount = _digits(parts["digits"].strip(" \u00a0\u202f"), decimal)
    return -amount if any(signs) else amount


def _digits(text: str, decimal: str) -> Decimal:
    whole, point, decimals = text.partition(decimal)
    group = re.search(r"[^0-9]", whole)
    if group:
        # 1,234,567 and, as in India, 12,34,567.
        mark = re.escape(group[0])
        if group[0] == decimal or not re.fullmatch(rf"\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}", whole, re.ASCII):
            raise ValueError(_wanted(decimal))
        whole = whole.replace(group[0], "")
    if (
        not re.fullmatch(r"\d*", decimals, re.ASCII)
        or not re.fullmatch(r"\d*", whole, re.ASCII)
        or not whole + decimals
    ):
        raise ValueError(_wanted(decimal))
    try:
        return Decimal(f"{whole or 0}{'.' if point else ''}{decimals}")
    except InvalidOperation:
        raise ValueError(_wanted(decimal)) from None


def _wanted(decimal: str) -> str:
    return f"is not a number with {'a decimal point' if decimal == '.' else 'a decimal comma'}"


def read_amount(value: object, source: AmountSource, currency: str) -> int:
    """Read an amount as minor units of its currency, exactly unless its source says that it is to be rounded.

    Raises:
        ValueError: it is no amount, is negative, or has more decimals than the currency; the message holds no value.
    """
    is_minor = source.unit != "major"
    if source.unit is None and not _is_integer(value):
        raise ValueError(_MINOR)
    if source.unit == "minor" and not _is_whole(value, source.decimal):
        raise ValueError(_NOT_WHOLE)
    number = read_number(value, source.decimal)
    if number < 0:
        if source.negative == "refuse":
            raise ValueError("is negative; a map can say `negative: absolute` and what the sign means")
        number = -number
    own = (source.exponents or {}).get(currency)
    if is_minor and own is None:
        return int(number)
    major = number if own is None or not is_minor else number.scaleb(-own)
    return to_minor(round(major, exponent(currency)) if source.decimals == "rounded" else major, currency)


def _is_integer(value: object) -> bool:
    # A number with decimals is refused even where they are 0: who writes 12.0 may well mean 12.00 euros, so that a map
    # has to say it. Decimals of Parquet have as many places as their column declares.
    if isinstance(value, Decimal):
        return value.is_finite() and value.as_tuple().exponent == 0
    if isinstance(value, str):
        return re.fullmatch(r"[-+]?\d+", value, re.ASCII) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def _is_whole(value: object, decimal: str) -> bool:
    """Return whether a number is an integer, or one that a program has written with a 0 behind the decimal mark."""
    if isinstance(value, float):
        return value.is_integer()
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    mark = re.escape(decimal)
    return _is_integer(value) or (
        isinstance(value, str) and re.fullmatch(rf"[-+]?\d+{mark}0+", value, re.ASCII) is not None
    )

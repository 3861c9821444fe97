"""Where a field's value comes from: what a map says of one field."""

import re
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from fraudstream.transactions.values.times import read_time

TimeUnit: TypeAlias = Literal[
    "nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days", "spreadsheet-days"
]
Scalar: TypeAlias = str | int | float | bool | None


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Where a text comes from, and what is made of it. The first value that is there counts, else `otherwise`."""

    column: str | None = None
    columns: list[str] | None = None
    """Several, put together; each must have a value."""
    join: str = "-"
    value: Scalar = None
    """A constant."""
    matching: str | None = None
    """A regular expression; what it is not found in counts as missing."""
    values: dict[str, Scalar] | None = None
    """What the file's codes mean, without regard to capitals; `*` is any other code, null leaves the field out."""
    make: Literal["text", "token", "digest"] = msgspec.field(default="text", name="as")
    """A token is made with this machine's secret key, a digest without: only the former may hide what is personal."""
    prefix: str = ""
    optional: bool = False
    """The column need not be there."""
    otherwise: "Source | None" = None

    def __post_init__(self) -> None:
        """Check what keys mean together."""
        given = [self.column is not None, self.columns is not None, self.value is not None]
        if sum(given) != 1:
            raise ValueError("give one of column, columns and value")
        if self.columns is not None and not self.columns:
            raise ValueError("columns names none")
        if self.matching is not None:
            _ = self.pattern

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(self.columns or ([] if self.column is None else [self.column]))

    @cached_property
    def codes(self) -> dict[str, Scalar] | None:
        """What codes mean, by their small letters."""
        return None if self.values is None else {code.strip().casefold(): each for code, each in self.values.items()}

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What `matching` means.

        Raises:
            ValueError: it is no regular expression.
        """
        try:
            return None if self.matching is None else re.compile(self.matching)
        except re.error:
            raise ValueError("matching is no regular expression") from None

    def every_name(self) -> dict[str, bool]:
        """Return all columns that it may read, and whether each must be there."""
        own = dict.fromkeys(self.names, not self.optional)
        return (self.otherwise.every_name() if self.otherwise else {}) | own


class NumberSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a number comes from."""

    decimal: Literal[".", ","] = "."
    """The decimal separator; the other one of `.` and `,`, spaces and apostrophes may group thousands."""
    otherwise: "NumberSource | None" = None


class AmountSource(NumberSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an amount comes from."""

    unit: Literal["minor", "major"] | None = None
    """None: nobody has said it, and minor units are expected."""
    exponents: dict[str, int] | None = None
    """With minor units: decimals of currencies for which the file's differ from those of ISO 4217."""
    negative: Literal["refuse", "absolute"] = "refuse"
    decimals: Literal["exact", "rounded"] = "exact"
    """What more decimals than the currency has are: wrong, or rounded half to even."""
    otherwise: "AmountSource | None" = None


class Sign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sign of an amount means."""

    positive: str
    negative: str


class TypeSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the transaction's type comes from."""

    sign: Sign | None = None
    """What the sign of the number in the column means."""
    decimal: Literal[".", ","] = "."
    otherwise: "TypeSource | None" = None


class TimeSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a time comes from."""

    format: str | list[str] | None = None
    """As `strftime` writes it (`%d.%m.%Y %H:%M`), or several; without a time of day it is the end of that day."""
    zone: str | None = None
    """IANA name of the zone in which the file's clock ran."""
    unit: TimeUnit | None = None
    since: str | None = None
    """With `unit`: what is counted from; 1970 if left out."""
    plus_days: float = 0.0
    otherwise: "TimeSource | None" = None

    def __post_init__(self) -> None:
        """Check what keys mean together."""
        Source.__post_init__(self)
        if self.format and self.unit:
            raise ValueError("give either format or unit")
        if self.zone is not None:
            _ = self.time_zone
        elif any(has_time_of_day(each) and "%z" not in each for each in self.formats):
            raise ValueError("a format with a time of day needs the zone of the file's clock, such as zone: UTC")
        if self.since is not None:
            _ = self.start
        if not all(map(_can_be_read, self.formats)):
            raise ValueError("format has a letter behind % that times are not read by: such as %Y-%m-%d %H:%M:%S")

    @cached_property
    def formats(self) -> tuple[str, ...]:
        """The formats, in the order in which they are tried."""
        return (self.format,) if isinstance(self.format, str) else tuple(self.format or ())

    @cached_property
    def start(self) -> int:
        """What `unit` is counted from, in epoch milliseconds."""
        return 0 if self.since is None else read_time(self.since)

    @cached_property
    def time_zone(self) -> tzinfo | None:
        """The zone in which the file's clock ran.

        Raises:
            ValueError: there is no such zone.
        """
        if self.zone is None:
            return None
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("zone must be an IANA name, such as Europe/Berlin") from None


def _can_be_read(format_: str) -> bool:
    try:
        datetime.strptime("", format_)  # noqa: DTZ007  (nothing is read)
    except ValueError as error:
        # No text is in any format: only of what is wrong with the format itself it says something else.
        return not re.match("'.*' is a bad directive|stray %", str(error))
    return True


def has_time_of_day(format_: str) -> bool:
    """Return whether a format of `strftime` says more than the day."""
    return re.search(r"%-?[HIMSfpXcs]", format_) is not None

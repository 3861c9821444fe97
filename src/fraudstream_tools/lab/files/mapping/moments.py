"""Times as files write them, read as epoch milliseconds."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from fraudstream.transactions.values.times import (
    DAY,
    EARLIEST,
    EARLIEST_ACCOUNT,
    LATEST,
    TimeProblemError,
    end_of_day,
    read_time,
)
from fraudstream_tools.lab.files.mapping.numbers import read_number
from fraudstream_tools.lab.files.mapping.sources import TimeSource, TimeUnit, has_time_of_day

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final[dict[TimeUnit, Decimal]] = {
    "nanoseconds": Decimal("0.000001"),
    "microseconds": Decimal("0.001"),
    "milliseconds": Decimal(1),
    "seconds": Decimal(1000),
    "minutes": Decimal(60_000),
    "hours": Decimal(3_600_000),
    "days": Decimal(DAY),
    "spreadsheet-days": Decimal(DAY),
}
_SPREADSHEET_START: Final = datetime(1899, 12, 30)  # noqa: DTZ001  (its zone is the map's)


def read_moment(value: object, source: TimeSource, *, may_be_old: bool) -> int:
    """Read a time.

    Args:
        value: what the file has.
        source: how it is written.
        may_be_old: it may lie before 1990.

    Raises:
        ValueError: it is written otherwise, or of another unit; the message holds no value.
    """
    if source.unit is not None:
        moment = _counted(value, source, source.unit)
        _bounded(moment, f"read as {source.unit} it", may_be_old=may_be_old)
    elif source.formats and isinstance(value, str | int | float):
        moment = _written(str(value), source)
        _bounded(moment, "it", may_be_old=may_be_old)
    else:
        moment = _usual(value, source, may_be_old=may_be_old)
    return moment + round(source.plus_days * DAY)


def _usual(value: object, source: TimeSource, *, may_be_old: bool) -> int:
    if source.time_zone is not None and isinstance(value, str):
        try:
            local = datetime.fromisoformat(value)
        except ValueError:
            local = None
        if local is not None and local.tzinfo is None and ":" in value:
            value = local.replace(tzinfo=source.time_zone)
    if isinstance(value, Decimal) and value.is_finite():
        value = int(value) if value == value.to_integral_value() else float(value)
    return read_time(value, may_be_old=may_be_old)


def _counted(value: object, source: TimeSource, unit: TimeUnit) -> int:
    number = read_number(value, "," if "," in str(value) else ".")
    milliseconds = int((number * _MILLISECONDS[unit]).to_integral_value(ROUND_FLOOR))
    if unit != "spreadsheet-days":
        return source.start + milliseconds
    try:
        local = _SPREADSHEET_START + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise TimeProblemError("is no time between 1990 and 2100 when read as spreadsheet-days") from None
    return _milliseconds(local.replace(tzinfo=source.time_zone or UTC))


def _written(text: str, source: TimeSource) -> int:
    for format_ in source.formats:
        try:
            moment = datetime.strptime(text, format_)  # noqa: DTZ007  (its zone is the map's)
        except ValueError:
            continue
        if not has_time_of_day(format_):
            return end_of_day(moment.date(), source.time_zone or UTC)
        return _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=source.time_zone))
    raise TimeProblemError(f"is not written as {' or '.join(source.formats)}")


def _bounded(moment: int, what: str, *, may_be_old: bool) -> None:
    if not (EARLIEST_ACCOUNT if may_be_old else EARLIEST) <= moment <= LATEST:
        raise TimeProblemError(f"{what} is no time between {1900 if may_be_old else 1990} and 2100")


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)

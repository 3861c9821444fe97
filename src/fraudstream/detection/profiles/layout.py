"""What the profiles of each kind of entity keep, and for how long: sized so that each fits into one write unit."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final, NamedTuple

from fraudstream.contract import EntityKind

_LARGEST: Final = {"b": 2**7 - 1, "B": 2**8 - 1, "h": 2**15 - 1, "H": 2**16 - 1, "I": 2**32 - 1}


class Personal(IntEnum):
    """Columns of a customer's and a card's days; the last three only of a customer's."""

    COUNT = 0
    """Spending transactions."""
    SUM = 1
    """Hundredths of the base currency spent, declined ones left out."""
    DECLINES = 2
    """Declines that are evidence."""
    FRAUDS = 3
    """Transactions known to be fraud."""
    REFUNDS = 4
    REFUND_SUM = 5
    """Hundredths of the base currency."""
    NEAR_THRESHOLD = 6


class Shared(IntEnum):
    """Columns of the days of all others; a counterparty has more."""

    COUNT = 0
    """Transactions of every type."""
    FRAUDS = 1
    """Transactions known to be fraud; of a counterparty those that sent it money."""


class Counterparty(IntEnum):
    """Columns that a counterparty's days have beside those of all shared ones."""

    IN = 2
    """Hundredths of the base currency that customers sent it, declined ones left out."""
    OUT = 3
    """Hundredths of the base currency that it paid customers, declined payments left out."""


class SharedHour(IntEnum):
    """Columns of their hours."""

    COUNT = 0
    DECLINES = 1
    """Declines that are evidence."""


class ColumnForm(NamedTuple):
    """How a column of buckets is kept."""

    length: int
    """For how many buckets."""
    code: str
    """Format of a figure, in `struct`'s language."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a profile keeps."""

    ring: int
    """Newest events."""
    event: str
    """Fields of an event that are kept, in `struct`'s language; an event's fields have that order."""
    days: tuple[ColumnForm, ...]
    hours: tuple[ColumnForm, ...]
    labels: int
    """Newest changes of labels, which are known again when they are repeated."""
    detailed: bool
    """Daytimes, places, and what is familiar are kept too."""
    senders: bool = False
    """A filter of all that ever sent money is kept too."""

    @cached_property
    def day_limits(self) -> tuple[int, ...]:
        """The largest figure of each column of days."""
        return _limits(self.days)

    @cached_property
    def hour_limits(self) -> tuple[int, ...]:
        """The largest figure of each column of hours."""
        return _limits(self.hours)


def _limits(columns: tuple[ColumnForm, ...]) -> tuple[int, ...]:
    return tuple(_LARGEST[column.code] for column in columns)


_DAYS: Final = 31
"""A window of 30 days touches 31 of them."""
_DAYS_AND_DELAY: Final = 39
"""Days that are kept for a window of 30 days that ends up to eight days ago."""
_WEEK: Final = 8
_HOURS: Final = 25

_SPENDING = (ColumnForm(_DAYS, "H"), ColumnForm(_DAYS, "I"), ColumnForm(_DAYS, "B"), ColumnForm(_DAYS, "b"))
_CUSTOMER = Layout(
    ring=10,
    event="QIIBIIHhh",
    days=(*_SPENDING, ColumnForm(_WEEK, "B"), ColumnForm(_WEEK, "I"), ColumnForm(_WEEK, "B")),
    hours=(),
    labels=6,
    detailed=True,
)
_CARD = Layout(ring=16, event="QIIBII", days=_SPENDING, hours=(), labels=6, detailed=False)
_SHARED = Layout(
    ring=14,
    event="QIIBII",
    days=(ColumnForm(_DAYS_AND_DELAY, "I"), ColumnForm(_DAYS_AND_DELAY, "h")),
    hours=(ColumnForm(_HOURS, "I"), ColumnForm(_HOURS, "H")),
    labels=8,
    detailed=False,
)
_COUNTERPARTY = Layout(
    ring=14,
    event="QIIBI",
    days=(*_SHARED.days, ColumnForm(_WEEK, "I"), ColumnForm(_WEEK, "I")),
    hours=(),
    labels=8,
    detailed=False,
    senders=True,
)
LAYOUTS: Final = {
    EntityKind.CUSTOMER: _CUSTOMER,
    EntityKind.CARD: _CARD,
    EntityKind.MERCHANT: _SHARED,
    EntityKind.TERMINAL: _SHARED,
    EntityKind.DEVICE: _SHARED,
    EntityKind.IP: _SHARED,
    EntityKind.COUNTERPARTY: _COUNTERPARTY,
}

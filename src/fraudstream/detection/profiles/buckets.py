"""Counts and sums by the hour or the day, for windows that reach farther back than a profile's newest events."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

Column: TypeAlias = tuple[int, ...]
"""One figure by bucket, the newest bucket first."""


class Buckets(msgspec.Struct, frozen=True):
    """The newest buckets of one length of time; adding gives new ones. Adding commutes."""

    newest: int
    """Number of the first bucket since the epoch: hours or days, in UTC."""
    columns: tuple[Column, ...]
    """Figures may be kept for different numbers of buckets."""

    def plus(self, number: int, figures: Sequence[int], limits: Sequence[int], *, may_owe: bool = False) -> "Buckets":
        """Add figures to a bucket; what is older than the oldest bucket of a column is lost to it.

        Args:
            number: the bucket's, since the epoch.
            figures: what to add, for each column.
            limits: each column's largest figure: where it would be passed, the figure stays there.
            may_owe: a figure may fall below nothing, as far as its limit is above: another part has what it takes away.
        """
        newest, columns = self.newest, list(self.columns)
        if number > newest:
            columns = [_moved(column, number - newest) for column in columns]
            newest = number
        age = newest - number
        for index, figure in enumerate(figures):
            if figure and age < len(columns[index]):
                column = list(columns[index])
                least = -limits[index] if may_owe else 0
                column[age] = max(min(column[age] + figure, limits[index]), least)
                columns[index] = tuple(column)
        return Buckets(newest, tuple(columns))

    def moved_to(self, newest: int) -> "Buckets":
        """Return these buckets with a newest one that is as new or newer."""
        return Buckets(newest, tuple([_moved(column, newest - self.newest) for column in self.columns]))

    def total(self, column: int, first: int, last: int) -> int:
        """Sum a column over the buckets from the first to the last one, both included."""
        end = self.newest - first + 1
        return sum(self.columns[column][max(self.newest - last, 0) : end]) if end > 0 else 0


def empty(lengths: Sequence[int]) -> Buckets:
    """Return empty buckets with columns of these lengths."""
    return Buckets(0, tuple((0,) * length for length in lengths))


def _moved(column: Column, step: int) -> Column:
    length = len(column)
    return ((0,) * step + column)[:length] if step < length else (0,) * length

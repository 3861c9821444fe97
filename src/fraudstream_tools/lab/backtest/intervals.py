"""Shares with the interval that few cases leave open."""

import msgspec

from fraudstream.statistics import wilson_interval


class Share(msgspec.Struct, frozen=True):
    """A share of cases, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Cases that it is a share of."""


def share_of(hits: int, cases: int) -> Share | None:
    """Return the share of cases that are hits, with Wilson's score interval; None where there are no cases."""
    return Share(hits / cases, *wilson_interval(hits, cases), cases) if cases else None

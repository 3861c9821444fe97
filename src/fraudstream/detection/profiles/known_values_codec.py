"""The stored form of what an entity has met before, within that of its profile.

When something was first met is told in hours before the end of the profile's newest day.
"""

import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

from fraudstream.detection.profiles.known_values import UNKNOWN_LEVEL, KnownValue

Known: TypeAlias = tuple[tuple[KnownValue, ...], tuple[KnownValue, ...], tuple[KnownValue, ...]]
"""Devices, countries and payees."""

_HASHED = struct.Struct("<IH")
_PAYEE = struct.Struct("<IHB")
_COUNTRY = struct.Struct("<HH")
_LONG = struct.Struct("<II")
_HOURS_A_DAY: Final = 24
_MINUTES_AN_HOUR: Final = 60
_LONGEST: Final = 2**16 - 1
"""Hours, 7.5 years: what was first met before is told as if it had been then."""


def packed(
    devices: Sequence[KnownValue], countries: Sequence[KnownValue], payees: Sequence[KnownValue], newest_day: int
) -> list[bytes]:
    """Return the stored form, in parts.

    Args:
        devices: those that a profile remembers.
        countries: those that it remembers.
        payees: those that it remembers.
        newest_day: the profile's newest day, in days since the epoch.
    """
    end = (newest_day + 1) * _HOURS_A_DAY
    return [
        *[_HASHED.pack(hashed, min(end - first_seen, _LONGEST)) for hashed, first_seen, _ in devices],
        *[_PAYEE.pack(hashed, min(end - first_seen, _LONGEST), level) for hashed, first_seen, level in payees],
        *[_COUNTRY.pack(country, min(end - first_seen, _LONGEST)) for country, first_seen, _ in countries],
    ]


def read(
    state: bytes, start: int, numbers: tuple[int, int, int], newest_day: int, *, has_levels: bool
) -> tuple[Known, int]:
    """Read the stored form; say where it ends too.

    Args:
        state: the profile's stored form.
        start: where what is known begins in it.
        numbers: how many devices, countries and payees there are.
        newest_day: of the profile, in days since the epoch.
        has_levels: it tells the levels of payees, as profiles from schema 10 on do.

    Raises:
        struct.error: the state is too short.
    """
    end_of_days = (newest_day + 1) * _HOURS_A_DAY
    devices, countries, payees = numbers
    first = start + _HASHED.size * devices
    middle = first + (_PAYEE if has_levels else _HASHED).size * payees
    end = middle + _COUNTRY.size * countries
    stored = state[first:middle]
    if has_levels:
        paid = [KnownValue(value, end_of_days - age, level) for value, age, level in _PAYEE.iter_unpack(stored)]
    else:
        paid = [KnownValue(value, end_of_days - age, UNKNOWN_LEVEL) for value, age in _HASHED.iter_unpack(stored)]
    used = [KnownValue(value, end_of_days - age) for value, age in _HASHED.iter_unpack(state[start:first])]
    visited = [KnownValue(value, end_of_days - age) for value, age in _COUNTRY.iter_unpack(state[middle:end])]
    return (tuple(used), tuple(visited), tuple(paid)), end


def read_long(state: bytes, start: int, numbers: tuple[int, int, int]) -> tuple[Known, int]:
    """Read the form of profiles up to schema 4, which tells minutes since the epoch; say where it ends too.

    Args:
        state: the profile's stored form.
        start: where what is known begins in it.
        numbers: how many devices, countries and payees there are.

    Raises:
        struct.error: the state is too short.
    """
    devices, countries, payees = numbers
    end = start + _LONG.size * (devices + countries + payees)
    pairs = _LONG.iter_unpack(state[start:end])
    known = tuple([KnownValue(value, minute // _MINUTES_AN_HOUR) for value, minute in pairs])
    middle = devices + countries
    known_payees = tuple([each._replace(level=UNKNOWN_LEVEL) for each in known[middle:]])
    return (known[:devices], known[devices:middle], known_payees), end

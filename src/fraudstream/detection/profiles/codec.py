"""The stored form of a profile: at most one kilobyte with its key and the names of its attributes."""

import struct
from typing import Any, Final, NamedTuple

from fraudstream.detection.profiles.amounts import Amounts
from fraudstream.detection.profiles.buckets import Buckets
from fraudstream.detection.profiles.entities import EntityKind
from fraudstream.detection.profiles.events import NO_COUNTRY, NO_PEER, NO_PLACE, Event
from fraudstream.detection.profiles.known_values import KnownValue
from fraudstream.detection.profiles.layout import LAYOUTS, Layout
from fraudstream.detection.profiles.profile import HOURS_A_DAY, LabelChange, LastPlace, OlderEvents, Profile

SCHEMA: Final = 2

_KINDS: Final = tuple(EntityKind)
_FAMILIAR = struct.Struct("<II")
_LABEL = struct.Struct("<QI")
_ABSENT: Final = (NO_PEER, NO_COUNTRY, NO_PLACE, NO_PLACE)
"""What an event's fields after the first peer are where they are not kept."""


_FIRST_ABSENT: Final = len(Event._fields) - len(_ABSENT)


class ProfileError(ValueError):
    """A stored profile cannot be read."""


class _Form(NamedTuple):
    """How the profiles of one kind are stored."""

    kind: EntityKind
    layout: Layout
    fixed: struct.Struct
    event: struct.Struct


def _form(kind: EntityKind) -> _Form:
    layout = LAYOUTS[kind]
    columns = "".join(f"{column.length}{column.code}" for column in (*layout.days, *layout.hours))
    details = f"{HOURS_A_DAY}HQhhBBB" if layout.detailed else ""
    return _Form(kind, layout, struct.Struct(f"<BBBBQIddII{columns}{details}"), struct.Struct("<" + layout.event))


_FORMS: Final = {kind: _form(kind) for kind in EntityKind}


def pack(profile: Profile) -> bytes:
    """Return the stored form."""
    form, past = _FORMS[profile.kind], profile.past
    kept = len(form.layout.event)
    values: list[Any] = [
        SCHEMA,
        _KINDS.index(profile.kind),
        len(profile.ring),
        len(profile.labels),
        profile.first_seen,
        *past.amounts,
        profile.days.newest,
        profile.hours.newest,
    ]
    for column in (*profile.days.columns, *profile.hours.columns):
        values += column
    if form.layout.detailed:
        values += profile.daytimes
        values += (*past.place, len(past.devices), len(past.countries), len(past.payees))
    familiar = (*past.devices, *past.countries, *past.payees)
    return b"".join(
        [
            form.fixed.pack(*values),
            *[_FAMILIAR.pack(*each) for each in familiar],
            *[_LABEL.pack(*change) for change in profile.labels],
            *[form.event.pack(*event[:kept]) for event in profile.ring],
        ]
    )


def unpack(state: bytes) -> Profile:
    """Read the stored form.

    Raises:
        ProfileError: another version of this code wrote it, or it is damaged.
    """
    if not state or state[0] != SCHEMA:
        found = f"schema {state[0]}" if state else "no schema"
        raise ProfileError(f"a profile has {found}, this code reads schema {SCHEMA}: deploy the code that wrote it")
    try:
        return _read(_FORMS[_KINDS[state[1]]], state)
    except (struct.error, IndexError, ValueError):
        raise ProfileError("a profile is damaged: its length does not fit its header") from None


def _read(form: _Form, state: bytes) -> Profile:
    values: tuple[Any, ...] = form.fixed.unpack_from(state)
    _, _, ring, labels, first_seen, number, mean, squares, newest_day, newest_hour = values[:10]
    columns: list[tuple[int, ...]] = []
    at = 10
    for column in (*form.layout.days, *form.layout.hours):
        columns.append(values[at : at + column.length])
        at += column.length
    days = len(form.layout.days)
    daytimes: tuple[int, ...] = ()
    place, devices, countries, payees = LastPlace(0, NO_PLACE, NO_PLACE), 0, 0, 0
    if form.layout.detailed:
        daytimes = values[at : at + HOURS_A_DAY]
        *placed, devices, countries, payees = values[at + HOURS_A_DAY :]
        place = LastPlace(*placed)
    start = form.fixed.size
    end = start + _FAMILIAR.size * (devices + countries + payees)
    familiar = [KnownValue._make(each) for each in _FAMILIAR.iter_unpack(state[start:end])]
    start, end = end, end + _LABEL.size * labels
    changes = tuple([LabelChange._make(each) for each in _LABEL.iter_unpack(state[start:end])])
    if len(state) != end + form.event.size * ring:
        raise ProfileError("a profile is damaged: its length does not fit its header")
    missing = _ABSENT[len(form.layout.event) - _FIRST_ABSENT :]
    events = tuple([Event._make(each + missing) for each in form.event.iter_unpack(state[end:])])
    past = OlderEvents(
        Amounts(number, mean, squares),
        place,
        tuple(familiar[:devices]),
        tuple(familiar[devices : devices + countries]),
        tuple(familiar[devices + countries :]),
    )
    return Profile(
        form.kind,
        events,
        first_seen,
        Buckets(newest_day, tuple(columns[:days])),
        Buckets(newest_hour, tuple(columns[days:])),
        daytimes,
        past,
        changes,
    )

"""The stored form of a profile: at most one kilobyte with its key and the names of its attributes.

The first byte is the schema. From schema 3 on, the last four are a CRC-32 of all before them, whatever the schema: so a
profile that a newer version wrote is told from a damaged one. Schema 2, of 0.1.0, ends without.
"""

import math
import struct
import zlib
from itertools import pairwise
from typing import Any, Final, NamedTuple

from fraudstream.detection.profiles.amounts import Amounts
from fraudstream.detection.profiles.buckets import Buckets
from fraudstream.detection.profiles.entities import EntityKind
from fraudstream.detection.profiles.events import NO_COUNTRY, NO_PEER, NO_PLACE, Event
from fraudstream.detection.profiles.known_values import KnownValue
from fraudstream.detection.profiles.layout import LAYOUTS, Layout
from fraudstream.detection.profiles.profile import HOURS_A_DAY, LabelChange, LastPlace, OlderEvents, Profile

SCHEMA: Final = 3
"""What is written."""
_SCHEMA_WITHOUT_CHECKSUM: Final = 2
_CHECKSUM = struct.Struct("<I")

_KINDS: Final = tuple(EntityKind)
_FAMILIAR = struct.Struct("<II")
_LABEL = struct.Struct("<QI")
_ABSENT: Final = (NO_PEER, NO_COUNTRY, NO_PLACE, NO_PLACE)
"""What an event's fields after the first peer are where they are not kept."""


_FIRST_ABSENT: Final = len(Event._fields) - len(_ABSENT)


class ProfileError(ValueError):
    """A stored profile cannot be read."""


class DamagedProfileError(ProfileError):
    """A stored profile is not what was written."""


class NewerProfileError(ProfileError):
    """A newer version of this code wrote a profile, and must find it as it left it."""


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
    body = b"".join(
        [
            form.fixed.pack(*values),
            *[_FAMILIAR.pack(*each) for each in familiar],
            *[_LABEL.pack(*change) for change in profile.labels],
            *[form.event.pack(*event[:kept]) for event in profile.ring],
        ]
    )
    return body + _CHECKSUM.pack(zlib.crc32(body))


def unpack(state: bytes, kind: EntityKind | None = None) -> Profile:
    """Read the stored form, of this version of the code or of any before it.

    Args:
        state: what was stored.
        kind: the kind of entity that it must be of.

    Raises:
        DamagedProfileError: it is not what any version wrote.
        NewerProfileError: a newer version wrote it.
    """
    body = _body(state)
    try:
        profile = _read(_FORMS[_KINDS[body[1]]], body)
    except (struct.error, IndexError):
        raise DamagedProfileError("a profile is damaged: its length does not fit its header") from None
    if kind not in {None, profile.kind}:
        raise DamagedProfileError(f"a profile is damaged: a {profile.kind}'s stands under the key of a {kind}")
    if state[0] == _SCHEMA_WITHOUT_CHECKSUM and not _is_plausible(profile):
        raise DamagedProfileError("a profile is damaged: its events and figures do not fit together")
    return profile


def _body(state: bytes) -> bytes:
    """Check that a state is whole; give it without its checksum."""
    schema = state[0] if state else 0
    if schema == _SCHEMA_WITHOUT_CHECKSUM:
        return state
    body, checksum = state[: -_CHECKSUM.size], state[-_CHECKSUM.size :]
    if schema < SCHEMA or len(state) <= _CHECKSUM.size or _CHECKSUM.pack(zlib.crc32(body)) != checksum:
        raise DamagedProfileError("a profile is damaged: its checksum does not fit")
    if schema > SCHEMA:
        raise NewerProfileError(f"a profile has schema {schema}, this code reads schemas up to {SCHEMA}")
    return body


def _is_plausible(profile: Profile) -> bool:
    """Return whether a profile can have come about: what schema 2 has instead of a checksum."""
    ring, layout, amounts = profile.ring, LAYOUTS[profile.kind], profile.past.amounts
    return (
        len(ring) <= layout.ring
        and len(profile.labels) <= layout.labels
        and all(first < second for first, second in pairwise(ring))
        and all(first < second for first, second in pairwise(profile.labels))
        and math.isfinite(amounts.mean)
        and math.isfinite(amounts.squares)
        and amounts.squares >= 0
    )


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
        raise DamagedProfileError("a profile is damaged: its length does not fit its header")
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

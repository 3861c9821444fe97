"""The stored form of a profile: less than one kilobyte with its key and the names of its attributes.

The first byte is the schema. From schema 3 on, the last four are a CRC-32 of all before them, whatever the schema: so a
profile that a newer version wrote is told from a damaged one. Schema 2, of 0.1.0, ends without.

Most figures are small, and many columns hold nothing. From schema 4 on, each column has the least width that its
largest figure needs: none, or one, two or four bytes a figure. Two bits of the head say which. From schema 6 on, when
something was first met is told in hours before the end of the profile's newest day, and countries take two bytes.
From schema 8 on, a card's events name the customer. From schema 10 on, a payee has the level of what moved.
"""

import math
import struct
import zlib
from functools import lru_cache
from itertools import pairwise, starmap
from typing import Any, Final, NamedTuple

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles import known_values_codec
from fraudstream.detection.profiles.amounts import Amounts
from fraudstream.detection.profiles.buckets import Buckets
from fraudstream.detection.profiles.events import NO_COUNTRY, NO_PEER, NO_PLACE, Event
from fraudstream.detection.profiles.layout import LAYOUTS, ColumnForm, Layout
from fraudstream.detection.profiles.profile import HOURS_A_DAY, LabelChange, LastPlace, OlderEvents, Profile
from fraudstream.detection.profiles.senders import BITS
from fraudstream.detection.profiles.sharded import Sharding

SCHEMA: Final = 10
"""What is written."""
CLOSED_SCHEMA: Final = 11
"""Schema of the closed base of a sharded profile: how it is divided, then a profile of `SCHEMA`. A version that knows
no shards takes it for a newer one's, and leaves it as it is."""
_CLOSED_SCHEMAS: Final = (5, 7, 9, CLOSED_SCHEMA)
_SCHEMA_OF_PAYEES_ALONE: Final = 8
_SCHEMA_OF_CARDS_ALONE: Final = 6
_SCHEMA_OF_LONG_FAMILIAR: Final = 4
_SCHEMA_OF_FIXED_WIDTHS: Final = 3
_SCHEMA_WITHOUT_CHECKSUM: Final = 2
_CHECKSUM = struct.Struct("<I")
_CLOSED = struct.Struct("<BBI")
"""Schema, number of shards, generation."""

_KINDS: Final = tuple(EntityKind)
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}
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

    layout: Layout
    columns: tuple[ColumnForm, ...]
    """Days, hours, and the hours of the day where they are kept; with the types of their figures at fixed widths."""
    figures: tuple[tuple[int, bool, bool], ...]
    """By column: where its width is among the widths, whether its figures are bytes at most, and whether any may be
    negative."""
    event: struct.Struct
    earlier_event: struct.Struct
    """Up to schema `_SCHEMA_OF_CARDS_ALONE`."""


def _form(kind: EntityKind) -> _Form:
    layout = LAYOUTS[kind]
    columns = (*layout.days, *layout.hours, *((ColumnForm(HOURS_A_DAY, "H"),) if layout.detailed else ()))
    figures = tuple((2 * place, column.code in "Bb", column.code.islower()) for place, column in enumerate(columns))
    earlier = "QIIBI" if kind is EntityKind.CARD else layout.event
    return _Form(layout, columns, figures, *(struct.Struct("<" + event) for event in (layout.event, earlier)))


_FORMS: Final = {kind: _form(kind) for kind in EntityKind}
_CODES: Final = (("", "B", "H", "I"), ("", "b", "h", "i"))
"""By sign and width: the type of a figure."""


class _Fixed(NamedTuple):
    """What comes before a profile's lists, in one of the widths that its columns may have."""

    form: struct.Struct
    columns: tuple[tuple[slice, tuple[int, ...]], ...]
    """By column: where its figures are among the values, and what it is where they are left out."""
    details: int
    """Where the values after the columns begin."""


@lru_cache(maxsize=4096)
def _fixed(kind: EntityKind, widths: int | None) -> _Fixed:
    """Return how to store what comes before a profile's lists.

    Args:
        kind: the profile's.
        widths: two bits for each column, those of the first one lowest; None for fixed widths.
    """
    form = _FORMS[kind]
    head, codes, at = "BBBBQIddII", "", _HEAD
    if widths is not None:
        head, at = head + "H", at + 1
    columns: list[tuple[slice, tuple[int, ...]]] = []
    for column, (shift, _, is_signed) in zip(form.columns, form.figures, strict=True):
        code = column.code if widths is None else _CODES[is_signed][widths >> shift & 3]
        length = column.length if code else 0
        columns.append((slice(at, at + length), (0,) * (column.length - length)))
        codes += f"{length}{code}" if code else ""
        at += length
    details = "QhhBBB" if form.layout.detailed else f"{_SENDERS}s" if form.layout.senders else ""
    return _Fixed(struct.Struct(f"<{head}{codes}{details}"), tuple(columns), at)


_SENDERS: Final = BITS // 8
"""Bytes of a filter of senders."""
_HEAD: Final = 10
"""Values before the widths."""
_WIDTHS: Final = struct.Struct("<H")
_WIDTHS_AT: Final = struct.calcsize("<BBBBQIddII")


_WIDTH_OF_BITS: Final = (0, *[1] * 8, *[2] * 8, *[3] * 16)


def pack(profile: Profile) -> bytes:
    """Return the stored form."""
    kind, past, days, hours = profile.kind, profile.past, profile.days, profile.hours
    form = _FORMS[kind]
    kept = len(form.layout.event)
    columns = (*days.columns, *hours.columns)
    if form.layout.detailed:
        columns = (*columns, profile.daytimes)
    widths = 0
    values: list[Any] = [
        SCHEMA,
        _NUMBERS[kind],
        len(profile.ring),
        len(profile.labels),
        profile.first_seen,
        *past.amounts,
        days.newest,
        hours.newest,
        widths,
    ]
    for column, (shift, is_byte, is_signed) in zip(columns, form.figures, strict=True):
        if any(column):
            if is_byte:
                width = 1
            else:
                largest = 2 * max(map(abs, column)) if is_signed else max(column)
                width = _WIDTH_OF_BITS[largest.bit_length()]
            widths |= width << shift
            values += column
    values[_HEAD] = widths
    if form.layout.detailed:
        values += (*past.place, len(past.devices), len(past.countries), len(past.payees))
    elif form.layout.senders:
        values.append(past.senders.to_bytes(_SENDERS, "little"))
    body = b"".join(
        [
            _fixed(kind, widths).form.pack(*values),
            *known_values_codec.packed(past.devices, past.countries, past.payees, days.newest),
            *starmap(_LABEL.pack, profile.labels),
            *[form.event.pack(*event[:kept]) for event in profile.ring],
        ]
    )
    return body + _CHECKSUM.pack(zlib.crc32(body))


def pack_closed(profile: Profile, sharding: Sharding) -> bytes:
    """Return the stored form of the closed base of a sharded profile."""
    body = _CLOSED.pack(CLOSED_SCHEMA, *sharding) + pack(profile)[: -_CHECKSUM.size]
    return body + _CHECKSUM.pack(zlib.crc32(body))


def sharding_of(state: bytes) -> Sharding | None:
    """Return how a profile is divided, by the stored form of its base; None for one that is not.

    Args:
        state: what `unpack` can read.
    """
    return Sharding._make(_CLOSED.unpack_from(state)[1:]) if state[0] in _CLOSED_SCHEMAS else None


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
    if body[0] in _CLOSED_SCHEMAS:
        if len(body) < _CLOSED.size or not body[1]:
            raise DamagedProfileError("a profile is damaged: nothing says how it is divided")
        body = body[_CLOSED.size :]
    try:
        profile = _read(_KINDS[body[1]], body)
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
    if schema < _SCHEMA_OF_FIXED_WIDTHS or len(state) <= _CHECKSUM.size or _CHECKSUM.pack(zlib.crc32(body)) != checksum:
        raise DamagedProfileError("a profile is damaged: its checksum does not fit")
    if schema > CLOSED_SCHEMA:
        raise NewerProfileError(f"a profile has schema {schema}, this code reads schemas up to {CLOSED_SCHEMA}")
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


_NOTHING: Final[known_values_codec.Known] = ((), (), ())


def _read(kind: EntityKind, state: bytes) -> Profile:
    form = _FORMS[kind]
    widths = None if state[0] <= _SCHEMA_OF_FIXED_WIDTHS else _WIDTHS.unpack_from(state, _WIDTHS_AT)[0]
    fixed = _fixed(kind, widths)
    values: tuple[Any, ...] = fixed.form.unpack_from(state)
    _, _, ring, labels, first_seen, number, mean, squares, newest_day, newest_hour = values[:_HEAD]
    columns = [values[position] or nothing for position, nothing in fixed.columns]
    days = len(form.layout.days)
    daytimes: tuple[int, ...] = ()
    last_place, senders = LastPlace(0, NO_PLACE, NO_PLACE), 0
    familiar, start = _NOTHING, fixed.form.size
    if form.layout.detailed:
        daytimes = columns.pop()
        *last_fields, devices, countries, payees = values[fixed.details :]
        last_place, numbers = LastPlace(*last_fields), (devices, countries, payees)
        if state[0] <= _SCHEMA_OF_LONG_FAMILIAR:
            familiar, start = known_values_codec.read_long(state, start, numbers)
        else:
            has_levels = state[0] > _SCHEMA_OF_PAYEES_ALONE
            familiar, start = known_values_codec.read(state, start, numbers, newest_day, has_levels=has_levels)
    elif form.layout.senders:
        senders = int.from_bytes(values[fixed.details], "little")
    end = start + _LABEL.size * labels
    changes = tuple(map(LabelChange._make, _LABEL.iter_unpack(state[start:end])))
    event = form.earlier_event if state[0] <= _SCHEMA_OF_CARDS_ALONE else form.event
    if len(state) != end + event.size * ring:
        raise DamagedProfileError("a profile is damaged: its length does not fit its header")
    missing = _ABSENT[len(event.format) - 1 - _FIRST_ABSENT :]
    stored = event.iter_unpack(state[end:])
    events = tuple(map(Event._make, [each + missing for each in stored] if missing else stored))
    past = OlderEvents(
        Amounts(number, mean, squares),
        last_place,
        *familiar,
        senders,
    )
    return Profile(
        kind,
        events,
        first_seen,
        Buckets(newest_day, tuple(columns[:days])),
        Buckets(newest_hour, tuple(columns[days:])),
        daytimes,
        past,
        changes,
    )

"""The forms of 0.1.0, for `benchmarks/items.py` to compare with: copies, which nothing else uses."""

import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fraudstream.contract import EntityKind
from fraudstream.detection.features.registry import FEATURES, NAMES, Form, Vector
from fraudstream.detection.profiles.layout import LAYOUTS
from fraudstream.detection.profiles.profile import HOURS_A_DAY, Profile
from fraudstream.transactions.decisions.decision import Decision
from fraudstream.transactions.storage.attributes import Item, to_item

_MISSING: Final = 255
_MOST: Final = 254
_STEPS: Final = 200


def _positions(*forms: Form) -> tuple[int, ...]:
    return tuple(position for position, feature in enumerate(FEATURES) if feature.form in forms)


_BYTES = _positions(Form.COUNT, Form.SHARE)
_SCALES = tuple(_STEPS if FEATURES[position].form is Form.SHARE else 1 for position in _BYTES)
_SINGLES = _positions(Form.AMOUNT)
_CUTS = _positions(Form.COARSE)
_HEAD = struct.Struct(f"<B{len(_BYTES)}B{len(_SINGLES)}f")
_TAIL = struct.Struct(f">{len(_CUTS)}f")


def pack_vector(values: Mapping[str, float | None]) -> bytes:
    """Return form 3 of a feature vector."""
    get = values.get
    listed = [get(name) for name in NAMES]
    small = [
        _MISSING if (value := listed[position]) is None else round(min(max(value * scale, 0), _MOST))
        for position, scale in zip(_BYTES, _SCALES, strict=True)
    ]
    singles = [math.nan if (value := listed[position]) is None else value for position in _SINGLES]
    wide = [math.nan if (value := listed[position]) is None else value for position in _CUTS]
    head, cut = _HEAD.pack(3, *small, *singles), _TAIL.pack(*wide)
    return head + cut[0::4] + cut[1::4]


_ORDER = (*_BYTES, *_SINGLES, *_CUTS)
_PLACES = tuple(_ORDER.index(position) for position in range(len(FEATURES)))


def unpack_vector(packed: bytes) -> Vector:
    """Read form 3 of a feature vector."""
    head = _HEAD.unpack_from(packed)
    cut = bytearray(4 * len(_CUTS))
    cut[0::4], cut[1::4] = packed[_HEAD.size : _HEAD.size + len(_CUTS)], packed[_HEAD.size + len(_CUTS) :]
    small = len(_BYTES) + 1
    ordered: list[float | None] = [
        None if value == _MISSING else value / scale for value, scale in zip(head[1:small], _SCALES, strict=True)
    ]
    ordered += [None if value != value else value for value in (*head[small:], *_TAIL.unpack(cut))]  # noqa: PLR0124  (NaN)
    return tuple([ordered[place] for place in _PLACES])


_KINDS: Final = tuple(kind for kind in EntityKind if kind is not EntityKind.COUNTERPARTY)
_FAMILIAR = struct.Struct("<II")
_LABEL = struct.Struct("<QI")


def _fixed(kind: EntityKind) -> struct.Struct:
    layout = LAYOUTS[kind]
    columns = "".join(f"{column.length}{column.code}" for column in (*layout.days, *layout.hours))
    details = f"{HOURS_A_DAY}HQhhBBB" if layout.detailed else ""
    return struct.Struct(f"<BBBBQIddII{columns}{details}")


_FIXED: Final = {kind: _fixed(kind) for kind in _KINDS}
_EVENT_FORMS: Final = {kind: "QIIBI" if kind is EntityKind.CARD else LAYOUTS[kind].event for kind in _KINDS}
_EVENTS: Final = {kind: struct.Struct("<" + form) for kind, form in _EVENT_FORMS.items()}


def pack_profile(profile: Profile) -> bytes:
    """Return schema 2 of a profile."""
    layout, past = LAYOUTS[profile.kind], profile.past
    kept = len(_EVENT_FORMS[profile.kind])
    values: list[Any] = [
        2,
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
    if layout.detailed:
        values += profile.daytimes
        values += (*past.place, len(past.devices), len(past.countries), len(past.payees))
    familiar = (*past.devices, *past.countries, *past.payees)
    return b"".join(
        [
            _FIXED[profile.kind].pack(*values),
            *[_FAMILIAR.pack(each.hash, 60 * each.first_seen) for each in familiar],
            *[_LABEL.pack(*change) for change in profile.labels],
            *[_EVENTS[profile.kind].pack(*event[:kept]) for event in profile.ring],
        ]
    )


def pack_profile_with_checksum(profile: Profile) -> bytes:
    """Return schema 3 of a profile, which no release wrote: the same with a CRC-32 behind it."""
    body = b"\x03" + pack_profile(profile)[1:]
    return body + zlib.crc32(body).to_bytes(4, "little")


def pack_decision(decision: Decision) -> Item:
    """Return the attributes of a decision, its ids of rules in plain words."""
    return to_item(msgspec.to_builtins(decision, builtin_types=(bytes,)))

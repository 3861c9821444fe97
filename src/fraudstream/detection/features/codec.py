"""The compact form in which a transaction's features are stored with its decision.

The vector is rounded to its stored form *before* it is judged, so that the log alone reproduces every decision.
"""

import math
import struct
from collections.abc import Mapping
from typing import Final

from fraudstream.detection.features.registry import FEATURES, NAMES, SCHEMA, Form, Vector


class FeatureError(ValueError):
    """A stored feature vector cannot be read."""


def _positions(*forms: Form) -> tuple[int, ...]:
    return tuple(position for position, feature in enumerate(FEATURES) if feature.form in forms)


_MISSING: Final = 255
"""Stored for a missing count or share; a missing number is stored as NaN."""
_MOST: Final = 254
_STEPS: Final = 200
"""Of a share; decimal fractions in half per cents are read back as a rule writes them."""
_LARGEST: Final = 3.0e38

_BYTES = _positions(Form.COUNT, Form.SHARE)
_SCALES = tuple(_STEPS if FEATURES[position].form is Form.SHARE else 1 for position in _BYTES)
_SINGLES = _positions(Form.AMOUNT)
_CUTS = _positions(Form.COARSE)
_ORDER = (*_BYTES, *_SINGLES, *_CUTS)
_PLACES = tuple(_ORDER.index(position) for position in range(len(FEATURES)))
_HEAD = struct.Struct(f"<B{len(_BYTES)}B{len(_SINGLES)}f")
_TAIL = struct.Struct(f">{len(_CUTS)}f")
_SIZE = _HEAD.size + 2 * len(_CUTS)


def pack(values: Mapping[str, float | None]) -> bytes:
    """Return the stored form of computed features; a name that is not there is missing."""
    get = values.get
    listed = [get(name) for name in NAMES]
    small = [
        _MISSING if (value := listed[position]) is None else round(min(max(value * scale, 0), _MOST))
        for position, scale in zip(_BYTES, _SCALES, strict=True)
    ]
    singles = [math.nan if (value := listed[position]) is None else value for position in _SINGLES]
    wide = [math.nan if (value := listed[position]) is None else value for position in _CUTS]
    try:
        head, cut = _HEAD.pack(SCHEMA, *small, *singles), _TAIL.pack(*wide)
    except OverflowError:
        head = _HEAD.pack(SCHEMA, *small, *map(_limited, singles))
        cut = _TAIL.pack(*map(_limited, wide))
    # The first two of a big-endian single's four bytes are its sign, exponent and eight significant bits.
    return head + cut[0::4] + cut[1::4]


def unpack(packed: bytes) -> Vector:
    """Read the stored form: the vector as it was judged.

    Raises:
        FeatureError: another version of this code wrote it, or it is damaged.
    """
    if len(packed) != _SIZE or packed[0] != SCHEMA:
        raise FeatureError(f"not a feature vector of schema {SCHEMA}: read it with the version that wrote it")
    head = _HEAD.unpack_from(packed)
    cut = bytearray(4 * len(_CUTS))
    cut[0::4], cut[1::4] = packed[_HEAD.size : _HEAD.size + len(_CUTS)], packed[_HEAD.size + len(_CUTS) :]
    small = len(_BYTES) + 1
    ordered: list[float | None] = [
        None if value == _MISSING else value / scale for value, scale in zip(head[1:small], _SCALES, strict=True)
    ]
    ordered += [None if value != value else value for value in (*head[small:], *_TAIL.unpack(cut))]  # noqa: PLR0124  (NaN)
    return tuple([ordered[place] for place in _PLACES])


def _limited(value: float) -> float:
    return max(min(value, _LARGEST), -_LARGEST) if value == value else value  # noqa: PLR0124  (NaN)

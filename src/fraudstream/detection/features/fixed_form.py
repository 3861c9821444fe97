"""Form 3 of a feature vector, which 0.1.0 stored: all features of schema 3, whether they are missing or not."""

import struct
from collections.abc import Sequence
from typing import Final

from fraudstream.detection.features.registry import Feature, Form, without_nan

FIXED_FORM: Final = 3
"""The first byte."""
_MISSING: Final = 255
"""Stands for a missing count or share; a missing number is NaN."""
_STEPS: Final = 200
"""Steps of a share."""


class FixedForm:
    """Reads form 3."""

    def __init__(self, features: Sequence[Feature]) -> None:
        """Work out where each feature is stored.

        Args:
            features: those of schema 3, in the registry's order.
        """
        small, singles, cuts = (
            [place for place, feature in enumerate(features) if feature.form in forms]
            for forms in ((Form.COUNT, Form.SHARE), (Form.AMOUNT,), (Form.COARSE,))
        )
        order = [*small, *singles, *cuts]
        self._places = [order.index(place) for place in range(len(features))]
        self._scales = [_STEPS if features[place].form is Form.SHARE else 1 for place in small]
        self._head = struct.Struct(f"<x{len(small)}B{len(singles)}f")
        self._tail = struct.Struct(f">{len(cuts)}f")
        self._cuts = len(cuts)

    def read(self, packed: bytes) -> list[float | None]:
        """Return the values in the order of the features; None for a missing one.

        Raises:
            struct.error: the length is wrong.
        """
        middle, end = self._head.size + self._cuts, self._head.size + 2 * self._cuts
        if len(packed) != end:
            raise struct.error("the length is wrong")
        head = self._head.unpack_from(packed)
        cut = bytearray(self._tail.size)
        cut[0::4], cut[1::4] = packed[self._head.size : middle], packed[middle:]
        ordered: list[float | None] = [
            None if value == _MISSING else value / scale for value, scale in zip(head, self._scales, strict=False)
        ]
        wide = (*head[len(self._scales) :], *self._tail.unpack(cut))
        ordered += without_nan(wide)
        return [ordered[place] for place in self._places]

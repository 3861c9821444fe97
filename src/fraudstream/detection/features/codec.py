"""The compact form in which a transaction's features are stored with its decision.

The vector is rounded to its stored form *before* it is judged, so that the log alone reproduces every decision.

Most features of a transaction are missing or 0. So a vector is two bytes, for its form and for the schema of its
features, and then a block for each schema that brought features, oldest first. A block has two bits for each of its
features, which say whether there is a value and whether it is other than 0, and then only the values that are. A reader
knows the blocks of its own schema and of those before; what a newer version appends, it leaves alone. A vector of an
older schema ends earlier, and the newer features are missing.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from fraudstream.detection.features.fixed_form import FIXED_FORM, FixedForm
from fraudstream.detection.features.registry import (
    DECLARED,
    FIRST_SCHEMA,
    MOST_COUNTED,
    Feature,
    Form,
    Vector,
    without_nan,
)

FORM: Final = 4
"""What is written."""
_HEAD: Final = 2
_MOST: Final = MOST_COUNTED
"""Largest count, and largest share in steps."""
_STEPS: Final = 200
"""Steps of a share; decimal fractions in half per cents are read back as a rule writes them."""
_LARGEST: Final = 3.0e38
_SINGLE: Final = 4
_STATES_A_BYTE: Final = 4
_MISSING, _ZERO, _VALUE = "0", "1", "2"
"""The two bits of a feature, as digits of base four."""
_STATES: Final = [f"{each >> 6}{each >> 4 & 3}{each >> 2 & 3}{each & 3}" for each in range(256)]
_ORDER: Final = (Form.COUNT, Form.SHARE, Form.AMOUNT, Form.COARSE)
"""Order of the features in a block; those of one form are in the registry's order."""
_DAMAGED: Final = "a feature vector is damaged: its length does not fit what it says of itself"


class FeatureError(ValueError):
    """A stored feature vector cannot be read."""


class NewerVectorError(FeatureError):
    """A newer version of this code wrote a feature vector, in a form that this version does not know."""


class _Block:
    """The features that one schema brought."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = sorted(features, key=lambda feature: _ORDER.index(feature.form))
        counts, shares, amounts, coarse = (
            # Nothing computes a value of no name: a retired feature is missing, also where its name has a new meaning.
            ["" if feature.retired else feature.name for feature in features if feature.form is form]
            for form in _ORDER
        )
        self._names = (*counts, *shares, *amounts, *coarse)
        self._amounts = len(amounts)
        self._shares_at = len(counts)
        self._singles_at = self._shares_at + len(shares)
        self._cuts_at = self._singles_at + len(amounts)
        self._bytes = (len(features) + _STATES_A_BYTE - 1) // _STATES_A_BYTE
        self._padding = "0" * (_STATES_A_BYTE * self._bytes - len(features))
        self._singles = [struct.Struct(f"<{number}f") for number in range(len(amounts) + 1)]
        self._cuts = [struct.Struct(f">{number}f") for number in range(len(coarse) + 1)]

    def pack(self, get: Callable[[str], float | None]) -> bytes:
        """Return the stored form; `get` gives a feature's value by its name."""
        values = [*map(get, self._names)]
        if not any(values):
            return self._packed_states([_MISSING if value is None else _ZERO for value in values])
        small = [
            None if value is None else 0 if value <= 0 else round(value) if value < _MOST else _MOST
            for value in values[: self._shares_at]
        ]
        small += [
            None if value is None else round(min(max(value, 0), 1) * _STEPS) if value else 0
            for value in values[self._shares_at : self._singles_at]
        ]
        wide = values[self._singles_at :]
        states = [_VALUE if value else _MISSING if value is None else _ZERO for value in (*small, *wide)]
        singles, cuts = [*filter(None, wide[: self._amounts])], [*filter(None, wide[self._amounts :])]
        try:
            single, cut = self._singles[len(singles)].pack(*singles), self._cuts[len(cuts)].pack(*cuts)
        except OverflowError:
            single = self._singles[len(singles)].pack(*map(_limited, singles))
            cut = self._cuts[len(cuts)].pack(*map(_limited, cuts))
        return b"".join(
            (
                self._packed_states(states),
                bytes([*filter(None, small)]),
                single,
                # The first two of a big-endian single's four bytes are its sign, exponent and eight significant bits.
                cut[0::_SINGLE],
                cut[1::_SINGLE],
            )
        )

    def _packed_states(self, states: list[str]) -> bytes:
        return int("".join(states) + self._padding, 4).to_bytes(self._bytes, "big")

    def read(self, packed: bytes, start: int) -> tuple[list[float | None], int]:
        """Return the values of a block that begins at a position, in the order of `features`, and where it ends.

        Raises:
            struct.error: the vector ends before the block.
        """
        end = start + self._bytes
        states = "".join([_STATES[each] for each in packed[start:end]])[: len(self.features)]
        if _VALUE not in states and end <= len(packed):
            return [None if state == _MISSING else 0.0 for state in states], end
        counts = end + states.count(_VALUE, 0, self._shares_at)
        small = counts + states.count(_VALUE, self._shares_at, self._singles_at)
        singles = self._singles[states.count(_VALUE, self._singles_at, self._cuts_at)]
        cuts = self._cuts[states.count(_VALUE, self._cuts_at)]
        number = cuts.size // _SINGLE
        first, second = small + singles.size, small + singles.size + number
        if len(packed) < second + number:
            raise struct.error(_DAMAGED)
        cut = bytearray(cuts.size)
        cut[0::_SINGLE], cut[1::_SINGLE] = packed[first:second], packed[second : second + number]
        wide = (*singles.unpack_from(packed, small), *cuts.unpack(cut))
        values: list[float | None] = [*map(float, packed[end:counts])]
        values += [value / _STEPS for value in packed[counts:small]]
        values += without_nan(wide)
        take = iter(values).__next__
        every = [take() if state == _VALUE else None if state == _MISSING else 0.0 for state in states]
        return every, second + number


class VectorCodec:
    """Stores and reads the vectors of one version of the list of features."""

    def __init__(self, declared: Sequence[Feature]) -> None:
        """Prepare the blocks.

        Args:
            declared: all features that were ever stored, as the registry lists them.
        """
        self._schema = max(feature.since for feature in declared)
        self._blocks = {
            since: _Block([feature for feature in declared if feature.since == since])
            for since in sorted({feature.since for feature in declared})
        }
        stored = [feature for block in self._blocks.values() for feature in block.features]
        first = [feature for feature in declared if feature.since == FIRST_SCHEMA]
        self._fixed = FixedForm(first)
        self._of_fixed = [first.index(feature) for feature in self._blocks[FIRST_SCHEMA].features]
        self._size = len(stored)
        self._current = itemgetter(*[stored.index(feature) for feature in declared if not feature.retired])

    def pack(self, values: Mapping[str, float | None]) -> bytes:
        """Return the stored form of computed features; a name that is not there is missing."""
        return bytes((FORM, self._schema)) + b"".join([block.pack(values.get) for block in self._blocks.values()])

    def unpack(self, packed: bytes) -> Vector:
        """Read the stored form: the vector as it was judged, as far as this version knows its features.

        Raises:
            FeatureError: it is damaged.
            NewerVectorError: a newer version wrote it, in a form that this version does not know.
        """
        form = packed[0] if packed else 0
        if form > FORM:
            raise NewerVectorError(f"a feature vector has form {form}, and this version reads forms up to {FORM}")
        try:
            if form == FORM:
                values = self._read(packed)
            elif form == FIXED_FORM:
                stored = self._fixed.read(packed)
                values = [stored[place] for place in self._of_fixed]
            else:
                raise FeatureError(_DAMAGED)
        except (struct.error, IndexError):
            raise FeatureError(_DAMAGED) from None
        values += [None] * (self._size - len(values))
        return self._current(values)

    def _read(self, packed: bytes) -> list[float | None]:
        values: list[float | None] = []
        schema, end = packed[1], _HEAD
        for since, block in self._blocks.items():
            if since > schema:
                break
            read, end = block.read(packed, end)
            values += read
        if end != len(packed) and schema <= self._schema:
            raise FeatureError(_DAMAGED)
        return values


def _limited(value: float) -> float:
    return max(min(value, _LARGEST), -_LARGEST)


def schema_of(packed: bytes) -> int:
    """Return the schema of the features in a vector that `unpack` can read."""
    return FIRST_SCHEMA if packed[0] == FIXED_FORM else packed[1]


_CODEC: Final = VectorCodec(DECLARED)
pack: Final = _CODEC.pack
unpack: Final = _CODEC.unpack

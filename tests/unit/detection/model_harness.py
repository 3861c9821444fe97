"""Small models of random data, for tests that need one."""

import functools
import math
from zlib import crc32

import msgspec
import numpy as np

from fraudstream.detection.features.registry import NAMES, Vector
from fraudstream.detection.models.model import Calibration, Model, Promise, seal
from fraudstream.durations import DAY
from fraudstream_tools.lab.training.boosting import Flags, Matrix, Parameters
from fraudstream_tools.lab.training.fit import fit

START = 1_780_000_000_000
AMOUNT = NAMES.index("amountBase")
CARD = NAMES.index("cardCount1h")
HALF_DAY = NAMES.index("customerCount12h")
COMPLETE = "localWeekday"
"""The feature that no vector lacks."""


def random_vectors(rows: int, seed: int, missing: float = 0.2) -> Matrix:
    """Vectors with ties, zeros, negative numbers, large ones and missing ones."""
    vectors = np.empty((rows, len(NAMES)))
    for place, name in enumerate(NAMES):
        # By chance of its own: a feature that comes later leaves the others as they are.
        number = crc32(name.encode())
        chance = np.random.default_rng([seed, number])
        values = np.exp(chance.normal(size=rows) * 2)
        if number % 3 == 0:
            values = np.round(values)
        if number % 5 == 0:
            values -= 2
        values[chance.random(rows) < missing] = math.nan
        vectors[:, place] = np.nan_to_num(values) if name == COMPLETE else values
    return vectors


def labels_of(vectors: Matrix, seed: int) -> Flags:
    """Fraud where a few features are high together, and by chance."""
    chance = np.random.default_rng(seed)
    known = np.nan_to_num(vectors)
    odds = np.log1p(np.abs(known[:, AMOUNT])) + np.log1p(np.abs(known[:, CARD])) + np.isnan(vectors[:, HALF_DAY]) - 5
    return chance.random(len(vectors)) < 1 / (1 + np.exp(-1.5 * odds))


def times_of(rows: int, days: float = 60) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return (START + np.linspace(0, days * DAY, rows)).astype(np.int64)


@functools.cache
def small_model(seed: int = 1, *, own_labels: bool = False) -> Model:
    vectors = random_vectors(6000, seed)
    return fit(
        vectors,
        labels_of(vectors, seed),
        times_of(6000),
        parameters=Parameters(trees=20, seed=seed),
        own_labels=own_labels,
    )


def severe_model() -> Model:
    """A model that declines everything, and has promised to flag next to nothing."""
    file = small_model(own_labels=True).file
    promise = Promise(log_odds=-10.0, shares=(0.001,) * 24, spread=1.0)
    certain = Calibration(slope=file.calibration.slope, intercept=50.0)
    return seal(msgspec.structs.replace(file, calibration=certain, promised=promise))


def as_vectors(rows: Matrix) -> list[Vector]:
    return [tuple([None if math.isnan(value) else value for value in row]) for row in rows.tolist()]

"""Months of which nobody labelled a fraud: they would teach a model that fraud is legitimate."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fraudstream_tools.lab.training.samples.examples import Examples

_EXPECTED: Final = 5.0
"""Frauds that the other months let expect; so many come to none by chance once in 150 times (Poisson)."""


def without_silent_months(examples: Examples) -> tuple[Examples, tuple[str, ...]]:
    """Leave out calendar months (UTC) that have no fraud, although by the share of the others they should have.

    Args:
        examples: labelled transactions.

    Returns:
        What is left, and the months that were left out, such as `2026-03`.
    """
    names, places = np.unique(_months(examples), return_inverse=True)
    counts = np.ones(len(places)) if examples.weights is None else examples.weights
    # As many frauds can be expected to be known by now as labels have come.
    labelled = np.bincount(places, weights=counts * examples.arrived, minlength=len(names))
    frauds = np.bincount(places, weights=counts * examples.labels, minlength=len(names))
    speaking = frauds > 0
    if speaking.all() or not speaking.any():
        return examples, ()
    share = frauds[speaking].sum() / labelled[speaking].sum()
    silent = ~speaking & (share * labelled >= _EXPECTED)
    return _without(examples, names[silent]), tuple([str(name) for name in names[silent]])


def _months(examples: Examples) -> NDArray[np.datetime64]:
    return examples.timestamps.astype("datetime64[ms]").astype("datetime64[M]")


def _without(examples: Examples, months: NDArray[np.datetime64]) -> Examples:
    left = examples.chosen(~np.isin(_months(examples), months))
    if (stopped := examples.stopped) is None or not len(stopped.timestamps):
        return left
    kept = ~np.isin(_months(stopped), months)
    # They are drawn by chance, each with the same weight: as many of all are left as of those.
    number = round(examples.left_out.stopped * float(kept.mean()))
    return replace(left, stopped=stopped.chosen(kept), left_out=replace(left.left_out, stopped=number))

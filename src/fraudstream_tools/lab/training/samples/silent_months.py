"""Months of which nobody labelled a fraud: they would teach a model that fraud is legitimate."""

from typing import Final

import numpy as np

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
    months = examples.timestamps.astype("datetime64[ms]").astype("datetime64[M]")
    names, places = np.unique(months, return_inverse=True)
    counts = np.ones(len(months)) if examples.weights is None else examples.weights
    # As many frauds can be expected to be known by now as labels have come.
    labelled = np.bincount(places, weights=counts * examples.arrived, minlength=len(names))
    frauds = np.bincount(places, weights=counts * examples.labels, minlength=len(names))
    speaking = frauds > 0
    if speaking.all() or not speaking.any():
        return examples, ()
    share = frauds[speaking].sum() / labelled[speaking].sum()
    silent = ~speaking & (share * labelled >= _EXPECTED)
    return examples.chosen(~silent[places]), tuple([str(name) for name in names[silent]])

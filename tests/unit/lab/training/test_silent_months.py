"""Months in which nobody labelled anything teach nothing, and are told."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from fraudstream.durations import DAY
from fraudstream_tools.lab.training.samples.examples import NEVER, Examples, LeftOut, stopped_examples
from fraudstream_tools.lab.training.samples.silent_months import without_silent_months
from tests.unit.lab.training.test_rule_weighing import SHIPPED, rule_hits

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)


def months_of(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return times.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def a_year(*, silent: tuple[int, ...] = (), every: int = 50) -> Examples:
    rows = 3650
    times = START + np.arange(rows, dtype=np.int64) * (365 * DAY // rows)
    months = months_of(times)
    return Examples(
        vectors=np.zeros((rows, 1)),
        labels=(np.arange(rows) % every == 0) & ~np.isin(months, silent),
        timestamps=times,
        hits=rule_hits(SHIPPED, [[]] * rows),
        known_at=np.full(rows, NEVER),
        arrived=np.ones(rows),
        declined=np.zeros(rows, dtype=np.bool_),
    )


def test_months_without_a_label_are_left_out_and_named() -> None:
    found, months = without_silent_months(a_year(silent=(3, 8)))
    assert months == ("2026-03", "2026-08")
    assert len(found.labels) == len(found.timestamps) == 3650 - 620
    assert found.labels.sum() == a_year(silent=(3, 8)).labels.sum()


def test_a_year_in_which_all_months_speak_stays_whole() -> None:
    found, months = without_silent_months(a_year())
    assert (len(found.labels), months) == (3650, ())


def test_a_month_in_which_few_frauds_were_to_be_expected_stays() -> None:
    assert without_silent_months(a_year(silent=(3,), every=100))[1] == ()
    assert without_silent_months(a_year(silent=tuple(range(1, 13))))[1] == ()


def test_what_was_declined_in_months_without_a_label_is_left_out_with_them() -> None:
    year = a_year(silent=(3, 8))
    declined = stopped_examples(year.vectors, year.timestamps, year.hits)
    found, _ = without_silent_months(replace(year, stopped=declined, left_out=LeftOut(stopped=2 * 3650)))
    assert found.stopped is not None
    assert len(found.stopped.timestamps) == 3650 - 620
    assert not {3, 8} & set(months_of(found.stopped.timestamps).tolist())
    assert found.left_out.stopped == 2 * (3650 - 620)

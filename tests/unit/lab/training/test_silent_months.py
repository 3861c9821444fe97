"""Months in which nobody labelled anything teach nothing, and are told."""

from datetime import UTC, datetime

import numpy as np

from fraudstream.durations import DAY
from fraudstream_tools.lab.training.samples.examples import NEVER, Examples
from fraudstream_tools.lab.training.samples.silent_months import without_silent_months
from tests.unit.lab.training.test_rule_weighing import SHIPPED, rule_hits

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)


def a_year(*, silent: tuple[int, ...] = (), every: int = 50) -> Examples:
    rows = 3650
    times = START + np.arange(rows, dtype=np.int64) * (365 * DAY // rows)
    months = times.astype("datetime64[ms]").astype("datetime64[M]").astype(int) % 12 + 1
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

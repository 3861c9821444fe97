"""What `docs/scale.md` computes is computed rightly, of the figures beside it."""

import re
from pathlib import Path
from typing import Final

import pytest

from benchmarks.scans import A_DAY, DAYS
from fraudstream.contract import FUNCTION_TIMEOUT_SECONDS
from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.features.registry import FEATURES
from fraudstream.reporting.log.hours.roll_up import MERGE_SECONDS
from fraudstream_tools.analytics.athena import dollars
from fraudstream_tools.lab.training.samples.log_sample import MOST_LEGITIMATE
from infra.data.analytics import saved_queries
from infra.settings import ANALYTICS_CUTOFF_GIB

PAGE: Final = (Path(__file__).parents[3] / "docs/scale.md").read_text()
CUTOFF_BYTES: Final = ANALYTICS_CUTOFF_GIB * 2**30
ROWS: Final = {
    name.strip("`"): (int(days), float(each), costs)
    for name, days, each, costs in re.findall(r"^\| ([^|]+) \| (\d+) \| ([\d.]+) \| (.+\$.+) \|$", PAGE, re.MULTILINE)
}


def test_every_saved_query_has_its_row() -> None:
    assert {query.name for query in saved_queries()} < set(ROWS)
    assert {name: days for name, (days, _, _) in ROWS.items() if name in DAYS} == DAYS


@pytest.mark.parametrize("name", ROWS)
def test_costs_are_those_of_the_bytes(name: str) -> None:
    days, each, costs = ROWS[name]
    found = [float(cost.replace(",", "")) for cost in re.findall(r"\$([\d.,]+\d)", costs)]
    assert found == pytest.approx([dollars(round(each * number * days)) for number in A_DAY], rel=0.06, abs=6e-5)


def test_the_queries_that_the_workgroup_stops_are_named() -> None:
    paragraph = PAGE.partition("A query that reads more than 100 GiB")[2].partition("\n\n")[0]
    stopped = {name for name, (days, each, _) in ROWS.items() if each * days * A_DAY[-1] > CUTOFF_BYTES}
    assert set(re.findall(r"`([a-z-]+)`", paragraph)) == stopped - {"backtest of the shipped rules"}
    _, each, _ = ROWS["backtest of the shipped rules"]
    assert not any(each * days * A_DAY[1] > CUTOFF_BYTES for days, each, _ in ROWS.values())
    raised = 500 * 2**30
    assert all(each * days * A_DAY[-1] <= raised for days, each, _ in ROWS.values())
    assert f"each at ${dollars(raised):.2f} at most" in paragraph
    assert f"backtests of more than {int(CUTOFF_BYTES / (each * A_DAY[-1]))} days" in paragraph


def test_the_lead_is_that_of_the_seconds_beside_it() -> None:
    (python, duckdb) = (float(each) for each in re.findall(r"^\| `--engine \w+` \| ([\d.]+) ", PAGE, re.MULTILINE))
    assert f"{python / duckdb:.1f} times as fast" in PAGE


def test_the_time_of_a_merge_is_compared_with_what_the_function_has() -> None:
    assert f"The function has {FUNCTION_TIMEOUT_SECONDS} seconds" in PAGE
    assert f"starts no hour with less than {MERGE_SECONDS:.0f} left" in PAGE
    (seconds,) = re.findall(r"divided by ranges of customers, took (\d+) s", PAGE)
    started = range(0, FUNCTION_TIMEOUT_SECONDS - int(MERGE_SECONDS) + 1, int(seconds))
    assert len(started) == 3
    assert "a call that\ncatches up merges three such hours" in PAGE


def test_the_log_was_measured_with_the_features_that_there_are() -> None:
    assert f"(of it the {len(FEATURES)} features as columns)" in PAGE


def test_the_memory_of_a_sample_is_that_of_what_is_drawn_and_learnt_from() -> None:
    text, numbers, each = " ".join(PAGE.split()), len(INPUTS), 8 * len(INPUTS)
    assert f"A transaction takes {each} bytes ({numbers} numbers in double precision: {len(FEATURES)} features" in text
    assert f"the default sample is {MOST_LEGITIMATE * each / 1e6:.0f} MB" in text

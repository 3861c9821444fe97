"""What `fraudstream cost` prints, and that the README has it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fraudstream_tools.cli.stack.preflight import stack_settings
from fraudstream_tools.costs.estimate import (
    DECISION_LOG_DAYS,
    REPORTER_WINDOW_SECONDS,
    Usage,
    batches,
    estimate,
    read_counts,
    read_prices,
)
from tests.cli_harness import Command

ROOT = Path(__file__).parents[4]
SHIPPED = ROOT / "src" / "fraudstream_tools" / "costs" / "prices.json"


def dollars(usage: Usage) -> dict[str, float]:
    return {line.name: line.million for line in estimate(usage, read_counts(), read_prices(None))}


def test_the_readme_has_the_table_that_the_command_prints(fraudstream: Command) -> None:
    printed = fraudstream("cost", "--tx-per-day", "1000000", "--markdown").out.strip()
    assert printed in (ROOT / "README.md").read_text()


def test_storage_and_recovery_grow_with_the_days_of_retention() -> None:
    short, long = dollars(Usage(1_000_000, retention_days=100)), dollars(Usage(1_000_000, retention_days=400))
    for line in ("DynamoDB: storage", "DynamoDB: point-in-time recovery"):
        assert 3.5 < long[line] / short[line] < 4
    assert {name for name in short if short[name] != long[name]} == {
        "DynamoDB: storage",
        "DynamoDB: point-in-time recovery",
    }


def test_larger_batches_of_the_analyzer_cost_less() -> None:
    together = [sum(dollars(Usage(1_000_000, batch=batch)).values()) for batch in batches(read_counts())]
    assert together == sorted(together, reverse=True)


def test_only_those_who_wait_pay_for_inline_decisions() -> None:
    half, whole = (dollars(Usage(1_000_000, inline_share=share))["inline decisions"] for share in (0.5, 1.0))
    assert whole == pytest.approx(2 * half)
    assert "inline decisions" not in dollars(Usage(1_000_000))


def test_prices_of_ones_own_take_the_place_of_those_that_are_shipped(fraudstream: Command, tmp_path: Path) -> None:
    prices: dict[str, Any] = json.loads(SHIPPED.read_text())
    prices["prices"]["api_requests"]["dollars"] = 1.0
    own = tmp_path / "prices.json"
    own.write_text(json.dumps(prices))
    printed = fraudstream("cost", "--tx-per-day", "1000", "--prices", str(own), "--json").out
    lines = {line["name"]: line for line in json.loads(printed)["lines"]}
    assert lines["API Gateway: requests"]["million"] == 1


def test_a_file_without_a_price_is_refused_by_the_prices_name(fraudstream: Command, tmp_path: Path) -> None:
    prices: dict[str, Any] = json.loads(SHIPPED.read_text())
    del prices["prices"]["traces"]
    own = tmp_path / "prices.json"
    own.write_text(json.dumps(prices))
    result = fraudstream("cost", "--tx-per-day", "1000", "--prices", str(own))
    assert result.code == 1
    assert "it has no price of traces" in re.sub(r"\s+", " ", result.err)


def test_a_batch_that_was_not_measured_is_refused(fraudstream: Command) -> None:
    result = fraudstream("cost", "--tx-per-day", "1000", "--batch", "7")
    assert result.code == 1
    assert "1, 3, 10, 100" in result.err


def test_every_price_names_its_source() -> None:
    assert all(price.source.startswith("https://aws.amazon.com/") for price in read_prices(None).prices.values())


def test_what_is_assumed_is_what_a_stack_has_by_default() -> None:
    settings = stack_settings(Path("missing.yaml"), "dev")
    assert Usage(1).retention_days == settings.retention_days
    assert (settings.decision_log_days, settings.segment_window_seconds) == (DECISION_LOG_DAYS, REPORTER_WINDOW_SECONDS)
    sizes = {"processor": settings.processor, "analyzer": settings.analyzer, "reporter": settings.reporter}
    assert read_counts().memory_megabytes == {name: size.memory_mb for name, size in sizes.items()}

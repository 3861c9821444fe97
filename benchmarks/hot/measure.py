"""Holds 1,000 transactions a second on one entity against the same load spread over many: `make bench-hot`.

Time is simulated, so the figures do not depend on the machine: writes and reads take 5 ms, judging takes none. Batch,
store and judge are the real ones, and the ruleset the shipped one. Transactions come whether or not the earlier ones
are decided, after a backlog of ten seconds. The last line printed is JSON.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.hot.load import LoadOutcome, LoadSimulation, Scenario
from fraudstream.detection.judge import Judge
from fraudstream_tools.rules.folder import RulesFolder

RULES: Final = Path(__file__).resolve().parents[2] / "rules"
RATE: Final = 1000
CARD_RATE: Final = 200
_ALL: Final = ("merchant_id", "device_id", "ip_address")
HOT: Final = (
    Scenario("merchant", RATE, ("merchant_id",), is_hot=True),
    Scenario("device", RATE, ("device_id",), is_hot=True),
    Scenario("address", RATE, ("ip_address",), is_hot=True),
    Scenario("all three", RATE, _ALL, is_hot=True),
    Scenario("card", CARD_RATE, ("card_token",), is_hot=True),
)
SEED: Final = 7
_HUNDREDTHS: Final = 100


def main() -> None:
    """Run each scenario and its spread load, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for which transactions come after the backlog")
    parser.add_argument("--only", help="one scenario")
    asked = parser.parse_args()
    judge = Judge(RulesFolder(RULES).load())
    spread: dict[tuple[int, int], dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    for scenario in HOT:
        if asked.only not in {None, scenario.name}:
            continue
        kind = scenario.rate, len(scenario.fields)
        if kind not in spread:
            spread[kind] = _figures(scenario._replace(is_hot=False), judge, asked.seconds)
            print(f"spread as {scenario.name}: {json.dumps(spread[kind])}", flush=True)
        row = {"scenario": scenario.name, **_figures(scenario, judge, asked.seconds)}
        row |= {
            f"{name}_ratio": round(row[name] / spread[kind][name], 2) for name in ("p99", "p99_settled", "processor_ms")
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    worst = {
        "failed_batches": max(row["failed_batches"] for row in rows),
        "decided_per_second": min(row["decided_per_second"] for row in rows if row["scenario"] != "card"),
        "p99_ratio": max(max(row["p99_ratio"], row["p99_settled_ratio"]) for row in rows),
    }
    print(json.dumps({**worst, "scenarios": rows}))


def _figures(scenario: Scenario, judge: Judge, seconds: float) -> dict[str, Any]:
    begun = time.process_time()
    outcome = LoadSimulation(scenario, judge, seconds, SEED).run()
    processor = time.process_time() - begun
    number = len(outcome.latencies)
    settled = [latency for at, latency in outcome.latencies if at > seconds / 2]
    return {
        "transactions": number,
        "failed_batches": outcome.failed_batches,
        "why": dict(outcome.why),
        "decided_per_second": round(number / outcome.seconds),
        "p50": _quantile([latency for _, latency in outcome.latencies], 50),
        "p99": _quantile([latency for _, latency in outcome.latencies], 99),
        "p50_settled": _quantile(settled, 50),
        "p99_settled": _quantile(settled, 99),
        **_counts(outcome, number),
        "divided": outcome.divided,
        "processor_ms": round(processor * 1000 / number, 2),
    }


def _counts(outcome: LoadOutcome, number: int) -> dict[str, float]:
    return {name: round(total / number, 2) for name, total in sorted(outcome.counted.items())}


def _quantile(values: Sequence[float], percent: int) -> float:
    """Return a quantile in seconds."""
    return round(sorted(values)[len(values) * percent // _HUNDREDTHS], 4)


if __name__ == "__main__":
    main()

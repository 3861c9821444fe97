"""Simulates a stack at loads that no machine here can make: `make bench-scale`.

Requests go through a discrete-event simulation of the gateway's throttle, the functions' environments, the partitions
of the table, and the shards and lanes of its stream. Service times are those that `make bench-requests` metered. The
last line printed is JSON.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.scale.system import Load, SimulatedStack, SimulatedTimes, StackSimulation, constant
from fraudstream_tools.costs.estimate import SECONDS_A_DAY, Usage, batches, estimate, read_counts, read_prices
from fraudstream_tools.sizing.plan import plan_for
from fraudstream_tools.sizing.service import service_times

RATES: Final = (10, 100, 300, 1000, 3000, 10_000)
UNTHROTTLED: Final = (1200, 1500, 2000, 3000)
SEED: Final = 11
REQUESTS: Final = 20_000
"""Of a run, at most; the fastest last four seconds at least."""
DEFAULT: Final = SimulatedStack(service_times(read_counts()), 1000, 200, 200, 100, 4)
"""What a stack has without any setting; a new table has four partitions."""


def main() -> None:
    """Run the scenarios, and print what came of them."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(
        json.dumps(
            {
                "service_milliseconds": {
                    name: round(seconds * 1000, 1) for name, seconds in DEFAULT.times._asdict().items()
                },
                "by_default": [_steady(DEFAULT, rate) for rate in RATES],
                "without_throttle": [_steady(DEFAULT._replace(throttle=1e6, burst=5000), rate) for rate in UNTHROTTLED],
                "as_sized": [_steady(_sized(rate), rate) for rate in RATES],
                "scenarios": _scenarios(),
            }
        )
    )


def _sized(rate: float) -> SimulatedStack:
    plan = plan_for(rate, DEFAULT.times)
    return DEFAULT._replace(
        throttle=max(DEFAULT.throttle, rate * 2),
        burst=plan.throttle_burst,
        processor_concurrency=plan.processor_concurrency,
        analyzer_concurrency=plan.analyzer_concurrency,
        partitions=plan.partitions,
    )


def _steady(stack: SimulatedStack, rate: float) -> dict[str, Any]:
    seconds = min(max(REQUESTS / rate, 4), 120)
    found = StackSimulation(stack, Load(constant(rate), seconds), SEED).run()
    plan, counts = plan_for(rate, stack.times), read_counts()
    # The largest batch that was metered and is not larger than those of the run.
    batch = max(each for each in batches(counts) if each == 1 or each <= len(found.decisions) / max(found.batches, 1))
    dollars = estimate(Usage(int(rate * SECONDS_A_DAY), batch=batch), counts, read_prices(None))
    return {
        "rate": rate,
        **_figures(found),
        "busiest": found.busiest,
        "planned_busy": round(plan.busy, 1),
        "batch": round(len(found.decisions) / max(found.batches, 1), 1),
        "lanes": stack.partitions * 10,
        "processor_concurrency": stack.processor_concurrency,
        "analyzer_concurrency": stack.analyzer_concurrency,
        "partitions": stack.partitions,
        "dollars_a_million": round(sum(line.million for line in dollars), 2),
    }


def _scenarios() -> list[dict[str, Any]]:
    runs: Sequence[tuple[str, SimulatedStack, Load, bool]] = (
        ("ten times 50 a second for ten seconds", DEFAULT, Load(_burst, 60), True),
        ("500 a second from no environment at all", DEFAULT, Load(constant(500), 20), False),
        ("1,000 a second, a fifth on one merchant", DEFAULT, Load(constant(1000), 20, 0.2), True),
        ("1,000 a second, a fifth on one merchant in 16 items", DEFAULT, Load(constant(1000), 20, 0.2, 16), True),
        ("50 a second, nothing decided for ten minutes", DEFAULT, Load(constant(50), 800, outage=(60, 660)), True),
    )
    rows: list[dict[str, Any]] = []
    for name, stack, load, warm in runs:
        found = StackSimulation(stack, load, SEED, warm=warm).run()
        row = {"name": name, **_figures(found), "busiest": found.busiest, "cold_starts": found.cold_starts}
        if until := load.outage[1]:
            # Caught up is who decides what comes in at once again.
            late = [at for at, took in zip(found.decided_at, found.decisions, strict=True) if took > 5]  # noqa: PLR2004  (seconds: far from at once)
            row["caught_up_seconds"] = round(max(late, default=until) - until, 1)
        rows.append(row)
    return rows


def _burst(now: float) -> float:
    return 500 if 20 <= now < 30 else 50  # noqa: PLR2004  (as its name in the table says)


def _figures(found: SimulatedTimes) -> dict[str, Any]:
    asked = max(found.counts["requests"], 1)
    return {
        "requests": found.counts["requests"],
        "given_up_share": round(found.counts["given up"] / asked, 5),
        "refused": {
            name: found.counts[name] for name in ("throttled", "no environment", "table refused") if found.counts[name]
        },
        "undecided": found.counts["undecided"],
        "post_milliseconds": _quantiles(found.posts),
        "decision_milliseconds": _quantiles(found.decisions),
    }


def _quantiles(seconds: Sequence[float]) -> Mapping[str, float]:
    ordered = sorted(seconds)
    return {
        name: round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1)
        for name, share in (("p50", 0.5), ("p99", 0.99))
        if ordered
    }


if __name__ == "__main__":
    main()

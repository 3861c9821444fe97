"""Counts what a transaction asks of AWS: `make bench-requests`.

Transactions of the sample day go through the handlers of the three functions on the embedded AWS, after profiles that
the rest of the day has left. The stream is given out in batches of 1, 3, 10 and 100, in turns, a hundred transactions
after the other. Requests are counted as they are sent, units by the sizes of items, and what the functions
print is what they log. The last line printed is JSON; `--output` also writes it for `fraudstream cost`.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.metering import RequestMeter
from benchmarks.requests.logs import PrintedLines, access_log_bytes
from benchmarks.requests.runs import BATCHES, FunctionRuns, variables
from benchmarks.requests.world import TABLES, item_bytes, make_world
from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import ANALYZER, PROCESSOR, REPORTER
from fraudstream_tools.cli.stack.preflight import stack_settings
from fraudstream_tools.lab.world.sample_day import sample_transactions
from infra.monitoring.alarms import Watched, alarm_specs

BLOCK: Final = 100


def main() -> None:
    """Measure, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=1, help="of a hundred transactions, for each size of batch")
    parser.add_argument("--output", type=Path, help="file to write the counts to, for `fraudstream cost`")
    asked = parser.parse_args()
    now = int(time.time() * 1000)
    day = sample_transactions(now)
    metered = asked.blocks * BLOCK * len(BATCHES)
    with tempfile.TemporaryDirectory() as folder, MinistackServer(Path(folder)) as aws:
        result = _measure(aws, day[:-metered], day[-metered:], now)
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


def _measure(
    aws: MinistackServer, warm_up: Sequence[dict[str, Any]], day: Sequence[dict[str, Any]], now: int
) -> dict[str, Any]:
    dynamodb = make_world(aws, warm_up, now)
    os.environ |= variables(aws)
    indexes = {spec.purpose: [index.hash_key for index in spec.indexes] for spec in TABLES}
    meter, printed = RequestMeter(dynamodb, indexes), PrintedLines()
    streams = aws.streams()
    real, sys.stdout = sys.stdout, printed
    try:
        with meter.watching():
            runs = FunctionRuns(meter, printed, dynamodb, streams)
            for number in range(0, len(day), BLOCK):
                runs.run(day[number : number + BLOCK], BATCHES[number // BLOCK % len(BATCHES)])
    finally:
        sys.stdout = real
    settings = stack_settings(Path(), "dev")
    return {
        "transactions": len(day),
        "functions": runs.shares(len(day)),
        "access_log_bytes": access_log_bytes(),
        "item_bytes": item_bytes(dynamodb, len(day), len(warm_up) + len(day)),
        "metrics": sorted(runs.metrics),
        # CloudWatch charges an alarm by the metrics that it looks at.
        "alarms": sum(len(each.metrics) for each in alarm_specs(_watched())),
        "memory_megabytes": {
            "processor": settings.processor.memory_mb,
            "analyzer": settings.analyzer.memory_mb,
            "reporter": settings.reporter.memory_mb,
        },
    }


def _watched() -> Watched:
    return Watched(
        functions={name: name for name in (PROCESSOR, ANALYZER, REPORTER)},
        analyzer=ANALYZER,
        reporter=REPORTER,
        queue="",
        api="",
        environment="",
        daily_requests=1,
    )


if __name__ == "__main__":
    main()

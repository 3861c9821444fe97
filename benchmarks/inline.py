"""Measures what a decision costs that a client waits for: `make bench-inline`.

The transaction processor's own handler answers the transactions of the sample day, with and without `Prefer: wait=1`,
in turns, against a table and a bucket that take a fixed time for each answer (`fixed_table`). Profiles are those that
0.1.0 stored of the sample day, rules and the shadow model the shipped ones.

- `cpu_ratio`: processor time of a POST that waits, by that of one that does not; the best of several rounds.
- `requests`: to AWS, of one POST.
- `p50_ratio`: median time of a POST that waits, by that of one that does not, at `--latency`.
- `share_within_one_write_unit`: of the golden transactions with their decision and an inline one.

`benchmarks.cold` measures new processes, up to the first answered POST.

The last line printed is JSON.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from itertools import cycle
from pathlib import Path
from typing import Any, Final, TextIO

from benchmarks.fixed_table import FixedTable, fixed_table
from benchmarks.items import WRITE_UNIT, item_size, read_stored, transaction_to_come
from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_FILES, RULESET_PREFIX
from fraudstream_tools.lab.world.sample_day import sample_transactions

ROOT: Final = Path(__file__).resolve().parents[1]
TIMED: Final = 200
"""POSTs of each kind whose time is taken."""
KINDS: Final = {"without": None, "waiting": "wait=1"}


def variables(table: FixedTable) -> dict[str, str]:
    """Return the processor's environment."""
    return {
        "ENVIRONMENT_SUFFIX": "bench",
        "TRANSACTIONS_TABLE": "transactions",
        "PROFILES_TABLE": "profiles",
        "BUCKET": "bench",
        "TOKEN_KEY": "a2V5LW9mLXRoZS1iZW5jaG1hcmstb2YtMzItYnl0ZXM=",
        # A new process takes longer than on Lambda only because this machine is shared.
        "INLINE_BUDGET_MILLISECONDS": "5000",
        "AWS_ENDPOINT_URL": table.endpoint,
        "AWS_REGION": "us-east-2",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }


def bucket() -> dict[str, bytes]:
    """Return the shipped ruleset and models, by their keys in the bucket."""
    files = {name: ROOT / "rules" / name for name in RULESET_FILES} | {MODELS_FILE: ROOT / "models" / MODELS_FILE}
    files |= {f"{MODELS_FOLDER}{path.name}": path for path in (ROOT / "models").glob("*.json")}
    return {RULESET_PREFIX + name: path.read_bytes() for name, path in files.items() if path.is_file()}


def events(prefer: str | None) -> Iterator[dict[str, Any]]:
    """Yield API Gateway's events of the sample day's transactions, again and again under new ids."""
    headers = {"Content-Type": "application/json"} | ({"Prefer": prefer} if prefer else {})
    transactions = sample_transactions(int(time.time() * 1000))
    for number, each in enumerate(cycle(transactions)):
        body = json.dumps(each | {"transactionId": f"b{number}"})
        yield {
            "httpMethod": "POST",
            "resource": "/transactions",
            "headers": headers,
            "requestContext": {"requestId": f"r{number}", "path": "/v1/transactions"},
            "body": body,
            "isBase64Encoded": False,
        }


def load_handler() -> Callable[[dict[str, Any]], Any]:
    """Return the processor's handler."""
    from fraudstream.functions.transaction_processor import handler  # noqa: PLC0415  (it reads its environment)

    context: Any = type("Context", (), {"aws_request_id": "1", "invoked_function_arn": "arn:function"})
    return lambda event: handler(event, context)


def measure(
    handler: Callable[[dict[str, Any]], Any], table: FixedTable, *, rounds: int, posts: int, latency: float
) -> dict[str, Any]:
    """Answer requests of both kinds in turns, and return what they took."""
    requests = {kind: events(prefer) for kind, prefer in KINDS.items()}
    for kind in KINDS:
        handler(next(requests[kind]))
    cpu = {kind: float("inf") for kind in KINDS}
    sent: dict[str, float] = {}
    for _ in range(rounds):
        for kind, source in requests.items():
            some = [next(source) for _ in range(posts)]
            before, started = table.count(), time.process_time()
            answers = [handler(event) for event in some]
            cpu[kind] = min(cpu[kind], (time.process_time() - started) / posts)
            sent[kind] = (table.count() - before) / posts
            decided = sum("inlineDecision" in answer["body"] for answer in answers)
            if decided != (posts if kind == "waiting" else 0):
                raise SystemExit(f"{decided} of {posts} posts {kind} were decided inline")
    table.answer_after(latency)
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(TIMED):
        for kind, source in requests.items():
            event = next(source)
            started = time.perf_counter()
            handler(event)
            took[kind].append(time.perf_counter() - started)
    table.answer_after(0.0)
    p50 = {kind: statistics.median(each) * 1000 for kind, each in took.items()}
    return {
        "cpu_milliseconds": {kind: round(each * 1000, 2) for kind, each in cpu.items()},
        "cpu_ratio": round(cpu["waiting"] / cpu["without"], 2),
        "requests": {kind: round(each, 2) for kind, each in sent.items()},
        "p50_milliseconds": {kind: round(each, 2) for kind, each in p50.items()},
        "p50_ratio": round(p50["waiting"] / p50["without"], 2),
    }


def share_within_one_write_unit() -> float:
    """Return the share of the golden transactions that fit into one write unit with both decisions.

    As `items` sizes them: with room for 16 more features.
    """
    stored = read_stored()
    sizes = [
        item_size(transaction_to_come(item, decision, own_ids=False))
        for item, decision in zip(stored.transactions, stored.decisions, strict=True)
    ]
    return round(sum(size <= WRITE_UNIT for size in sizes) / len(sizes), 4)


def main(out: TextIO = sys.stdout) -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=100, help="times that each kind of POST is measured: the best counts"
    )
    parser.add_argument("--posts", type=int, default=20, help="of each kind in a round")
    parser.add_argument("--latency", type=float, default=5.0, help="milliseconds of the table for each answer")
    asked = parser.parse_args()
    with fixed_table(read_stored().profiles, bucket()) as table:
        os.environ.update(variables(table))
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # its log and metrics
            handler = load_handler()
            result = measure(handler, table, rounds=asked.rounds, posts=asked.posts, latency=asked.latency / 1000)
        result["share_within_one_write_unit"] = share_within_one_write_unit()
    for name, value in result.items():
        print(f"{name:<32} {value}", file=out)
    print(json.dumps(result), file=out)


if __name__ == "__main__":
    main()

"""Loads the embedded AWS as clients would: `make bench-load`.

The whole system is deployed here, and transactions of the sample day are posted on a schedule that is kept whatever the
answers do (open loop): a request is late from the moment when it should have been sent. Every second client waits for
the inline decision. How long the analyzer takes is read from the items: from their receipt to the time of their
decision. Then sixteen clients post as fast as they are answered: saturation. The processor time of each part, for one
transaction, says what saturates. The last line printed is JSON; times are of a machine that others use too, so compare
them within a run.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from embedded_aws.cloud import LocalCloud
from fraudstream_tools.lab.replay.signing import SignedRequests
from fraudstream_tools.lab.world.sample_day import sample_transactions
from infra.program import main as program

RATES: Final = (5, 10, 20)
CLIENTS: Final = 16
CONFIG: Final = {"fraudstream:packageFor": "host", "fraudstream:inlineBudgetMilliseconds": "5000"}
QUANTILES: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Latencies:
    """What one load found, in seconds."""

    def __init__(self) -> None:
        """Begin without anything."""
        self.by_kind: dict[str, list[float]] = defaultdict(list)
        self.ids: list[str] = []
        self.failed = 0


def main() -> None:
    """Deploy, load, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="for each rate, and at saturation")
    seconds: int = parser.parse_args().seconds
    day = iter(sample_transactions(int(time.time() * 1000)))
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCloud(program=program, project="fraudstream", stack="load", config=CONFIG, folder=Path(folder)) as cloud,
    ):
        _ = asyncio.run(_load(cloud, [next(day) for _ in range(20)], 5))  # what starts cold
        rows: list[dict[str, Any]] = []
        for rate in (*RATES, None):
            number = (rate or 60) * seconds
            posted = [next(day) for _ in range(number)]
            before, started = processor_seconds(), time.perf_counter()
            found = asyncio.run(_load(cloud, posted, rate, seconds))
            took = time.perf_counter() - started
            found.by_kind["decision"] = _decided(cloud, found.ids)
            used: dict[str, float] = defaultdict(float)
            for (process, part), each in processor_seconds().items():
                used[part] += each - before.get((process, part), 0)
            rows.append(_row(rate, found, took, used))
            print(json.dumps(rows[-1]), flush=True)
    print(json.dumps({"loads": rows}))


async def _load(
    cloud: LocalCloud, posted: Sequence[Mapping[str, Any]], rate: float | None, seconds: float = 60
) -> Latencies:
    """Post on a schedule, or, without a rate, as fast as the clients are answered, for some seconds."""
    found = Latencies()
    auth = SignedRequests(cloud.credentials, "us-east-2")
    async with httpx.AsyncClient(auth=auth, timeout=60, limits=httpx.Limits(max_connections=200)) as client:
        started = time.perf_counter()
        if rate is not None:
            async with asyncio.TaskGroup() as group:
                for number, each in enumerate(posted):
                    due = started + number / rate
                    await asyncio.sleep(max(due - time.perf_counter(), 0))
                    group.create_task(_post(client, cloud, each, due, found, waits=number % 2 == 1))
            return found
        left = enumerate(posted)

        async def post_on() -> None:
            for number, each in left:
                if time.perf_counter() - started > seconds:
                    return
                await _post(client, cloud, each, time.perf_counter(), found, waits=number % 2 == 1)

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(post_on())
    return found


async def _post(
    client: httpx.AsyncClient, cloud: LocalCloud, each: Mapping[str, Any], due: float, found: Latencies, *, waits: bool
) -> None:
    headers = {"content-type": "application/json"} | ({"prefer": "wait=5"} if waits else {})
    try:
        answer = await client.post(f"{cloud.outputs['apiUrl']}/transactions", content=json.dumps(each), headers=headers)
    except httpx.TransportError:
        found.failed += 1
        return
    if answer.status_code != HTTPStatus.CREATED or (waits and "inlineDecision" not in answer.json()):
        found.failed += 1
        return
    found.by_kind["inline" if waits else "post"].append(time.perf_counter() - due)
    found.ids.append(each["transactionId"])


def _decided(cloud: LocalCloud, ids: Sequence[str]) -> list[float]:
    """Wait for all decisions, and return the seconds from receipt to decision."""
    wanted, deadline = set(ids), time.monotonic() + 120
    while True:
        pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["transactionsTable"])
        items = [item for page in pages for item in page["Items"] if item["transactionId"]["S"] in wanted]
        took = [
            (int(item["decidedAt"]["N"]) - int(item["receivedAt"]["N"])) / 1000 for item in items if "decidedAt" in item
        ]
        if len(took) >= len(wanted) or time.monotonic() > deadline:
            return took
        time.sleep(1)


def processor_seconds() -> dict[tuple[int, str], float]:
    """Return what this process and those below it have used of the processor, by process and part of the system."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
        used[int(stat.parent.name)] = sum(map(int, fields[11:13])) / TICKS
    found: dict[tuple[int, str], float] = {}
    for process, seconds in used.items():
        above = process
        while above and above != os.getpid():
            above = parents.get(above, 0)
        if above:
            found[process, _part(process)] = seconds
    return found


def _part(process: int) -> str:
    if process == os.getpid():
        return "gateway, streams and these clients"
    try:
        command = Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return "ended"
    return "tables and bucket (ministack)" if "ministack" in command else "functions"


def _row(rate: float | None, found: Latencies, took: float, used: Mapping[str, float]) -> dict[str, Any]:
    answered = len(found.ids)
    return {
        "asked_per_second": rate,
        "answered_per_second": round(answered / took, 1),
        "failed": found.failed,
        "milliseconds": {
            kind: {
                name: round(1000 * sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)])
                for name, share in QUANTILES
            }
            for kind, seconds in found.by_kind.items()
            if seconds
        },
        "undecided": answered - len(found.by_kind["decision"]),
        "cpu_milliseconds": {name: round(1000 * each / max(answered, 1), 1) for name, each in used.items()},
    }


if __name__ == "__main__":
    main()

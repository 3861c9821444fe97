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
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp

from embedded_aws.cloud import LocalCloud
from fraudstream_tools.lab.replay.signing import CallerAuth, SignedRequests
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


@dataclass
class _Api:
    """Posts to the API, and counts what comes of it."""

    session: aiohttp.ClientSession
    auth: CallerAuth
    url: str
    found: Latencies

    async def post(self, transaction: Mapping[str, Any], due: float, *, waits: bool) -> None:
        """Post a transaction that was due at a time of `perf_counter`, with or without waiting for its decision."""
        body = json.dumps(transaction).encode()
        headers = {"content-type": "application/json"} | ({"prefer": "wait=5"} if waits else {})
        headers |= self.auth.headers("POST", self.url, body, headers["content-type"])
        try:
            async with self.session.post(self.url, data=body, headers=headers) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            self.found.failed += 1
            return
        if answer.status != HTTPStatus.CREATED or (waits and "inlineDecision" not in said):
            self.found.failed += 1
            return
        self.found.by_kind["inline" if waits else "post"].append(time.perf_counter() - due)
        self.found.ids.append(transaction["transactionId"])


async def _load(
    cloud: LocalCloud, posted: Sequence[Mapping[str, Any]], rate: float | None, seconds: float = 60
) -> Latencies:
    """Post on a schedule, or, without a rate, as fast as the clients are answered, for some seconds."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=200), timeout=aiohttp.ClientTimeout(total=60)
    ) as session:
        auth = SignedRequests(cloud.credentials, "us-east-2")
        api = _Api(session, auth, f"{cloud.outputs['apiUrl']}/transactions", Latencies())
        started = time.perf_counter()
        if rate is not None:
            async with asyncio.TaskGroup() as group:
                for number, each in enumerate(posted):
                    due = started + number / rate
                    await asyncio.sleep(max(due - time.perf_counter(), 0))
                    group.create_task(api.post(each, due, waits=number % 2 == 1))
            return api.found
        left = enumerate(posted)

        async def post_on() -> None:
            for number, each in left:
                if time.perf_counter() - started > seconds:
                    return
                await api.post(each, time.perf_counter(), waits=number % 2 == 1)

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(post_on())
    return api.found


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

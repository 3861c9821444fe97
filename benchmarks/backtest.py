"""Times `fraudstream backtest`: `make bench-backtest`.

It simulates a world, judges a part of it for a decision log, and repeats that part under other ids until the log is
long enough; then it runs the command on the log with one process, and on the world's transactions with two, as a person
would. The rules are the shipped ones, repeated until there are enough. The last line printed is JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from fraudstream.contract import RULESET_FILES, ItemKind
from fraudstream.detection.judge import Judge
from fraudstream.reporting.log.record import LogEvent, read_stream_record
from fraudstream.transactions.decisions.decision import Label
from fraudstream_tools.lab.files.writing import write_rows
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).resolve().parents[1] / "rules"
JUDGED = 50_000
"""Transactions whose features are computed for the log; the rest of it repeats theirs."""
DAYS = 20
A_DAY = 2.5
FILE_ROWS = 100_000


def main() -> None:
    """Build the data, run the command, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logged", type=int, default=1_000_000, help="transactions in the log")
    parser.add_argument("--replayed", type=int, default=1_000_000, help="transactions to replay, roughly; 0: none")
    parser.add_argument("--rules", type=int, default=50)
    parser.add_argument("--format", choices=("parquet", "jsonl.gz"), default="parquet", help="of the log's files")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rules = write_rules(place / "rules", asked.rules)
        result: dict[str, Any] = {"rules": asked.rules, "processors": os.cpu_count()}
        if asked.logged:
            say("making the log")
            _write_log(place / "log", asked.logged, asked.format)
            result["logged"] = _run(rules, place / "log", processes=1)
        if asked.replayed:
            say("making the world")
            world = simulate(WorldSettings(customers=round(asked.replayed / DAYS / A_DAY), days=DAYS, activity=A_DAY))
            write_rows(place / "world.parquet", world.transactions)
            write_rows(place / "world.truth.parquet", (truth.as_row() for truth in world.truths))
            del world
            truth = ("--truth", str(place / "world.truth.parquet"))
            result["replayed"] = _run(rules, place / "world.parquet", *truth, processes=2)
        print(json.dumps(result))


def write_rules(folder: Path, number: int) -> Path:
    """Write the shipped rules, repeated until there are enough, to a folder."""
    folder.mkdir()
    for name in RULESET_FILES:
        folder.joinpath(name).write_bytes(RULES.joinpath(name).read_bytes())
    file: dict[str, Any] = yaml.safe_load(RULES.joinpath(RULESET_FILES[0]).read_bytes())
    shipped = file["rules"]
    file["rules"] = [
        {**shipped[n % len(shipped)], "id": f"{shipped[n % len(shipped)]['id'][:40]}-{n // len(shipped)}"}
        for n in range(number)
    ]
    folder.joinpath(RULESET_FILES[0]).write_text(json.dumps(file))
    return folder


def _write_log(folder: Path, number: int, ending: str) -> None:
    records = list(logged_records(JUDGED))
    decisions = [record for record in records if record["event"] == LogEvent.DECIDED]
    labels = [record for record in records if record["event"] == LogEvent.LABELED]
    for start in range(0, number, FILE_ROWS):
        count = min(FILE_ROWS, number - start)
        rows = (_repeated(decisions[n % len(decisions)], n // len(decisions)) for n in range(start, start + count))
        write_rows(folder / f"decisions-{start // FILE_ROWS:04}.{ending}", rows)
    repeated = range(number // len(decisions))
    write_rows(folder / f"labels.{ending}", [_repeated(label, n) for n in repeated for label in labels])


def _repeated(record: dict[str, Any], times: int) -> dict[str, Any]:
    return {**record, "transactionId": f"{record['transactionId']}-{times}"}


def logged_records(number: int) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log of so many judged transactions, roughly."""
    world = simulate(WorldSettings(seed=2, customers=round(number / DAYS / A_DAY), days=DAYS, activity=A_DAY))
    transactions = [as_transaction(row, number) for number, row in enumerate(world.transactions, start=1)]
    known = {
        each.transaction_id: KnownOutcome(each.fraud, each.report.labeled_at) for each in world.truths if each.report
    }
    judge = Judge(RulesFolder(RULES).load())
    for (transaction, decision), truth in zip(judge_history(transactions, known, judge), world.truths, strict=True):
        image = {**transaction.to_item(), **decision.to_item(), "kind": {"S": ItemKind.TRANSACTION.value}}
        if truth.report:
            label, source, labeled_at = truth.report
            image |= Label(label=label, label_source=source, labeled_at=labeled_at).to_item()
        change = {"NewImage": image, "ApproximateCreationDateTime": transaction.timestamp // 1000}
        for record in read_stream_record({"dynamodb": change}):
            yield msgspec.to_builtins(record)


def _run(rules: Path, data: Path, *options: str, processes: int) -> dict[str, Any]:
    command = [str(Path(sys.executable).with_name("fraudstream")), "backtest", "--json", "--processes", str(processes)]
    say(f"backtest with {processes} processes")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(
        [*command, "--rules", str(rules), "--data", str(data), *options], check=True, stdout=subprocess.PIPE
    )
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    transactions = json.loads(ran.stdout)["transactions"]
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "transactions": transactions,
        "processes": processes,
        "seconds": round(seconds, 1),
        "processor_seconds": round(busy, 1),
        "us_per_transaction": round(seconds / transactions * 1e6, 1),
        "max_rss_mb": round(after.ru_maxrss / 1024),
    }


def say(text: str) -> None:
    """Print on standard error what is being done."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

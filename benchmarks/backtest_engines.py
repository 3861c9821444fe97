"""Times backtests by Python and by DuckDB in turn, and memory as a log grows: `make bench-backtest-engines`.

It simulates a world, judges it, merges it as the report generator does, and repeats the merged rows under other ids.
Both engines judge the same log one after the other, and have to say the same. Then DuckDB judges longer ones, and a
model learns from a sample of each. The rules are the shipped ones, repeated until there are enough. The last line
printed is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from benchmarks.backtest import logged_records, say, write_rules
from fraudstream.reporting.log.hours.merging import merge
from fraudstream.reporting.log.keys import LogTable

A_FILE = 250_000
"""Rows of a file."""
LABELLED = 1_000_000
"""Transactions whose labels are there: all frauds are learnt from, and only the rest is drawn."""
SAMPLE = 50_000
"""Legitimate transactions that a model learns from."""


def main() -> None:
    """Build the logs, judge them, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logged", type=int, default=1_000_000, help="transactions that both engines judge")
    parser.add_argument("--rounds", type=int, default=2, help="how often each engine judges them, in turn")
    parser.add_argument("--growth", type=int, nargs="*", default=[1_000_000, 10_000_000, 30_000_000])
    parser.add_argument("--rules", type=int, default=50)
    parser.add_argument("--judged", type=int, default=50_000, help="transactions that the rows repeat")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rules = write_rules(place / "rules", asked.rules)
        say("making the log")
        merged = _merged(place / "merged", asked.judged)
        result: dict[str, Any] = {"rules": asked.rules, "processors": os.cpu_count()}
        result |= _in_turn(rules, _repeated(merged, place / "log", asked.logged), asked.rounds)
        growth: list[dict[str, Any]] = []
        grown = 0
        for number in sorted(asked.growth):
            say(f"making the log of {number:,} transactions")
            log = _repeated(merged, place / "growing", number, grown)
            judged, said = _run(rules, log, "duckdb")
            growth.append({"transactions": said["transactions"], "backtest": judged, "train": _train(place, log)})
            grown = number
        print(json.dumps(result | {"growth": growth}))


def _in_turn(rules: Path, log: Path, rounds: int) -> dict[str, Any]:
    runs = [(engine, *_run(rules, log, engine)) for _ in range(rounds) for engine in ("python", "duckdb")]
    best = {
        engine: min((figures for each, figures, _ in runs if each == engine), key=lambda figures: figures["seconds"])
        for engine in ("python", "duckdb")
    }
    return {
        "same_figures": all(said == runs[0][2] for _, _, said in runs),
        **best,
        "faster": round(best["python"]["seconds"] / best["duckdb"]["seconds"], 1),
        "less_processor_time": round(best["python"]["processor_seconds"] / best["duckdb"]["processor_seconds"], 1),
    }


def _merged(folder: Path, judged: int) -> dict[LogTable, list[Path]]:
    folder.mkdir()
    segment = folder / "segment.jsonl"
    segment.write_bytes(msgspec.json.Encoder().encode_lines(list(logged_records(judged))))
    made = folder / "made"
    made.mkdir()
    files = merge([segment], made).files
    wanted = (LogTable.DECISIONS, LogTable.LABELS)
    return {table: [path for (each, _), path in files.items() if each is table] for table in wanted}


def _repeated(merged: dict[LogTable, list[Path]], folder: Path, number: int, there: int = 0) -> Path:
    """Write the merged rows again and again under other ids, beside the files of those that are there already."""
    with duckdb.connect() as connection:
        for table, paths in merged.items():
            source = f"read_parquet({[str(path) for path in paths]}, union_by_name = true)"
            decided = f"read_parquet({[str(path) for path in merged[LogTable.DECISIONS]]})"
            ((rows, of_decisions),) = connection.execute(
                f"SELECT (SELECT count(*) FROM {source}), (SELECT count(*) FROM {decided})"
            ).fetchall()
            times = -(-number // of_decisions)
            most = number if table is LogTable.DECISIONS else rows * (min(number, LABELLED) // of_decisions)
            a_file = max(A_FILE // max(rows, 1), 1)
            (folder / table).mkdir(parents=True, exist_ok=True)
            for first in range(0, times, a_file):
                again = f"range({first}, {min(first + a_file, times)}) AS again (time)"
                chosen = f"SELECT * REPLACE (transactionId || '-' || time AS transactionId) FROM {again}, {source}"
                left = most - first * rows
                written = min((first + a_file) * rows, most) <= (there if table is LogTable.DECISIONS else 0)
                if left > 0 and not written:
                    name = folder / table / f"{first:06}.parquet"
                    copied = f"SELECT * EXCLUDE (time) FROM ({chosen}) LIMIT {left}"
                    connection.execute(f"COPY ({copied}) TO '{name}' (FORMAT parquet, COMPRESSION zstd)")
    return folder


def _run(rules: Path, log: Path, engine: str) -> tuple[dict[str, Any], Any]:
    say(f"backtest by {engine}")
    figures, said = _measured(
        "backtest", "--json", "--processes", "1", "--engine", engine, "--rules", str(rules), "--data", str(log)
    )
    return {"transactions": said["transactions"], **figures}, said


def _train(place: Path, log: Path) -> dict[str, Any]:
    say("training")
    options = ("--sample", str(SAMPLE), "--trees", "20", "--output", str(place / "model.json"))
    figures, said = _measured("train", "--json", "--log", str(log), *options)
    return {"learnt_from": said["transactions"], "frauds": said["frauds"], **figures}


def _measured(*arguments: str) -> tuple[dict[str, Any], Any]:
    started = time.perf_counter()
    command = [str(Path(sys.executable).with_name("fraudstream")), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101  (for the type checker)
        said = json.loads(process.stdout.read())
        # Of this process alone: what the system adds up has the most of all.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "max_rss_mb": round(usage.ru_maxrss / 1024),
    }, said


if __name__ == "__main__":
    main()

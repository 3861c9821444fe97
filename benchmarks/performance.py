"""Runs the benchmarks that take minutes, keeps their figures and writes docs/performance.md: `make bench`.

Every benchmark prints one JSON object as its last line. The figures are kept in benchmarks/results.json, each with the
machine, the versions and the commit with which it was measured; the document is made of that file alone.
"""

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.dollars_section import dollars_section
from benchmarks.function_sections import cold_section, hot_section, inline_section, path_section
from benchmarks.scale.section import scale_section

Figures: TypeAlias = Mapping[str, Any]

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results.json"
DOCUMENT: Final = ROOT / "docs" / "performance.md"

_HEAD: Final = """# Performance

`make bench` measures what stands here, and writes this page of [the figures](../benchmarks/results.json). Machines
differ and are shared, so compare figures of one run with each other, and not with those of another machine.
"""

_ENGINES: Final = """## Rules beside other engines

The shipped rules and one more, {rules} together, judge {transactions} transactions of the sample day and of the
rules' fixtures. {rules_that_hit} rules hit at least once; there are {hits} hits. Each engine gives the same hits as
fraudstream for the rules that it can express. All run in one process, on values that were computed before. An engine
that can evaluate a list gets all rules as one expression: that is faster than one expression for each, or as fast.

| engine | rules with equal hits | µs of CPU a transaction | times fraudstream's |
| --- | --- | --- | --- |
{rows}

Here the rules are one function, which reads out of the transaction what they come to, and asks the lists; the others
are given all values. A lead of ten times was the aim: {nearest} takes {times} times as long.
"""

_COUNTED: Final = (
    "invocations",
    "dynamodb_requests",
    "write_units",
    "read_units",
    "s3_requests",
    "stored_bytes",
    "log_bytes",
)
_REQUESTS: Final = """## Requests of a transaction

{transactions} transactions of the sample day go through the three functions on the embedded AWS, after profiles that
the rest of the day has left. Each figure is of one transaction. The number after a function's name is the size of its
batches; `processor_waiting` decides while the client waits. Units are computed of the items' sizes as DynamoDB's
documentation says. Log bytes are what CloudWatch bills; Lambda's own lines are off; the API's access log adds
{access_log_bytes} bytes for a request. Bytes stored for a transaction, by kind of item: {sizes}.
[The README](../README.md#costs) has what all of it costs.

| function | invocations | DynamoDB requests | write units | read units | S3 requests | bytes in S3 | log bytes |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

{dollars}
"""


def main() -> None:
    """Run the benchmarks that are asked for, and write what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(SECTIONS)}; all if none is named")
    asked: list[str] = parser.parse_args().names or list(SECTIONS)
    if unknown := set(asked) - set(SECTIONS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: choose of {', '.join(SECTIONS)}")
    results = read_results()
    for name in asked:
        print(f"running make bench-{name}", flush=True)
        results[name] = _run(name)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        DOCUMENT.write_text(document(results))
    if "requests" in asked:
        print("README.md and docs/scale.md quote `fraudstream cost`, which goes by the new counts: renew their tables")
    print(json.dumps({name: results[name] for name in asked}))


def read_results() -> dict[str, dict[str, Any]]:
    """Read the figures that were kept, by benchmark."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def document(results: Mapping[str, Figures]) -> str:
    """Return docs/performance.md."""
    return "\n".join([_HEAD, *(_section(name, results[name]) for name in SECTIONS if name in results)])


def _run(name: str) -> dict[str, Any]:
    done = subprocess.run(
        ["make", "--silent", "ARGS=", f"bench-{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": {"processors": os.cpu_count(), "architecture": platform.machine(), "system": platform.system()},
        "versions": {"python": platform.python_version(), **{each: version(each) for each in ("boto3", "msgspec")}},
        "figures": json.loads(done.stdout.strip().rsplit("\n", 1)[-1]),
    }


def _section(name: str, result: Figures) -> str:
    machine, versions = result["machine"], result["versions"]
    return (
        f"{SECTIONS[name](result['figures'])}\n"
        f"`make bench-{name}`, {result['date']}, commit {result['commit']}: {machine['processors']} processors "
        f"({machine['architecture']}), Python {versions['python']}.\n"
    )


def _engines(figures: Figures) -> str:
    rows = [
        f"| {row['engine']} {row.get('version', '')}".rstrip()
        + f" | {row['rules']} | {row['microseconds']:,.1f} | {row.get('times', 1):,} |"
        for row in figures["engines"]
    ]
    times, nearest = min((row["times"], row["engine"]) for row in figures["engines"][1:])
    return _ENGINES.format(**figures, rows="\n".join(rows), nearest=nearest, times=times)


def _requests(figures: Figures) -> str:
    rows = [
        f"| {name} | {' | '.join(f'{found.get(what, 0):,.2f}' for what in _COUNTED)} |"
        for name, found in figures["functions"].items()
    ]
    sizes = ", ".join(f"{name} {size:,.0f}" for name, size in figures["item_bytes"].items())
    return _REQUESTS.format(**figures, rows="\n".join(rows), sizes=sizes, dollars=dollars_section(figures))


_LOAD: Final = """## The embedded AWS under load

The whole system runs on one machine, with the clients. Requests are sent on a schedule that is kept, and time counts
from when each was due; every second client waits for the inline decision. The decision's time is from receipt to the
time that it carries. The last row is sixteen clients that post as fast as they are answered. The machine was shared
with other work: compare rows. With fewer than a thousand requests, p99.9 is the slowest.

| asked a second | answered a second | failed | POST, ms: {quantiles} | inline | decision |
| --- | --- | --- | --- | --- | --- |
{rows}

Milliseconds of processor time for a transaction, at saturation: {parts}; together {together:.1f}. No part waits for
another: what saturates is the processor. One that had nothing else to do would take {alone:.0f} a second.
"""


def _load(figures: Figures) -> str:
    rows = figures["loads"]
    return _LOAD.format(
        quantiles=", ".join(rows[0]["milliseconds"]["post"]),
        rows="\n".join(
            f"| {row['asked_per_second'] or 'all'} | {row['answered_per_second']} | {row['failed']} | "
            + " | ".join(
                ", ".join(f"{each:,}" for each in row["milliseconds"][kind].values())
                for kind in ("post", "inline", "decision")
            )
            + " |"
            for row in rows
        ),
        together=sum(rows[-1]["cpu_milliseconds"].values()),
        alone=1000 / sum(rows[-1]["cpu_milliseconds"].values()),
        parts=", ".join(f"{part} {each:.1f}" for part, each in sorted(rows[-1]["cpu_milliseconds"].items())),
    )


SECTIONS: Final[Mapping[str, Callable[[Figures], str]]] = {
    "engines": _engines,
    "cold": cold_section,
    "path": path_section,
    "inline": inline_section,
    "hot": hot_section,
    "requests": _requests,
    "scale": scale_section,
    "load": _load,
}
"""By benchmark, the name of its make target without `bench-`: what writes its part of the document."""


if __name__ == "__main__":
    main()

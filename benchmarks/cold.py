"""Measures how long a new function takes up to its first answer: `make bench-cold`.

Each function's package is built for this machine and unpacked into a folder that nothing writes to, as Lambda does. New
processes load it in turns and handle their first event, against a table and a bucket that answer at once
(`fixed_table`). What counts is their processor time, the least of several, by that of a bare client that makes its
first call from the same package: boto3's `put_item`, and for the reporter its `put_object`.

- `processor`: up to the first POST's answer; `processor_waiting`: of one that waits for a decision.
- `analyzer`: up to the end of the first batch, of one transaction.
- `reporter`: up to the end of the first batch, which is the first segment.

The last line printed is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.fixed_table import fixed_table
from benchmarks.function_events import OTHER_VARIABLES, batches
from benchmarks.inline import bucket, events, variables
from benchmarks.items import read_stored
from infra.compute.lambda_packages import Target, build_package

_BEFORE: Final = """
import json, sys, time
event = json.load(sys.stdin)
context = type("Context", (), {"aws_request_id": "1", "invoked_function_arn": "arn:function"})
real, sys.stdout = sys.stdout, open("/dev/null", "w")
"""
_AFTER: Final = """
print(json.dumps({"seconds": time.process_time(), "answer": answer}), file=real)
"""
_HANDLER: Final = "from fraudstream.functions.{module} import handler\nanswer = handler(event, context)"
_BARE: Final = """
import boto3
client = boto3.client("{service}")
client.{call}
answer = None
"""
_PUT_ITEM: Final = 'put_item(TableName="t", Item={"transactionId": {"S": "t"}, "timestamp": {"N": "0"}})'
_PUT_OBJECT: Final = 'put_object(Bucket="bench", Key="key", Body=b"body")'


class _Start(NamedTuple):
    """A process that is started and timed."""

    package: str
    code: str
    event: Mapping[str, Any]


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=9, help="new processes of each kind: the best counts")
    asked = parser.parse_args()
    stored = read_stored()
    target = Target(kind="host", architecture="arm64", runtime=f"python3.{sys.version_info.minor}")
    with tempfile.TemporaryDirectory() as folder, fixed_table(stored.profiles, bucket()) as table:
        environment = variables(table) | OTHER_VARIABLES
        for package in {start.package for start in _starts().values()}:
            with zipfile.ZipFile(build_package(package, target).path) as archive:
                archive.extractall(Path(folder) / package)
        best = _measure(_starts(), Path(folder), environment, asked.starts)
    bare = {name: best[f"bare_{'s3' if name == 'reporter' else 'dynamodb'}_{_package(name)}"] for name in _FUNCTIONS}
    result: dict[str, Any] = {name: round(best[name] / bare[name], 2) for name in _FUNCTIONS}
    result["milliseconds"] = {name: round(seconds * 1000) for name, seconds in best.items()}
    for name, value in result.items():
        print(f"{name:<20} {value}")
    print(json.dumps(result))


_FUNCTIONS: Final = ("processor", "processor_waiting", "analyzer", "reporter")


def _package(function: str) -> str:
    return {"analyzer": "fraud-analyzer", "reporter": "report-generator"}.get(function, "transaction-processor")


def _starts() -> dict[str, _Start]:
    post, waiting = next(events(None)), next(events("wait=5"))
    one = next(batches(read_stored(), 1))
    starts: dict[str, _Start] = {}
    for name, event in (("processor", post), ("processor_waiting", waiting), ("analyzer", one), ("reporter", one)):
        package = _package(name)
        service, call = ("s3", _PUT_OBJECT) if name == "reporter" else ("dynamodb", _PUT_ITEM)
        starts[name] = _Start(package, _HANDLER.format(module=package.replace("-", "_")), event)
        starts[f"bare_{service}_{package}"] = _Start(package, _BARE.format(service=service, call=call), {})
    return starts


def _measure(
    starts: Mapping[str, _Start], folder: Path, environment: Mapping[str, str], rounds: int
) -> dict[str, float]:
    """Return the least processor time of each kind of start, seconds."""
    best = dict.fromkeys(starts, float("inf"))
    for _ in range(rounds):
        for name, start in starts.items():
            ran = subprocess.run(
                # Nothing but the package and Python itself, and no bytecode is kept.
                [sys.executable, "-S", "-B", "-c", f"{_BEFORE}{start.code}{_AFTER}"],
                env={**environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(folder / start.package)},
                input=json.dumps(start.event),
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            found = json.loads(ran.stdout)
            _check(name, found["answer"])
            best[name] = min(best[name], found["seconds"])
    return best


def _check(name: str, answer: Any) -> None:  # noqa: ANN401  (each function's own)
    match name:
        case "processor" | "processor_waiting":
            waited = "inlineDecision" in answer["body"]
            done = answer["statusCode"] == HTTPStatus.CREATED and waited == name.endswith("waiting")
        case "analyzer" | "reporter":
            done = answer == {"batchItemFailures": []}
        case _:
            done = True
    if not done:
        raise SystemExit(f"the {name} did not do its work")


if __name__ == "__main__":
    main()

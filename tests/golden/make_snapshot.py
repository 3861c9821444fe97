"""Makes a release's golden data: everything that a real local system stores, for later versions to read.

Run it from the repository, once for each release, with the code of that release and its number:

    .venv/bin/python tests/golden/make_snapshot.py 0.2.0

It writes `tests/golden/0.2.0/`, which is committed and never changed again. Copy the newest `test_golden_*.py` for the
new folder. Older folders stay, with their tests: a later version reads what every release stored.

The system runs in the embedded AWS and gets a part of the sample day, with labels of the day's truth, as in the demo.
The first two thirds are reported on twice, with labels in between: so their hours of the log are merged, and the report
is restated. The rest comes in afterwards: it stays in the log's segments. The token key is fixed, which makes tokens
and hashes the same in every run; times are those of the run. A folder holds:

- `manifest.json`: the release, its stored formats, the stack's outputs, the token key, and counts
- `requests.jsonl.gz`: what was posted
- `transactions.jsonl.gz`, `profiles.jsonl.gz`, `alerts.jsonl.gz`: the tables' items in DynamoDB's JSON, bytes in base64
- `bucket.tar.gz`: the bucket's objects, each under its key
"""

import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.credentials import Credentials

from embedded_aws.cloud import LocalCloud
from embedded_aws.provider.identity import Identity
from embedded_aws.provider.inputs import Inputs
from embedded_aws.pulumi_program import Created
from fraudstream.detection.features import codec as vector_codec
from fraudstream.detection.features import registry
from fraudstream.detection.models import model, selection
from fraudstream.detection.profiles import codec
from fraudstream.reporting.daily.schema import report
from fraudstream.reporting.log import aggregates, record
from fraudstream.reporting.log.hours import merging, roll_up
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import from_item
from fraudstream_tools.cli.support.demo.reconciliation import STOPPED, stored_transactions
from fraudstream_tools.cli.support.local.system import deployed
from fraudstream_tools.cli.support.terminal.steps import ProgressSteps
from fraudstream_tools.lab.replay.client import replay
from fraudstream_tools.lab.replay.signing import SignedRequests
from fraudstream_tools.lab.world.sample_day import sample_transactions, sample_truth
from fraudstream_tools.operations.review.labels import label_now

TOKEN_KEY = base64.b64encode(hashlib.sha256(b"fraudstream golden data").digest()).decode()
"""Known to everybody: good for this data alone."""
LARGEST = 3_000_000
"""Bytes of a release's folder."""
ONE_CUSTOMER_IN = 4
TABLES = {"transactions": "transactionsTable", "profiles": "profilesTable", "alerts": "alertsTable"}
OUTPUTS = (*TABLES.values(), "bucketName", "region")
_IDLE_SECONDS = 120
_UNREVIEWED_HOURS = 6


def chosen_requests() -> list[dict[str, Any]]:
    """Take the customers who meet with fraud, and one in four of the others."""
    sample, truth = sample_transactions(int(time.time() * 1000)), sample_truth()
    victims = {each["customerId"] for each in sample if each["transactionId"] in truth}
    return [
        each
        for each in sample
        if each["customerId"] in victims or zlib.crc32(each["customerId"].encode()) % ONE_CUSTOMER_IN == 0
    ]


def run(cloud: LocalCloud, steps: ProgressSteps, requests: list[dict[str, Any]]) -> None:
    """Have the system store all that it ever stores."""
    first = requests[: len(requests) * 2 // 3]
    _post(cloud, steps, first)
    for source in ("analyst", "customer"):
        with steps.step(f"labelling, and reporting on it: {source}"):
            _label(cloud, first, source)
            cloud.wait_until_idle(_IDLE_SECONDS)
            today = datetime.now(UTC).date().isoformat()
            cloud.invoke(cloud.outputs["reportFunction"], {"task": "daily-report", "date": today})
    _post(cloud, steps, requests[len(first) :])
    for source in ("analyst", "customer"):
        _label(cloud, requests, source)
    cloud.wait_until_idle(_IDLE_SECONDS)


def _post(cloud: LocalCloud, steps: ProgressSteps, requests: list[dict[str, Any]]) -> None:
    auth = SignedRequests(
        Credentials(cloud.credentials.access_key, cloud.credentials.secret_key), cloud.outputs["region"]
    )
    with steps.step("posting", len(requests)) as step:
        result = replay(requests, cloud.outputs["apiUrl"], auth, on_progress=lambda so_far: step.say("", so_far.stored))
        cloud.wait_until_idle(_IDLE_SECONDS)
    if result.stored != len(requests):
        sys.exit(f"{result.stored} of {len(requests)} transactions were stored")


def _label(cloud: LocalCloud, requests: list[dict[str, Any]], source: str) -> None:
    """Label as the demo does: analysts what was stopped, customers what got through; nobody the last hours."""
    client, table, truth = cloud.client("dynamodb"), cloud.outputs["transactionsTable"], sample_truth()
    stored = stored_transactions(client, table)
    until = max(each["timestamp"] for each in requests) - _UNREVIEWED_HOURS * 3_600_000
    for name, transaction in stored.items():
        stopped, is_fraud = transaction.get("decision") in STOPPED, name in truth
        if transaction["timestamp"] >= until or "label" in transaction or stopped != (source == "analyst"):
            continue
        if stopped or is_fraud:
            label_now(client, table, name, Truth.FRAUD if is_fraud else Truth.LEGITIMATE, source)


def read_items(cloud: LocalCloud, table: str) -> list[dict[str, Any]]:
    """Read a table, in an order that is always the same."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=_base64))


def read_bucket(cloud: LocalCloud) -> dict[str, bytes]:
    """Read every object of the bucket, by its key."""
    s3, bucket = cloud.client("s3"), cloud.outputs["bucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def manifest(
    release: str,
    outputs: Mapping[str, Any],
    requests: list[dict[str, Any]],
    tables: Mapping[str, list[dict[str, Any]]],
    objects: Mapping[str, bytes],
) -> dict[str, Any]:
    """Say what the folder holds, counted from the items and lines alone."""
    transactions = [from_item(item) for item in tables["transactions"]]
    lines = [
        json.loads(line)
        for key, body in objects.items()
        if "/segments/" in key
        for line in gzip.decompress(body).splitlines()
    ]
    events = {
        event: {line["transactionId"] for line in lines if line["event"] == event}
        for event in ("STORED", "DECIDED", "LABELED")
    }
    return {
        "release": release,
        "madeFrom": "the customers of the sample day who meet with fraud, and one in four of the others",
        "tokenKey": TOKEN_KEY,
        "formats": {
            "profile": codec.SCHEMA,
            "vector": vector_codec.FORM,
            "features": registry.SCHEMA,
            "logRecord": record.SCHEMA_VERSION,
            "hour": roll_up.HOUR_SCHEMA_VERSION,
            "aggregation": aggregates.AGGREGATION,
            "fingerprint": merging.FINGERPRINT,
            "report": report.REPORT_SCHEMA_VERSION,
            "model": model.SCHEMA_VERSION,
            "chosenModels": selection.ModelSelection().schema_version,
        },
        "outputs": {name: outputs[name] for name in OUTPUTS},
        "counts": {
            "requests": len(requests),
            "claims": sum(each["kind"] == "CLAIM" for each in transactions),
            "stored": sum(each["kind"] == "TXN" for each in transactions),
            "decided": sum("decision" in each for each in transactions),
            "labelled": sum("label" in each for each in transactions),
            "profiles": len(tables["profiles"]),
            "alerts": dict(sorted(Counter(item["status"]["S"] for item in tables["alerts"]).items())),
            "loggedStored": len(events["STORED"]),
            "logged": len(events["DECIDED"]),
            "loggedLabelled": len(events["LABELED"]),
            "objects": dict(sorted(Counter(_kind(key) for key in objects).items())),
        },
    }


def _kind(key: str) -> str:
    """The folder that an object is of, such as `decision-log/segments`."""
    folders = key.split("/")[:-1]
    return "/".join(name for name in folders if "=" not in name)


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)


def write_lines(path: Path, rows: Iterable[object]) -> None:
    """Write one JSON object a line."""
    lines = (json.dumps(row, sort_keys=True, default=_base64, separators=(",", ":")) for row in rows)
    path.write_bytes(_compressed("".join(f"{line}\n" for line in lines).encode()))


def write_objects(path: Path, objects: Mapping[str, bytes]) -> None:
    """Write objects as files of an archive, which holds neither owners nor times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for key, body in objects.items():
            member = tarfile.TarInfo(key)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    path.write_bytes(_compressed(buffer.getvalue()))


def _token_key(_: Identity, name: str, inputs: Inputs) -> Created:
    """Stand in for the passwords that a stack draws."""
    key = TOKEN_KEY.rstrip("=")
    if inputs["length"] != len(key):
        sys.exit(f"{name} has another length than {len(key)}")
    inputs.skip("special", "overrideSpecial")
    return Created(id="none", outputs={"result": key})


def main(release: str) -> None:
    """Make the folder of a release; it must not be there."""
    folder = Path(__file__).parent / release
    if folder.exists():
        sys.exit(f"{folder} is there: what a release stored never changes")
    with (
        mock.patch.object(Identity, "random_password", _token_key),
        ProgressSteps() as steps,
        deployed("golden", steps) as cloud,
    ):
        requests = chosen_requests()
        run(cloud, steps, requests)
        tables = {name: read_items(cloud, cloud.outputs[output]) for name, output in TABLES.items()}
        objects = read_bucket(cloud)
        said = manifest(release, cloud.outputs, requests, tables, objects)
    folder.mkdir()
    write_lines(folder / "requests.jsonl.gz", requests)
    for name, items in tables.items():
        write_lines(folder / f"{name}.jsonl.gz", items)
    write_objects(folder / "bucket.tar.gz", objects)
    (folder / "manifest.json").write_text(json.dumps(said, indent=2) + "\n")
    if (size := sum(file.stat().st_size for file in folder.iterdir())) > LARGEST:
        sys.exit(f"{folder} takes {size} bytes, more than {LARGEST}: take fewer customers")


if __name__ == "__main__":
    main(*sys.argv[1:])

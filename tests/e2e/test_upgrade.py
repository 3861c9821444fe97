"""What 0.1.0 left behind, under today's code; and then what a version to come left behind when it was rolled back."""

import base64
import gzip
import json
import tarfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from botocore.credentials import Credentials

from embedded_aws.cloud import LocalCloud
from embedded_aws.provider.identity import Identity
from embedded_aws.provider.inputs import Inputs
from embedded_aws.pulumi_program import Created
from fraudstream.contract import RESTORED_AT
from fraudstream.detection.features.codec import FORM, unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.model import SCHEMA_VERSION as MODEL_SCHEMA
from fraudstream.detection.profiles import codec
from fraudstream.detection.rules.ruleset import SCHEMA_VERSION as RULESET_SCHEMA
from fraudstream.reporting.log.aggregates import AGGREGATION
from fraudstream.reporting.log.hours.notes import HOUR_SCHEMA_VERSION, Hour
from fraudstream.reporting.log.record import SCHEMA_VERSION
from fraudstream.transactions.decisions.decision import Decision, Truth
from fraudstream.transactions.storage.attributes import Item, to_attribute
from fraudstream_tools.operations.review.labels import label_now
from infra.compute.lambda_packages import UNPACKED
from infra.program import main
from proofs.running.deployed import CONFIG
from tests.e2e.api_harness import Client
from tests.ids_harness import new_id

FOLDER = Path(__file__).parents[1] / "golden" / "0.1.0"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
COUNTS = MANIFEST["counts"]
IDLE_SECONDS = 180
TABLES = {"transactions": "transactionsTable", "profiles": "profilesTable", "alerts": "alertsTable"}
KEPT_SECONDS = 30 * 86_400


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()).splitlines()]


@dataclass(frozen=True)
class Upgraded:
    """A system of today that stands on the tables and the bucket of an older one."""

    cloud: LocalCloud
    client: Client
    requests: list[dict[str, Any]]
    """What had been posted, oldest first."""
    first_report: dict[str, Any] = field(default_factory=dict[str, Any])
    """What today's code made of the older version's day, before anything else was done."""
    aggregations: frozenset[int] = frozenset()
    """Of the log's hours, after the first roll-up."""

    def item(self, transaction_id: str) -> Item:
        pages = self.cloud.client("dynamodb").query(
            TableName=self.cloud.outputs["transactionsTable"],
            KeyConditionExpression="transactionId = :id AND #timestamp > :claim",
            ExpressionAttributeNames={"#timestamp": "timestamp"},
            ExpressionAttributeValues={":id": {"S": transaction_id}, ":claim": {"N": "0"}},
        )
        return pages["Items"][0]

    def decision(self, transaction_id: str) -> Decision:
        found = Decision.from_item(self.item(transaction_id))
        assert found
        return found

    def profile(self, key: str) -> Item:
        table = self.cloud.outputs["profilesTable"]
        return self.cloud.client("dynamodb").get_item(TableName=table, Key={"entity": {"S": key}})["Item"]

    def post_again(self, request: dict[str, Any]) -> str:
        """Post what a client posted before as a transaction of now, wait for its decision, and give its id."""
        name = f"upgrade-{new_id()}"
        again = request | {"transactionId": name, "timestamp": int(time.time() * 1000)}
        assert self.client.post(again).status_code == 201
        self.cloud.wait_until_idle(IDLE_SECONDS)
        return name

    def report(self, day: str) -> dict[str, Any]:
        return self.cloud.invoke(self.cloud.outputs["reportFunction"], {"task": "daily-report", "date": day})

    def roll_up(self) -> dict[str, Any]:
        return self.cloud.invoke(self.cloud.outputs["reportFunction"], {"task": "hourly-roll-up"})

    def keys(self, prefix: str) -> list[str]:
        s3, bucket = self.cloud.client("s3"), self.cloud.outputs["bucketName"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return self.cloud.client("s3").get_object(Bucket=self.cloud.outputs["bucketName"], Key=key)["Body"].read()

    def write(self, key: str, body: bytes) -> None:
        self.cloud.client("s3").put_object(Bucket=self.cloud.outputs["bucketName"], Key=key, Body=body)

    def dead_letters(self) -> list[Any]:
        url = self.cloud.outputs["deadLetterQueueUrl"]
        return self.cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])


_random_password = Identity.random_password


def _token_key(identity: Identity, name: str, inputs: Inputs) -> Created:
    """Give the stack the token key that it had, as an import does; other passwords are drawn."""
    if "token-key" not in name:
        return _random_password(identity, name, inputs)
    inputs.skip("length", "special", "overrideSpecial")
    return Created(id="none", outputs={"result": MANIFEST["tokenKey"]})


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("upgrade")
    with (
        mock.patch.object(Identity, "random_password", _token_key),
        LocalCloud(
            program=main,
            project="fraudstream",
            stack="upgrade",
            config=CONFIG,
            folder=folder,
            packages=UNPACKED,
            enforce_iam=True,
        ) as cloud,
    ):
        _load(cloud)
        credentials = Credentials(cloud.credentials.access_key, cloud.credentials.secret_key)
        requests = sorted(lines("requests"), key=lambda each: each["timestamp"])
        upgraded = Upgraded(cloud, Client(cloud.outputs["apiUrl"], credentials), requests)
        report = upgraded.report(first_day(upgraded))
        upgraded.roll_up()
        aggregations = frozenset(hour.aggregation for hour in hours_of(upgraded).values())
        yield replace(upgraded, first_report=report, aggregations=aggregations)


def _load(cloud: LocalCloud) -> None:
    """Bring the tables and the bucket back; the mark of a restored item keeps it from being logged and learnt anew."""
    dynamodb, s3 = cloud.client("dynamodb"), cloud.client("s3")
    beside = {"expiresAt": {"N": str(int(time.time()) + KEPT_SECONDS)}}
    mark = {RESTORED_AT: {"N": str(int(time.time() * 1000))}}
    for name, output in TABLES.items():
        items = [each | beside | (mark if name == "transactions" else {}) for each in lines(name)]
        for start in range(0, len(items), 25):
            puts = [{"PutRequest": {"Item": _with_bytes(item)}} for item in items[start : start + 25]]
            answer = dynamodb.batch_write_item(RequestItems={cloud.outputs[output]: puts})
            assert not answer["UnprocessedItems"]
    with tarfile.open(FOLDER / "bucket.tar.gz") as archive:
        for member in archive.getmembers():
            body = archive.extractfile(member)
            assert body
            s3.put_object(Bucket=cloud.outputs["bucketName"], Key=member.name, Body=body.read())
    cloud.wait_until_idle(IDLE_SECONDS)


def _with_bytes(item: Item) -> Item:
    return {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}


def hours_of(system: Upgraded) -> dict[str, Hour]:
    return {key: msgspec.json.decode(system.read(key), type=Hour) for key in system.keys("decision-log/hours/")}


def first_day(system: Upgraded) -> str:
    """Return the day of the report that the older version wrote."""
    return min(key.split("/")[1].removeprefix("date=") for key in system.keys("reports/") if "date=" in key)


def customer_of(request: dict[str, Any], system: Upgraded) -> str:
    return f"customer#{system.item(request['transactionId'])['customerId']['S']}"


def test_what_was_decided_is_answered_as_before_and_decided_no_second_time(system: Upgraded) -> None:
    before = {item["transactionId"]["S"]: item for item in lines("transactions") if item["kind"]["S"] == "TXN"}
    for request in system.requests[::200]:
        answer = system.client.get(request["transactionId"]).json()
        old = before[request["transactionId"]]
        assert (answer["decision"], answer["score"]) == (old["decision"]["S"], int(old["score"]["N"]))
        assert answer["decidedAt"] == int(old["decidedAt"]["N"])


def test_decisions_go_on_with_what_the_older_version_remembered(system: Upgraded) -> None:
    request = system.requests[-1]
    key = customer_of(request, system)
    before = codec.unpack(system.profile(key)["state"]["B"])
    decision = system.decision(system.post_again(request))
    assert dict(zip(NAMES, unpack(decision.features), strict=True))["customerAmountCount"]
    after = codec.unpack(system.profile(key)["state"]["B"])
    assert after.ring[-2:-1] == before.ring[-1:]
    assert after.first_seen == before.first_seen
    assert decision.shadow_score is not None
    assert decision.shadow_model
    assert system.dead_letters() == []


def test_labels_of_older_transactions_are_learnt(system: Upgraded) -> None:
    name = next(each["transactionId"] for each in system.requests if "label" not in system.item(each["transactionId"]))
    table = system.cloud.outputs["transactionsTable"]
    label_now(system.cloud.client("dynamodb"), table, name, Truth.FRAUD, "customer")
    system.cloud.wait_until_idle(IDLE_SECONDS)
    item = system.item(name)
    assert item["learntLabel"] == {"S": "FRAUD"}
    assert item["learntLabeledAt"] == item["labeledAt"]
    assert system.dead_letters() == []


def test_hours_are_made_again_and_reports_look_back(system: Upgraded) -> None:
    assert system.aggregations == {AGGREGATION}
    assert system.first_report["revision"] > 1
    assert system.first_report["decided"] >= COUNTS["logged"]
    again = system.report(first_day(system))
    assert again["decided"] == system.first_report["decided"]
    assert system.dead_letters() == []


def newer(state: bytes) -> bytes:
    """A profile as a version to come stores it."""
    body = bytes((codec.CLOSED_SCHEMA + 1,)) + state[1:-4] + b"something to come"
    return body + zlib.crc32(body).to_bytes(4, "little")


@dataclass(frozen=True)
class RolledBack:
    """What a version to come stored before it was rolled back."""

    request: dict[str, Any]
    decided: Item
    profile: Item
    objects: dict[str, bytes]
    hour: str


@pytest.fixture
def rolled_back(system: Upgraded) -> Iterator[RolledBack]:
    """A profile, a decision, a segment, an hour, a ruleset and a model of a newer version, taken away afterwards."""
    dynamodb, outputs = system.cloud.client("dynamodb"), system.cloud.outputs
    request = system.requests[-50]
    item = system.item(request["transactionId"]) | {RESTORED_AT: {"N": str(int(time.time() * 1000))}}
    known = system.profile(customer_of(request, system))
    profile = known | {"state": {"B": newer(known["state"]["B"])}, "attributeToCome": {"SS": ["of", "sets"]}}
    decided = item | {
        "features": {"B": bytes((FORM + 1,)) + b"in another form"},
        "unevaluable": {"B": b"\x02in another form"},
        "inline": {"S": "A_REASON_TO_COME"},
        "attributeToCome": to_attribute({"nested": [1]}),
    }
    hour = min(hours_of(system))
    note = json.loads(system.read(hour)) | {"schemaVersion": HOUR_SCHEMA_VERSION + 1, "files": ["in another form"]}
    segment = min(system.keys("decision-log/segments/"))
    told = [json.loads(line) for line in gzip.decompress(system.read(segment)).splitlines()]
    rules, model = "rulesets/live/ruleset.yaml", "rulesets/live/models/default.json"
    objects = {
        hour: json.dumps(note).encode(),
        segment: gzip.compress(
            b"\n".join(json.dumps(line | {"schemaVersion": SCHEMA_VERSION + 1}).encode() for line in told)
        ),
        rules: system.read(rules).replace(b"schemaVersion: 1", b"schemaVersion: %d" % (RULESET_SCHEMA + 1)),
        model: system.read(model).replace(b'"schemaVersion":1', b'"schemaVersion":%d' % (MODEL_SCHEMA + 1)),
    }
    before = {name: system.read(name) for name in objects}
    assert all(before[name] != body for name, body in objects.items())
    dynamodb.put_item(TableName=outputs["profilesTable"], Item=profile)
    dynamodb.put_item(TableName=outputs["transactionsTable"], Item=decided)
    for name, body in objects.items():
        system.write(name, body)
    yield RolledBack(request, decided, profile, objects, note["hour"])
    for name, body in before.items():
        system.write(name, body)
    dynamodb.put_item(TableName=outputs["profilesTable"], Item=known)
    dynamodb.put_item(TableName=outputs["transactionsTable"], Item=item)


def test_what_a_newer_version_wrote_stays_and_stops_nothing(system: Upgraded, rolled_back: RolledBack) -> None:
    # The analyzer looks for another ruleset once a minute.
    time.sleep(61)
    key = rolled_back.profile["entity"]["S"]

    decision = system.decision(system.post_again(rolled_back.request))
    today = system.report(datetime.now(UTC).date().isoformat())
    system.report(rolled_back.hour[:10])
    system.roll_up()

    assert ("PROFILE_NEWER", key) in {(reason.code, reason.source) for reason in decision.reasons}
    assert decision.shadow_score is not None
    answer = system.client.get(rolled_back.request["transactionId"]).json()
    assert answer["decision"] == rolled_back.decided["decision"]["S"]
    assert today["decided"] > 0
    report = json.loads(system.read(f"reports/date={rolled_back.hour[:10]}/report.json"))
    assert any(rolled_back.hour in key for key in report["logHours"]["damaged"])
    assert system.profile(key) == rolled_back.profile
    assert {name: system.read(name) for name in rolled_back.objects} == rolled_back.objects
    assert system.dead_letters() == []

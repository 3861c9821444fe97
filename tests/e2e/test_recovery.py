"""What was lost comes back: items from a restored table, profiles from the table, objects from earlier versions."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest

from embedded_aws.cloud import LocalCloud
from fraudstream.contract import DECISION_LOG_PREFIX, STREAM_SECONDS
from fraudstream.detection.profiles.codec import unpack
from fraudstream.detection.profiles.entities import kind_of
from fraudstream.detection.profiles.profile import Profile
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.operations.recovery.stream_pause import paused
from fraudstream_tools.operations.review.labels import give_label
from tests.aws_harness import create_table
from tests.cli_harness import Command, point_at
from tests.e2e.api_harness import Client, payment
from tests.ids_harness import new_id
from tests.waiting_harness import PATIENCE_SECONDS

TRANSACTIONS, FRAUDS = 60, 6
OUTPUTS = ("transactionsTable", "profilesTable", "alertsTable", "bucketName", "analyzerFunction", "reportFunction")


class Damage:
    """The system's own tables and objects, as they were and as they are."""

    def __init__(self, cloud: LocalCloud, ids: list[str]) -> None:
        self.cloud = cloud
        self.ids = set(ids)
        self.dynamodb = cloud.client("dynamodb")
        self.s3 = cloud.client("s3")

    def items(self) -> dict[str, dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.cloud.outputs["transactionsTable"])
        items = [item for page in pages for item in page["Items"]]
        return {item["transactionId"]["S"]: item for item in items if item.get("kind") == {"S": "TXN"}}

    def own_items(self) -> list[dict[str, Any]]:
        return [item for name, item in self.items().items() if name in self.ids]

    def profile_items(self) -> dict[str, dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.cloud.outputs["profilesTable"])
        return {item["entity"]["S"]: item for page in pages for item in page["Items"]}

    def logged(self) -> Counter[tuple[str, str]]:
        """How often the log tells of each of the transactions, by what it tells."""
        found = Counter[tuple[str, str]]()
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.cloud.outputs["bucketName"], Prefix=f"{DECISION_LOG_PREFIX}segments/"
        )
        for each in (entry for page in pages for entry in page.get("Contents", ())):
            body = self.s3.get_object(Bucket=self.cloud.outputs["bucketName"], Key=each["Key"])["Body"].read()
            for line in gzip.decompress(body).splitlines() if body[:2] == b"\x1f\x8b" else body.splitlines():
                told = json.loads(line)
                if told.get("transactionId") in self.ids:
                    found[told["transactionId"], told["event"]] += 1
        return found


@pytest.fixture(scope="module")
def damage(client: Client, cloud: LocalCloud) -> Damage:
    """Payments of a few customers at a few shops, decided; some are known to be fraud, and learnt."""
    run, now = new_id()[:8], int(time.time() * 1000)
    payments = [
        payment(
            timestamp=now - (TRANSACTIONS - number) * 60_000,
            amountMinor=1_000 + number,
            customerId=f"{run}-customer-{number % 5}",
            cardToken=f"{run}-card-{number % 7}",
            merchantId=f"{run}-shop-{number % 3}",
        )
        for number in range(TRANSACTIONS)
    ]
    for each in payments:
        assert client.post(each).status_code == 201
    cloud.wait_until_idle(PATIENCE_SECONDS)
    for each in payments[:FRAUDS]:
        label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=int(time.time() * 1000))
        give_label(cloud.client("dynamodb"), cloud.outputs["transactionsTable"], each["transactionId"], label)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    return Damage(cloud, [each["transactionId"] for each in payments])


@pytest.fixture
def fraudstream(
    cloud: LocalCloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Command]:
    keys = (cloud.credentials.access_key, cloud.credentials.secret_key)
    point_at(cloud.endpoint_url, monkeypatch, keys, **{output: cloud.outputs[output] for output in OUTPUTS})
    monkeypatch.chdir(tmp_path)
    with lambda_endpoint(cloud.invoke, cloud) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        yield Command(capsys)


def found(fraudstream: Command, *arguments: object) -> Any:
    ran = fraudstream(*arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_lost_items_come_back_and_are_neither_logged_nor_learnt_again(
    damage: Damage, fraudstream: Command, cloud: LocalCloud
) -> None:
    items, profiles, logged = damage.own_items(), damage.profile_items(), damage.logged()
    assert len(items) == TRANSACTIONS
    assert logged.total() >= 2 * TRANSACTIONS, "stored and decided"
    # What AWS makes of a backup: a table with another name, without the stream's consumers.
    backup = f"restored-{new_id()}"
    create_table(damage.dynamodb, backup)
    for item in items:
        damage.dynamodb.put_item(TableName=backup, Item=item)
    table = cloud.outputs["transactionsTable"]
    # The newest one: profiles remember it, so that judging it again changes nothing.
    items.sort(key=lambda item: int(item["timestamp"]["N"]), reverse=True)
    lost, undecided = items[: TRANSACTIONS // 2], items[0]
    for item in lost:
        damage.dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("transactionId", "timestamp")})
    damage.dynamodb.put_item(TableName=backup, Item=_without_decision(undecided))

    counted = found(fraudstream, "restore", "table", backup, "--dry-run")
    assert counted["added"] == len(lost)
    assert len(damage.own_items()) == TRANSACTIONS - len(lost)
    done = found(fraudstream, "restore", "table", backup, "--undecided", "ids.txt")
    assert (done["added"], done["same"], done["undecided"]) == (len(lost), TRANSACTIONS - len(lost), 1)
    cloud.wait_until_idle(PATIENCE_SECONDS)

    assert damage.logged() == logged
    assert damage.profile_items() == profiles
    ran = fraudstream("redrive", "--file", "ids.txt")
    assert ran.code == 0, ran.err
    cloud.wait_until_idle(PATIENCE_SECONDS)
    back = {item["transactionId"]["S"]: item for item in damage.own_items()}
    assert all("decision" in back[name] for name in damage.ids)
    assert found(fraudstream, "restore", "table", backup)["added"] == 0


def test_what_has_changed_since_is_replaced_only_when_asked(damage: Damage, fraudstream: Command) -> None:
    items = damage.own_items()
    backup = f"restored-{new_id()}"
    create_table(damage.dynamodb, backup)
    for item in items:
        damage.dynamodb.put_item(TableName=backup, Item=item)
    damaged = items[-1] | {"amountMinor": {"N": "1"}}
    damage.dynamodb.put_item(TableName=damage.cloud.outputs["transactionsTable"], Item=damaged)
    assert found(fraudstream, "restore", "table", backup)["kept"] == 1
    assert found(fraudstream, "restore", "table", backup, "--overwrite")["replaced"] == 1
    back = damage.items()[damaged["transactionId"]["S"]]
    assert back["amountMinor"] == items[-1]["amountMinor"]


def test_another_table_is_refused(damage: Damage, fraudstream: Command) -> None:
    ran = fraudstream("restore", "table", damage.cloud.outputs["profilesTable"])
    assert ran.code == 1
    assert "different keys" in ran.err


def test_profiles_come_back_from_the_table_as_they_were(damage: Damage, fraudstream: Command) -> None:
    before = damage.profile_items()
    keys = sorted(_keys_of(damage, before))
    assert len(keys) == 5 + 7 + 3
    table = damage.cloud.outputs["profilesTable"]
    for key in keys[::2]:
        damage.dynamodb.delete_item(TableName=table, Key={"entity": {"S": key}})
    broken = before[keys[1]] | {"state": {"B": b"\x03 not a profile"}}
    damage.dynamodb.put_item(TableName=table, Item=broken)

    result = found(fraudstream, "profiles", "rebuild", keys[1])
    assert (result["changed"], result["new"]) == (1, 0)
    ran = fraudstream("profiles", "rebuild", "customer#tok_" + "n" * 22)
    assert ran.code == 1
    assert "no decided transaction has this key" in ran.err
    result = found(fraudstream, "profiles", "rebuild", "--unlearned", "labels.txt")
    assert result["failed"] == 0
    assert result["new"] >= len(keys[::2])

    after = damage.profile_items()
    for key in keys:
        assert _known(after[key]) == _known(before[key]), key
    (mapping,) = damage.cloud.mappings(damage.cloud.outputs["analyzerFunction"])
    assert mapping.state == "Enabled"
    assert found(fraudstream, "profiles", "rebuild")["changed"] == 0


def test_a_rebuilt_profile_lasts_as_long_as_the_stack_keeps_profiles(
    damage: Damage, fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key, *_) = sorted(_keys_of(damage, damage.profile_items()))
    for days in (int(damage.cloud.outputs["retentionDays"]), 47):
        monkeypatch.setenv("FRAUDSTREAM_RETENTION_DAYS", str(days))
        damage.dynamodb.delete_item(TableName=damage.cloud.outputs["profilesTable"], Key={"entity": {"S": key}})
        assert found(fraudstream, "profiles", "rebuild", key)["new"] == 1
        left = int(damage.profile_items()[key]["expiresAt"]["N"]) - time.time()
        assert left / SECONDS_A_DAY == pytest.approx(days, abs=0.1)


def test_the_analyzer_goes_on_where_it_was_paused(damage: Damage, fraudstream: Command, client: Client) -> None:
    (mapping,) = damage.cloud.mappings(damage.cloud.outputs["analyzerFunction"])
    mapping.set_enabled(enabled=False)
    waiting = payment()
    assert client.post(waiting).status_code == 201
    ran = fraudstream("profiles", "rebuild")
    assert ran.code == 1
    assert f"aws lambda update-event-source-mapping --uuid {mapping.uuid} --enabled" in ran.err
    assert client.get(waiting["transactionId"]).json()["status"] == "PENDING"
    mapping.set_enabled(enabled=True)
    damage.cloud.wait_until_idle(PATIENCE_SECONDS)
    assert client.get(waiting["transactionId"]).json()["status"] == "DECIDED"


def test_what_is_posted_during_a_long_pause_is_decided_after_it(damage: Damage, client: Client) -> None:
    analyzer = damage.cloud.outputs["analyzerFunction"]
    (mapping,) = damage.cloud.mappings(analyzer)
    age = mapping.record_age_seconds
    mapping.set_record_age(1)
    waiting = payment()
    with lambda_endpoint(damage.cloud.invoke, damage.cloud) as url:
        keys = damage.cloud.credentials
        lambdas = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-2",
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
        )
        with paused(lambdas, analyzer):
            assert client.post(waiting).status_code == 201
            time.sleep(1.5)
        damage.cloud.wait_until_idle(PATIENCE_SECONDS)
        assert client.get(waiting["transactionId"]).json()["status"] == "DECIDED"
        assert mapping.record_age_seconds == STREAM_SECONDS
        mapping.set_record_age(age)
        with paused(lambdas, analyzer):
            pass
    assert mapping.record_age_seconds == age


def test_deleted_objects_come_back_and_changed_ones_when_asked(damage: Damage, fraudstream: Command) -> None:
    bucket = damage.cloud.outputs["bucketName"]
    for name in ("deleted", "changed", "same"):
        damage.s3.put_object(Bucket=bucket, Key=f"rehearsal/{name}", Body=b"as it was")
    time.sleep(1.1)
    moment = datetime.now(UTC)
    time.sleep(1.1)
    damage.s3.delete_object(Bucket=bucket, Key="rehearsal/deleted")
    damage.s3.put_object(Bucket=bucket, Key="rehearsal/changed", Body=b"as it is")
    damage.s3.put_object(Bucket=bucket, Key="rehearsal/new", Body=b"newer")
    at = ("--at", f"{moment:%Y-%m-%dT%H:%M:%SZ}")

    def content(name: str) -> bytes:
        return damage.s3.get_object(Bucket=bucket, Key=f"rehearsal/{name}")["Body"].read()

    result = found(fraudstream, "restore", "objects", "rehearsal/", *at)
    assert result == {"deleted": ["rehearsal/deleted"], "changed": ["rehearsal/changed"], "unchanged": 1}
    assert (content("deleted"), content("changed"), content("new")) == (b"as it was", b"as it is", b"newer")
    found(fraudstream, "restore", "objects", "rehearsal/", *at, "--overwrite")
    assert content("changed") == b"as it was"


def test_whoever_changes_the_log_is_found(damage: Damage, fraudstream: Command) -> None:
    outputs, today = damage.cloud.outputs, datetime.now(UTC).date().isoformat()
    damage.cloud.invoke(outputs["reportFunction"], {"task": "daily-report", "date": today})
    sound = found(fraudstream, "log", "verify")
    assert sound["findings"] == []
    assert sound["hours"] >= 1
    assert sound["files"] >= 3

    prefix = f"{DECISION_LOG_PREFIX}ids/date={today}/"
    (forged, *_) = damage.s3.list_objects_v2(Bucket=outputs["bucketName"], Prefix=prefix)["Contents"]
    kept = damage.s3.get_object(Bucket=outputs["bucketName"], Key=forged["Key"])["Body"].read()
    damage.s3.put_object(Bucket=outputs["bucketName"], Key=forged["Key"], Body=kept + b"invented")
    ran = fraudstream("log", "verify")
    assert ran.code == 1
    assert f"FILE_CHANGED: {forged['Key']}" in ran.err
    damage.s3.put_object(Bucket=outputs["bucketName"], Key=forged["Key"], Body=kept)
    assert found(fraudstream, "log", "verify")["findings"] == []

    folder = f"{DECISION_LOG_PREFIX}decisions/date={today}/"
    invented = [f"{folder}mine.parquet", f"{folder}{today}T00-mine.parquet"]
    for key in invented:
        damage.s3.put_object(Bucket=outputs["bucketName"], Key=key, Body=kept)
    ran = fraudstream("log", "verify", "--json")
    assert [each["what"] for each in json.loads(ran.out)["findings"]] == sorted(invented)
    assert {each["problem"] for each in json.loads(ran.out)["findings"]} == {"FILE_ADDED"}
    for key in invented:
        damage.s3.delete_object(Bucket=outputs["bucketName"], Key=key)
    assert found(fraudstream, "log", "verify")["findings"] == []


def test_what_the_log_lost_of_a_day_is_rebuilt_by_one_command(
    damage: Damage, fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The stream of this day has told all.
    monkeypatch.setattr("fraudstream_tools.cli.log_and_reports.log._STREAM_MEMORY", timedelta(days=-2))
    outputs, today = damage.cloud.outputs, datetime.now(UTC).date().isoformat()
    for table in ("segments", "hours", "decisions", "labels", "tallies", "ids"):
        prefix = f"{DECISION_LOG_PREFIX}{table}/"
        for each in damage.s3.list_objects_v2(Bucket=outputs["bucketName"], Prefix=prefix).get("Contents", ()):
            damage.s3.delete_object(Bucket=outputs["bucketName"], Key=each["Key"])
    rebuilt = found(fraudstream, "log", "rebuild", "--date", today)
    assert rebuilt["lines"] >= rebuilt["transactions"] > 0
    assert found(fraudstream, "log", "rebuild", "--date", today)["lines"] == 0
    assert found(fraudstream, "log", "verify")["findings"] == []


def _without_decision(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in {"decision", "score", "reasons", "features"}}


def _keys_of(damage: Damage, profiles: dict[str, Any]) -> set[str]:
    tokens = {item[name]["S"] for item in damage.own_items() for name in ("customerId", "cardToken", "merchantId")}
    return {key for key in profiles if key.partition("#")[2] in tokens}


def _known(item: dict[str, Any]) -> Profile:
    """What a profile knows: the moments at which labels arrived are the stream's, and are not stored elsewhere."""
    profile = unpack(item["state"]["B"], kind_of(item["entity"]["S"]))
    return msgspec.structs.replace(profile, labels=())

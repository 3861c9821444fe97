"""The log that the deployed system really writes: merged, copied, and read by every command that reads it."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from embedded_aws.cloud import LocalCloud
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream_tools.lab.replay.client import replay
from fraudstream_tools.lab.replay.signing import SignedRequests
from fraudstream_tools.operations.review.labels import give_label
from tests.cli_harness import Command, clean_environment
from tests.e2e.api_harness import Client, payment
from tests.waiting_harness import PATIENCE_SECONDS

CHECKOUT = Path(__file__).parents[2]
TRANSACTIONS, FRAUD_EVERY, DAYS = 400, 2, 24
SPLIT = 11


@pytest.fixture(scope="module")
def posted(client: Client, cloud: LocalCloud) -> list[dict[str, Any]]:
    """Three weeks of payments, every second of them fraud, most of them labelled a day later."""
    now = int(time.time() * 1000)
    payments = [
        payment(
            timestamp=now - (DAYS * DAY * (TRANSACTIONS - number)) // TRANSACTIONS,
            amountMinor=90_000 + number if number % FRAUD_EVERY == 0 else 1_000 + number,
            cardToken=f"card-{number}",
            merchantId=f"shop-{number % 7}",
            authorizationResult="APPROVED",
        )
        for number in range(TRANSACTIONS)
    ]
    result = replay(payments, client.url, SignedRequests(client.credentials, cloud.outputs["region"]))
    assert result.stored == TRANSACTIONS
    cloud.wait_until_idle(PATIENCE_SECONDS)
    for number, each in enumerate(payments):
        truth = Truth.FRAUD if number % FRAUD_EVERY == 0 else Truth.LEGITIMATE
        label = Label(label=truth, label_source="analyst", labeled_at=min(each["timestamp"] + DAY, now))
        if number % 10 != 1:
            give_label(cloud.client("dynamodb"), cloud.outputs["transactionsTable"], each["transactionId"], label)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    return payments


@pytest.fixture(scope="module")
def merged(cloud: LocalCloud, posted: list[dict[str, Any]]) -> Callable[[str], str]:
    """The log with all hours so far merged; one more change comes in after it."""
    today = datetime.now(UTC).date().isoformat()
    cloud.invoke(cloud.outputs["reportFunction"], {"task": "daily-report", "date": today})
    keys = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["bucketName"], Prefix="decision-log/decisions/")
    assert keys["KeyCount"] > 0
    late = Label(label=Truth.FRAUD, label_source="customer", labeled_at=int(time.time() * 1000))
    give_label(cloud.client("dynamodb"), cloud.outputs["transactionsTable"], posted[1]["transactionId"], late)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    return lambda name: cloud.outputs[name]


@pytest.fixture
def fraudstream(
    cloud: LocalCloud,
    merged: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", cloud.credentials.secret_key)
    monkeypatch.setenv("FRAUDSTREAM_BUCKET", merged("bucketName"))
    monkeypatch.chdir(tmp_path)
    command = Command(capsys)
    pulled = command("log", "pull", "log")
    assert pulled.code == 0, pulled.err
    return command


def found(fraudstream: Command, *arguments: object) -> Any:
    ran = fraudstream(*arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_training_and_backtests_count_the_same_labels(fraudstream: Command) -> None:
    rules = CHECKOUT / "rules"
    for delay in (0, 5):
        options = ("--label-delay", delay)
        known = found(fraudstream, "backtest", "--rules", rules, "--data", "log", "--processes", 1, *options)["known"]
        trained = found(
            fraudstream, "train", "--log", "log", "--rules", rules, "--output", "m.json", "--trees", 5, *options
        )
        assert trained["frauds"] == known["fraud"] > 0
        assert trained["transactions"] == known["fraud"] + known["legitimate"] + known["matured"]


def test_a_model_is_trained_and_promoted_on_the_log(fraudstream: Command, tmp_path: Path) -> None:
    rules, split = CHECKOUT / "rules", (datetime.now(UTC) - timedelta(days=SPLIT)).date()
    shutil.copytree(CHECKOUT / "models", tmp_path / "models")
    options = ("--log", "log", "--rules", rules, "--label-delay", 1)
    trained = found(fraudstream, "train", "--output", "c.json", "--until", split, "--trees", 20, *options)
    assert trained["frauds"] > 10
    # Twenty trees of a few days may make more alerts than the rules.
    ran = fraudstream("promote", "c.json", *options, "--more-alerts", "--to", tmp_path / "models")
    assert ran.code == 0, ran.err
    assert f"live {trained['version']}" in ran.out


def test_a_backtest_finds_the_decisions_of_the_rules_in_force(
    fraudstream: Command, cloud: LocalCloud, posted: list[dict[str, Any]]
) -> None:
    backtest = found(fraudstream, "backtest", "--rules", CHECKOUT / "rules", "--data", "log", "--processes", 1)
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["transactionsTable"])
    stored = [item["decision"]["S"] for page in pages for item in page["Items"] if "decision" in item]
    assert backtest["transactions"] == len(stored) >= len(posted)
    decisions = backtest["rulesets"][0]["decisions"]
    assert decisions == {verdict: stored.count(verdict) for verdict in ("APPROVE", "REVIEW", "DECLINE")}


def test_a_transaction_is_explained_from_the_log_and_from_a_file_of_it(
    fraudstream: Command, posted: list[dict[str, Any]]
) -> None:
    wanted = posted[0]["transactionId"]
    ask = ("rules", "explain", "--rules", CHECKOUT / "rules", "--id", wanted)
    whole = found(fraudstream, *ask, "--transaction", "log")
    assert whole["transactionId"] == wanted
    query = "SELECT filename FROM read_parquet('log/decisions/**/*.parquet', filename = true) WHERE transactionId = ?"
    (hourly,), *_ = duckdb.execute(query, [wanted]).fetchall()
    assert found(fraudstream, *ask, "--transaction", hourly) == whole


def test_a_report_made_of_the_copy_says_what_the_system_says(fraudstream: Command, cloud: LocalCloud) -> None:
    today = datetime.now(UTC).date().isoformat()
    result = cloud.invoke(cloud.outputs["reportFunction"], {"task": "daily-report", "date": today})
    assert fraudstream("log", "pull", "log").code == 0
    ran = fraudstream("report", "--log", "log", "--date", today, "--format", "json", "--output", "-")
    assert ran.code == 0, ran.err
    reconciliation = json.loads(ran.out)["reconciliation"]
    assert (reconciliation["stored"], reconciliation["decided"], reconciliation["logged"]) == (
        result["stored"],
        result["decided"],
        result["logged"],
    )

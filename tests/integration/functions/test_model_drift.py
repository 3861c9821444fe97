"""The report generator tells, with each daily report, how far the day is from what the live model learnt from."""

import base64
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_FILES, files_digest
from fraudstream.detection.features.codec import pack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.model import Model
from fraudstream.reporting.daily.figures.model_drift import drift_of
from fraudstream.reporting.log import segments
from fraudstream.reporting.log.keys import report_key
from fraudstream.reporting.log.record import LogEvent, LogRecord
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.settings import ReporterSettings, environment
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.fit import fit
from tests.aws_harness import create_profiles_table, create_table, function_variables
from tests.integration.functions.fraud_analyzer_harness import RULES
from tests.unit.detection.model_harness import labels_of, times_of

HANDLER = "fraudstream.functions.report_generator"
BUCKET = "bucket-reports"
TABLE = "table-transactions"
PREFIX = "rulesets/live/"
PROGRAMS_OWN = files_digest(*((RULES / name).read_bytes() for name in RULESET_FILES))
DAY = datetime.now(UTC).date() - timedelta(days=1)


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "11111111-2222"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def days_features(rows: int, seed: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Features whose stored form is the same: whole numbers, small."""
    return np.random.default_rng(seed).integers(0, 10, size=(rows, len(NAMES))).astype(np.float64)


def live() -> Model:
    vectors = days_features(4000, 1)
    vectors[:, [i for i, name in enumerate(NAMES) if "Share" in name]] /= 10
    labels = labels_of(vectors, 1)
    return fit(vectors, labels, times_of(4000), parameters=Parameters(trees=10), own_labels=True)


def record(number: int, row: list[float]) -> LogRecord:
    shares = [value / 10 if "Share" in name else value for name, value in zip(NAMES, row, strict=True)]
    at = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp() * 1000) + number
    return LogRecord(
        schema_version=1,
        event=LogEvent.DECIDED,
        logged_at=at,
        transaction_id=f"t{number}",
        timestamp=at,
        received_at=at,
        amount_minor=100,
        currency="EUR",
        type="PAYMENT",
        customer_id="tok_ann",
        decision="APPROVE",
        score=1,
        features=base64.b64encode(pack(dict(zip(NAMES, shares, strict=True)))).decode(),
        ruleset_version="0123456789ab",
        decided_at=at,
    )


@dataclass(frozen=True)
class Place:
    s3: Any
    handler: ModuleType

    def log(self, rows: int, *, amount: float | None = None) -> None:
        """Write segments of a day; each of the first hours has two, and a damaged one is among them."""
        vectors = days_features(rows, 2)
        if amount is not None:
            vectors[:, NAMES.index("amountBase")] = amount
        records = [record(number, row) for number, row in enumerate(vectors.tolist())]
        for part in range(10):
            key = f"decision-log/segments/date={DAY}/hour={part // 2:02}/a-{part}-1.jsonl.gz"
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=segments.compress(records[part::10]))

    def models(self, text: str, model: Model | None = None) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}models.yaml", Body=text.encode())
        if model:
            self.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}models/live.json", Body=model.to_json())

    def report(self, capsys: pytest.CaptureFixture[str], day: date | None = None) -> dict[str, float]:
        """Make the day's report, and give the drift metrics that came with it."""
        name = (day or DAY).isoformat()
        capsys.readouterr()
        answer = self.handler.handler({"task": "daily-report", "date": name}, Context())
        assert answer["date"] == name
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {name: line[name][0] for line in lines for name in line if name.endswith("Drift") and "_aws" in line}


@pytest.fixture
def place(aws: MinistackServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Place]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    create_table(aws.client("dynamodb"), TABLE)
    create_profiles_table(aws.client("dynamodb"), "profiles")
    settings = environment(
        ReporterSettings,
        environment_suffix="test",
        transactions_table=TABLE,
        profiles_table="profiles",
        log_key="bG9n" * 11,
        bucket=BUCKET,
        approved_ruleset=getattr(request, "param", ""),
        approved_models=getattr(request, "param", ""),
    )
    for name, value in function_variables(aws, settings).items():
        monkeypatch.setenv(name, value)
    for name in RULESET_FILES:
        s3.put_object(Bucket=BUCKET, Key=PREFIX + name, Body=(RULES / name).read_bytes())
    sys.modules.pop(HANDLER, None)
    yield Place(s3, importlib.import_module(HANDLER))
    sys.modules.pop(HANDLER, None)


def test_a_day_like_those_learnt_from_has_drifted_little(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.log(3000)
    place.models("live: live.json", live())
    found = place.report(capsys)
    assert 0 < found["ScoreDrift"] < 0.1
    assert 0 < found["FeatureDrift"] < 0.1


def test_a_day_of_other_amounts_has_drifted_far(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.log(3000, amount=200)
    place.models("live: live.json", live())
    found = place.report(capsys)
    assert found["FeatureDrift"] > 1
    assert found["ScoreDrift"] > 0.25


def test_a_day_is_measured_once_so_that_no_alarm_takes_it_for_two(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.log(3000, amount=200)
    place.models("live: live.json", live())
    assert place.report(capsys, datetime.now(UTC).date()) == {}
    assert place.report(capsys)["FeatureDrift"] > 1
    assert place.report(capsys) == {}, "it was made anew"


def test_an_older_day_that_is_reported_by_hand_is_not_measured(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.DAY", DAY - timedelta(days=3))
    place.log(3000, amount=200)
    place.models("live: live.json", live())
    assert place.report(capsys) == {}


@pytest.mark.parametrize("text", ["live: null", "shadow: live.json"])
def test_without_a_live_model_nothing_is_measured(place: Place, capsys: pytest.CaptureFixture[str], text: str) -> None:
    place.log(3000)
    place.models(text, live())
    assert place.report(capsys) == {}


def test_a_quiet_day_tells_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.log(900)
    place.models("live: live.json", live())
    assert place.report(capsys) == {}


def test_a_report_stands_though_drift_cannot_be_measured(
    place: Place, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    place.log(3000)
    place.models("live: missing.json")
    assert place.report(capsys) == {}
    assert "the ruleset or a model in S3 cannot be used, the report goes by the last good one" in caplog.messages
    assert "the daily report was written" in caplog.messages


def test_damaged_lines_and_segments_are_left_out_of_the_sample(place: Place) -> None:
    place.log(3000)
    store, model = BucketStore(place.s3, BUCKET), live()
    whole = drift_of(store, "decision-log/", DAY, model)
    for part, body in enumerate((b"", b"no gzip", segments.compress([])[:-5])):
        key = f"decision-log/segments/date={DAY}/hour=20/z-{part}-1.jsonl.gz"
        place.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    assert drift_of(store, "decision-log/", DAY, model) == whole
    assert drift_of(store, "decision-log/", date(2020, 1, 1), model) is None


@pytest.mark.parametrize("place", [PROGRAMS_OWN], indirect=True)
def test_rates_and_models_that_wait_for_a_second_person_have_no_part(
    place: Place, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    place.log(3000)
    place.models("live: live.json", live())
    waiting = b"{baseCurrency: USD, rates: [{validFrom: 2026-01-01, perBase: {EUR: 0.9}}]}"
    place.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}rates.yaml", Body=waiting)
    assert place.report(capsys) == {}
    content = place.s3.get_object(Bucket=BUCKET, Key=report_key("reports/", DAY, "json"))["Body"].read()
    assert json.loads(content)["total"]["currency"] == "EUR"
    said = [each for each in caplog.messages if "in S3" in each]
    assert said
    assert {*said} == {"the ruleset or a model in S3 waits for another person, the report goes by the last good one"}

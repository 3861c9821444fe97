"""`fraudstream backtest --engine athena` says what it costs at most, and then what a copy's backtest says."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.reporting.log.keys import LogTable
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.analytics.scan_bounds import BucketLog
from tests.athena_harness import DATABASE, WORKGROUP, LocalAthena, local_athena
from tests.cli_harness import Command, Ran, point_at
from tests.unit.analytics.log_harness import days

BUCKET = "bucket-athena"
RULES = Path("rules").resolve()
ASKED = (LogTable.DECISIONS, LogTable.LABELS)


@pytest.fixture(scope="session")
def log(world_log: Path) -> Path:
    return world_log


@pytest.fixture
def stored(aws: MinistackServer, log: Path) -> BucketLog:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    for path in (path for table in ASKED for path in log.glob(f"{table}/*/*.parquet")):
        key = DECISION_LOG_PREFIX + path.relative_to(log).as_posix()
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    return BucketLog(client=s3, bucket=BUCKET, prefix=DECISION_LOG_PREFIX)


@pytest.fixture
def local(aws: MinistackServer, log: Path, stored: BucketLog, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAthena]:
    with local_athena(log) as athena:
        athena.looks = 0
        point_at(
            aws.endpoint_url,
            monkeypatch,
            bucketName=stored.bucket,
            analyticsDatabase=DATABASE,
            analyticsWorkgroup=WORKGROUP,
        )
        monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", athena.url)
        yield athena


@pytest.fixture
def backtest(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def by_athena(backtest: Command, *options: object) -> Ran:
    period = ("--since", days()[0], "--until", days()[-1])
    return backtest("backtest", "--rules", RULES, "--engine", "athena", *period, "--json", *options)


def test_figures_and_changes_are_those_of_a_copy(
    backtest: Command, local: LocalAthena, log: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in RULES.glob("*.yaml"):
        text = file.read_text()
        other.joinpath(file.name).write_text(re.sub(r"review: \d+", "review: 12", text))
    options = ("--against", other, "--changes")
    found = by_athena(backtest, *options, tmp_path / "athena.csv")
    assert found.code == 0, found.err
    copy = ("backtest", "--rules", RULES, "--data", log, "--engine", "duckdb", "--json")
    expected = backtest(*copy, *options, tmp_path / "copy.csv")
    assert json.loads(found.out) == json.loads(expected.out)
    changed = (tmp_path / "athena.csv").read_text()
    assert changed == (tmp_path / "copy.csv").read_text()
    assert changed.count("\n") > 5
    assert all(f"query {name}" in found.err for name in local.executions)


def test_the_most_that_is_read_is_said_before_anything_runs(backtest: Command, local: LocalAthena) -> None:
    local.failing = "HIVE_BAD_DATA: broken"
    ran = by_athena(backtest)
    assert ran.code == 1
    said = re.search(r"(\d+) files: Athena reads at most ([\d,]+) bytes \(\$0\.0002\)", ran.err)
    assert said
    assert int(said[1]) == len(list(local.log.glob("decisions/*/*"))) + len(list(local.log.glob("labels/*/*")))
    assert "HIVE_BAD_DATA" in ran.err


def test_what_the_workgroup_would_stop_is_not_begun(backtest: Command, local: LocalAthena) -> None:
    local.cutoff = 1000
    ran = by_athena(backtest)
    assert ran.code == 1
    assert "stops a query that reads more than 1,000 bytes" in ran.err
    assert local.executions == {}


def test_the_bound_is_all_but_the_columns_that_nobody_names(stored: BucketLog, log: Path) -> None:
    period = days()[2], days()[9]
    files = stored.files(ASKED, period)
    names = [log / file.key.removeprefix(DECISION_LOG_PREFIX) for file in files]
    assert sorted(names) == sorted(
        path
        for table in ASKED
        for path in log.glob(f"{table}/*/*.parquet")
        if str(period[0]) <= path.parent.name.removeprefix("date=") <= str(period[1])
    )
    whole = sum(path.stat().st_size for path in names)
    assert sum(file.size for file in files) == whole
    few = stored.most_scanned(files, "SELECT TRANSACTIONID FROM decisions")
    more = stored.most_scanned(files, 'SELECT transactionId, customerId, sources FROM decisions WHERE "date" = 1')
    assert 0 < few < more < whole
    everything = " ".join(name for file in names[:1] for name in columns_of(file))
    assert stored.most_scanned(files[:1], everything) == names[0].stat().st_size


def columns_of(path: Path) -> list[str]:
    import pyarrow.parquet  # noqa: PLC0415

    return pyarrow.parquet.read_schema(path).names


def test_a_file_that_is_no_parquet_is_named(stored: BucketLog) -> None:
    key = f"{DECISION_LOG_PREFIX}decisions/date=2030-01-01/2030-01-01T00.parquet"
    stored.client.put_object(Bucket=BUCKET, Key=key, Body=b"nothing of the kind")
    day = date(2030, 1, 1)
    files = stored.files(ASKED, (day, day))
    assert [file.key for file in files] == [key]
    with pytest.raises(QuestionError, match=r"2030-01-01T00\.parquet: it is no Parquet"):
        stored.most_scanned(files, "SELECT 1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--engine", "athena"), "--since and --until"),
        (("--engine", "athena", "--data", "log", "--since", "2026-01-05", "--until", "2026-01-06"), "not --data"),
        (("--engine", "athena", "--since", "2026-01-06", "--until", "2026-01-05"), "--since is after --until"),
        (("--data", "log", "--since", "2026-01-05"), "are for --engine athena"),
        ((), "--data"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    backtest: Command, local: LocalAthena, options: tuple[str, ...], said: str
) -> None:
    ran = backtest("backtest", "--rules", RULES, *options)
    assert ran.code == 1
    assert said in ran.err
    assert local.executions == {}


def test_a_stack_without_a_workgroup_says_how_to_get_one(
    backtest: Command, local: LocalAthena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRAUDSTREAM_ANALYTICS_WORKGROUP")
    ran = by_athena(backtest)
    assert ran.code == 1
    assert "fraudstream:analytics true" in ran.err
    assert local.executions == {}


@pytest.mark.usefixtures("local")
def test_entries_of_lists_by_earlier_tokens_are_named(
    backtest: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in RULES.glob("*.yaml"):
        tmp_path.joinpath(file.name).write_bytes(file.read_bytes())
    tmp_path.joinpath("lists.yaml").write_text(
        f"blocked: {{card: [tok_{22 * 'A'}]}}\ntrusted: {{}}\n", encoding="utf-8"
    )
    named = []
    for keys in ("1", "2"):
        monkeypatch.setenv("FRAUDSTREAM_TOKEN_KEYS", keys)
        found = by_athena(backtest, "--rules", tmp_path)
        assert found.code == 0, found.err
        named.append("1 entry of lists.yaml has a token of another number" in found.err)
    assert named == [False, True]

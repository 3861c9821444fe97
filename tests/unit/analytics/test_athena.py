"""Questions to Athena: started, waited for and read page by page, over a local engine that plays its calls."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.analytics.athena import LEAST_SCANNED, MOST_STATEMENT_BYTES, Athena, dollars
from fraudstream_tools.analytics.local_log import ask_folder
from tests.athena_harness import DATABASE, WORKGROUP, LocalAthena, local_athena
from tests.cli_harness import CHECKOUT, Command, clean_environment
from tests.unit.analytics.log_harness import days, happened

BY_DAY = 'SELECT "date", count(*) AS decided FROM decisions GROUP BY "date" ORDER BY "date"'


@pytest.fixture
def local(log: Path) -> Iterator[LocalAthena]:
    with local_athena(log) as athena:
        yield athena


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def athena(local: LocalAthena, slept: list[float]) -> Athena:
    return Athena(client=local.client, workgroup=WORKGROUP, database=DATABASE, sleep=slept.append)


def test_an_answer_is_that_of_the_folder(athena: Athena, local: LocalAthena, log: Path) -> None:
    found, expected = athena.ask(BY_DAY), ask_folder(log, BY_DAY, [], 1000)
    assert (found.columns, found.rows, found.has_more) == (expected.columns, expected.rows, False)
    assert found.query_id in local.executions
    assert found.scanned


def test_all_pages_are_read_and_the_heading_is_no_row(athena: Athena, local: LocalAthena) -> None:
    local.page_rows = 7
    found = athena.ask(BY_DAY)
    assert [row[0] for row in found.rows] == [str(day) for day in days()]
    assert local.calls.count("GetQueryResults") == -(-(len(days()) + 1) // 7)


def test_no_more_pages_are_read_than_are_asked_for(athena: Athena, local: LocalAthena) -> None:
    local.page_rows = 4
    found = athena.ask(BY_DAY, limit=5)
    assert (len(found.rows), found.has_more) == (5, True)
    assert local.calls.count("GetQueryResults") == 2
    assert athena.ask(f"{BY_DAY} LIMIT 5", limit=5).has_more is False


def test_values_have_their_types(athena: Athena) -> None:
    sql = (
        "SELECT CAST(1 AS INTEGER), count(*), 1.5e0, CAST(2.50 AS DECIMAL(5, 2)), true, NULL, 'x''y', "
        "CAST('2026-01-05' AS DATE), CAST('' AS VARCHAR) FROM decisions"
    )
    (row,) = athena.ask(sql).rows
    assert row == (1, len(happened()), 1.5, Decimal("2.50"), True, None, "x'y", date(2026, 1, 5), "")


def test_values_of_question_marks_are_literals(athena: Athena) -> None:
    payment = happened()[0].transaction
    sql = "SELECT count(*) FROM decisions WHERE transactionId = ?"
    assert athena.ask(sql, [payment.transaction_id]).rows == [(1,)]
    assert athena.ask(sql, ["' OR ''='"]).rows == [(0,)]


def test_a_query_is_looked_at_less_and_less_often(athena: Athena, local: LocalAthena, slept: list[float]) -> None:
    local.looks = 6
    athena.ask(BY_DAY)
    assert slept == [0.2, 0.5, 1.0, 2.0, 2.0, 2.0]


def test_a_query_that_fails_says_why_and_which(athena: Athena, local: LocalAthena) -> None:
    with pytest.raises(QuestionError, match=r"failed: GENERIC_USER_ERROR.*nowhere") as error:
        athena.ask("SELECT nowhere FROM decisions")
    assert next(iter(local.executions)) in str(error.value)
    local.failing = "HIVE_BAD_DATA: Malformed Parquet file"
    with pytest.raises(QuestionError, match="HIVE_BAD_DATA"):
        athena.ask(BY_DAY)


def test_a_query_that_the_workgroup_stops_says_so(athena: Athena, local: LocalAthena) -> None:
    local.cutoff = 1000
    assert athena.cutoff() == 1000
    with pytest.raises(QuestionError, match="cancelled: Bytes scanned limit"):
        athena.ask(BY_DAY)
    local.cutoff = None
    assert athena.cutoff() is None


def test_a_query_that_nobody_waits_for_any_more_is_stopped(local: LocalAthena) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    local.forever = True
    athena = Athena(client=local.client, workgroup=WORKGROUP, database=DATABASE, sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        athena.ask(BY_DAY)
    assert [each.state for each in local.executions.values()] == ["CANCELLED"]


def test_a_statement_that_is_too_long_is_not_sent(athena: Athena, local: LocalAthena) -> None:
    longest = "SELECT 1 AS n --".ljust(MOST_STATEMENT_BYTES, "x")
    assert athena.ask(longest).rows == [(1,)]
    with pytest.raises(QuestionError, match="262,145 bytes"):
        athena.ask(longest + "x")
    assert local.calls.count("StartQueryExecution") == 1


def test_clients_share_no_settings(local: LocalAthena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert local.client.meta.config.retries["total_max_attempts"] == 1
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    assert "total_max_attempts" not in local.client.meta.config.retries


def test_calls_that_come_too_fast_are_repeated(athena: Athena, local: LocalAthena) -> None:
    local.refusals.extend([("ThrottlingException", "Rate exceeded"), ("TooManyRequestsException", "slow down")])
    assert athena.ask("SELECT 1 AS n").rows == [(1,)]
    assert len(local.executions) == 1


@pytest.mark.parametrize("accepted", [0, 1, 4])
def test_a_call_that_is_refused_is_told_as_aws_says_it(
    athena: Athena, local: LocalAthena, accepted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = local.answer

    def answer(call: str, asked: dict[str, object]) -> dict[str, object]:
        if len(local.calls) == accepted:
            local.refusals.append(("ExpiredTokenException", "the token has expired"))
        return before(call, asked)

    monkeypatch.setattr(local, "answer", answer)
    with pytest.raises(ClientError, match="ExpiredToken"):
        athena.ask(BY_DAY)


def test_what_is_no_sql_is_refused(athena: Athena) -> None:
    with pytest.raises(ClientError, match="InvalidRequestException"):
        athena.ask("SELECT FROM WHERE (")


def test_the_least_is_paid_for_each_query() -> None:
    assert dollars(0) == LEAST_SCANNED / 1e12 * 5
    assert dollars(10**12, 3) == 5


def test_the_command_asks_athena(
    local: LocalAthena, log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)
    monkeypatch.setenv("FRAUDSTREAM_ANALYTICS_DATABASE", DATABASE)
    monkeypatch.setenv("FRAUDSTREAM_ANALYTICS_WORKGROUP", WORKGROUP)
    local.looks = 0
    fraudstream = Command(capsys)
    query = f"@{CHECKOUT}/infra/data/queries/fraud-by-rule.sql"
    options = ("--today", days()[-1], "--json")
    found = fraudstream("ask", query, "--engine", "athena", *options)
    expected = fraudstream("ask", query, "--log", log, *options)
    assert found.code == expected.code == 0
    (name,) = local.executions
    assert f"Athena query {name} read" in found.err
    same = expected.out.replace('"queryId": null', f'"queryId": "{name}"')
    assert found.out == same

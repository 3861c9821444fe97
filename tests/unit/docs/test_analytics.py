"""What `docs/analytics.md` tells its readers is so."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlglot

from fraudstream.contract import QUERY_RESULTS_PREFIX
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Truth, Verdict
from infra.data.analytics import PARTITION, TABLES, SavedQuery, saved_queries
from infra.data.report_bucket import RESULT_DAYS
from infra.settings import ANALYTICS_CUTOFF_GIB
from tests.unit.reporting.decision_log_harness import HOUR, MIDNIGHT, PREFIX, Stream, label, put, reporter, transaction

PAGE = (Path(__file__).parents[3] / "docs/analytics.md").read_text()
TABLES_SQL, MISSED, BY_CHANNEL = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
ASKED = [
    sql
    for page in sorted((Path(__file__).parents[3] / "docs").glob("*.md"))
    for sql in re.findall(r'^fraudstream ask "(SELECT.*?|WITH.*?)"', page.read_text(), re.DOTALL | re.MULTILINE)
]
"""What the pages have `fraudstream ask` asked."""
NOON = MIDNIGHT + 12 * HOUR
OF_WEEKS = {"undecided", "device", "false-declines", "feature-drift", "new-customers", "precision-by-age"}
"""Queries that find nothing in a single day without features."""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """A folder as the page says to bring it, in which every line of the log stands twice."""
    stream = Stream()
    for number, (verdict, rules) in enumerate(
        [(Verdict.APPROVE, ()), (Verdict.APPROVE, ("amount-outlier",)), (Verdict.DECLINE, ("amount-outlier",))]
    ):
        stream.store_and_decide(transaction(number, amount=100 * (number + 1)), verdict, rules=rules)
        decided = stream.records[-1]["dynamodb"]["NewImage"]
        for later, truth in enumerate((Truth.LEGITIMATE, Truth.FRAUD)):
            at = NOON + later * HOUR
            labelled = decided | label(truth, at=at).to_item()
            stream.add(labelled, decided, at=at)
            decided = labelled
    put([*cut(stream.records, PREFIX).segments, *cut(stream.records[1:], PREFIX).segments], tmp_path)
    reporter(tmp_path).roll_up()
    (tmp_path / PREFIX).rename(tmp_path / "log")
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        connection.execute(TABLES_SQL)
        yield connection


def test_the_tables_on_a_laptop_are_those_of_the_catalog(log: duckdb.DuckDBPyConnection) -> None:
    assert {name for (name,) in log.execute("SHOW TABLES").fetchall()} == set(TABLES)
    for table in TABLES:
        columns = dict(row[:2] for row in log.execute(f"DESCRIBE {table}").fetchall())
        assert columns[PARTITION] == "VARCHAR"


@pytest.mark.parametrize("query", saved_queries(), ids=lambda query: query.name)
def test_a_saved_query_runs_on_a_laptop_as_the_page_says(log: duckdb.DuckDBPyConnection, query: SavedQuery) -> None:
    assert "sed \"s/current_date/DATE '2026-11-23'/\"" in PAGE
    rows = log.execute(query.sql.replace("current_date", "DATE '2026-11-23'"), values_of(query)).fetchall()
    assert rows or query.name in OF_WEEKS


def test_a_saved_query_runs_without_any_change(log: duckdb.DuckDBPyConnection) -> None:
    for query in saved_queries():
        log.execute(query.sql, values_of(query))


def values_of(query: SavedQuery) -> list[str]:
    """Something for each question mark of a query."""
    return ["tok_device"] * query.sql.count("= ?")


def test_frauds_that_were_let_through_are_found_by_their_newest_label(log: duckdb.DuckDBPyConnection) -> None:
    found = [row[:2] for row in log.execute(MISSED).fetchall()]
    assert found == [("t-1", 200), ("t-0", 100)]


def test_hits_of_rules_are_counted_once_with_the_newest_label(log: duckdb.DuckDBPyConnection) -> None:
    assert log.execute(BY_CHANNEL).fetchall() == [("amount-outlier", None, 2, 1, 2, 0)]


@pytest.mark.parametrize("sql", ASKED)
def test_a_question_that_a_page_has_asked_has_an_answer(log: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert log.execute(sql.replace("card-velocity", "amount-outlier")).fetchall()


def test_hits_on_both_sides_of_a_share_are_told_with_their_newest_label(log: duckdb.DuckDBPyConnection) -> None:
    (sql,) = (each for each in ASKED if "mode" in each)
    assert log.execute(sql.replace("card-velocity", "amount-outlier")).fetchall() == [("LIVE", 2, 2)]


@pytest.mark.parametrize("sql", [MISSED, BY_CHANNEL, *ASKED])
def test_the_pages_questions_are_of_athenas_dialect(sql: str) -> None:
    assert len(sqlglot.parse(sql, read="athena")) == 1


def test_every_saved_query_is_listed() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \|", PAGE.partition("## Questions")[2].partition("\n## On a")[0], re.MULTILINE)
    assert sorted(listed) == [query.name for query in saved_queries()]


def test_the_workgroups_bounds_are_as_the_page_says() -> None:
    assert f"more\nthan {ANALYTICS_CUTOFF_GIB} GiB is stopped" in PAGE
    assert (
        f"`{QUERY_RESULTS_PREFIX}` in the stack's bucket, encrypted as everything there, for {RESULT_DAYS} days" in PAGE
    )

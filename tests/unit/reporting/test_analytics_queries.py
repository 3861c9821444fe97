"""The saved queries tell of a day what its report tells; DuckDB runs them as they are, on what the merge wrote."""

import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import sqlglot
from sqlglot import exp

from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.log.columns import FILES
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.transaction import Channel, Transaction
from infra.data.analytics import PARTITION, TABLES, SavedQuery, saved_queries
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    decision,
    item,
    label,
    put,
    reporter,
    transaction,
)

QUERIES = {query.name: query for query in saved_queries()}
RULES = ("amount-outlier", "blocked-list", "card-velocity")
COUNTRIES = ("DE", "FR", "US", None)


def a_payment(number: int, generator: random.Random) -> Transaction:
    return msgspec.structs.replace(
        transaction(
            number,
            at=MIDNIGHT + generator.randrange(24 * HOUR),
            amount=generator.choice([0, generator.randrange(100), generator.randrange(3_000_000)]),
            currency=generator.choice(["EUR", "EUR", "USD", "JPY"]),
        ),
        channel=generator.choice([*Channel, None]),
        merchant_category_code=generator.choice(["5411", "7995", None]),
        merchant_country=generator.choice(COUNTRIES),
        card_country=generator.choice(COUNTRIES),
        billing_country=generator.choice(COUNTRIES),
        merchant_id=f"tok_shop{generator.randrange(30)}",
    )


def a_day() -> Stream:
    """Transactions of all kinds; some undecided, many labelled: more than once, before a decision, without one."""
    stream, generator = Stream(), random.Random(11)
    for number in range(400):
        stored = a_payment(number, generator)
        at = stored.received_at
        rules = generator.sample(RULES, generator.randrange(4))
        judged = decision(generator.choice(list(Verdict)), score=generator.randrange(101), at=at + 400, rules=rules)
        known = item(stored)
        stream.add(known, at=at)
        if number % 5 == 1:
            early = known | label(generator.choice(list(Truth)), at=at + 200).to_item()
            stream.add(early, known, at=at + 200)
            known = early
        if number % 20 == 6:
            continue
        # Some decisions stand in another hour of the log than their transactions.
        decided = known | judged.to_item()
        stream.add(decided, known, at=at + generator.choice([400, 2 * HOUR]))
        for later in range(number % 3):
            labelled_at = at + (later + 1) * 5 * HOUR
            labelled = decided | label(generator.choice(list(Truth)), at=labelled_at).to_item()
            stream.add(labelled, decided, at=labelled_at)
            decided = labelled
    return stream


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log whose segments overlap, and of which much came in after it was merged for the first time."""
    folder, records = tmp_path_factory.mktemp("log"), a_day().records
    put(cut(records[:500], PREFIX).segments, folder)
    reporter(folder).roll_up()
    for first in range(0, len(records), 150):
        put(cut(records[first : first + 300], PREFIX).segments, folder)
    return folder


@pytest.fixture(scope="module")
def report(root: Path) -> DailyReport:
    made = reporter(root).report(DAY)
    assert made.decisions.total > 350
    assert made.labels.labelled > 200
    return made


@pytest.fixture(scope="module")
def log(root: Path, report: DailyReport) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables as the catalog has them: the folder's day is a text."""
    assert report
    with duckdb.connect() as connection:
        for table in TABLES:
            files = (
                f"read_parquet('{root}/{PREFIX}{table}/*/*.parquet', hive_partitioning = true, hive_types_autocast = 0)"
            )
            connection.execute(f"CREATE VIEW {table} AS FROM {files}")
        yield connection


def ask(log: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    """Give a saved query's rows, as on the morning after the day."""
    today = f"DATE '{DAY + timedelta(days=1)}'"
    assert "current_date" in QUERIES[name].sql
    found = log.execute(QUERIES[name].sql.replace("current_date", today))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_hours_and_currencies_add_up_to_the_reports(log: duckdb.DuckDBPyConnection, report: DailyReport) -> None:
    rows = ask(log, "decisions-by-hour")
    for hour in report.hours:
        own = [row for row in rows if row["hour"] == f"{hour.hour:02}"]
        for column, count in (
            ("approved", hour.decisions.approve),
            ("reviewed", hour.decisions.review),
            ("declined", hour.decisions.decline),
        ):
            assert sum(row[column] for row in own) == count
    for currency in report.currencies:
        own = [row for row in rows if row["currency"] == currency.currency]
        assert sum(row["transactions"] for row in own) == currency.count
        assert sum(row["amountMinor"] for row in own) == currency.value


def test_the_fraud_of_each_currency_is_the_reports(log: duckdb.DuckDBPyConnection, report: DailyReport) -> None:
    rows = ask(log, "fraud-rate")
    assert {row["day"] for row in rows} == {DAY.isoformat()}
    assert [
        (row["currency"], row["transactions"], row["amountMinor"], row["fraudAmountMinor"], row["caughtAmountMinor"])
        for row in rows
    ] == [(each.currency, each.count, each.value, each.fraud_value, each.caught_value) for each in report.currencies]
    assert sum(row["labelled"] for row in rows) == report.labels.labelled
    assert sum(row["fraud"] for row in rows) == report.labels.fraud
    for row in rows:
        assert row["fraudShare"] == pytest.approx(row["fraud"] / row["transactions"])
        assert row["fraudBasisPoints"] == pytest.approx(
            float(10_000 * row["fraudAmountMinor"]) / float(row["amountMinor"])
        )


def test_rules_did_and_were_right_as_the_report_says(log: duckdb.DuckDBPyConnection, report: DailyReport) -> None:
    rows = ask(log, "rules")
    assert len(rows) == len(RULES)
    for row, rule in zip(rows, report.rules, strict=True):
        assert (row["rule"], row["hits"], row["alone"]) == (rule.source, rule.hits, rule.unique_hits)
        assert (row["reviewed"], row["declined"]) == (rule.reviewed, rule.declined)
        assert (row["fraud"], row["legitimate"]) == (rule.fraud, rule.legitimate)
        assert row["unevaluable"] == rule.unevaluable
        assert rule.precision
        bounds = (rule.precision.share, rule.precision.low, rule.precision.high)
        assert (row["labelledPrecision"], row["low"], row["high"]) == pytest.approx(bounds, abs=1e-6)


def test_cuts_are_the_reports(log: duckdb.DuckDBPyConnection, report: DailyReport) -> None:
    main = report.currencies[0].currency
    rows = {
        (row["dimension"], row["key"], row["currency"] or row["other"]): (
            row["transactions"], row["reviewed"], row["declined"], row["labelled"], row["fraud"]
        )
        for row in ask(log, "cuts")
        if row["currency"] in ("", main)
    }  # fmt: skip
    assert rows == {
        (each.dimension, each.key, each.other): (
            each.decisions.total, each.decisions.review, each.decisions.decline, each.labelled, each.fraud
        )
        for each in report.cuts
    }  # fmt: skip


def test_top_entities_are_the_reports(log: duckdb.DuckDBPyConnection, report: DailyReport) -> None:
    found = {(row["kind"], row["token"]): (row["reviewed"], row["declined"]) for row in ask(log, "entities")}
    assert found == {(each.kind, each.token): (each.reviewed, each.declined) for each in report.entities}


def test_scores_and_what_labels_say_of_them_are_the_reports(
    log: duckdb.DuckDBPyConnection, report: DailyReport
) -> None:
    rows = {row["fromScore"]: row for row in ask(log, "scores")}
    assert tuple(rows[10 * place]["transactions"] for place in range(10)) == report.scores
    calibration: Mapping[int, Any] = {each.from_score: each.fraud for each in report.model.calibration}
    assert {score: row["labelled"] for score, row in rows.items() if row["labelled"]} == {
        score: known.n for score, known in calibration.items()
    }
    for score, known in calibration.items():
        assert rows[score]["fraudShare"] == pytest.approx(known.share, abs=1e-6)


def test_the_books_balance_as_the_reports_do(log: duckdb.DuckDBPyConnection, report: DailyReport) -> None:
    (row,) = ask(log, "reconciliation")
    books = report.reconciliation
    assert row == {
        "stored": books.stored,
        "decided": books.decided,
        "decisionRows": books.decided,
        "undecided": len(books.undecided),
        "unstored": 0,
    }
    assert books.undecided
    assert [(row["transactionId"], row["receivedAt"]) for row in ask(log, "undecided")] == [
        (each.transaction_id, each.received_at) for each in books.undecided
    ]


@pytest.mark.parametrize("name", QUERIES)
def test_a_day_without_a_log_is_no_error(log: duckdb.DuckDBPyConnection, name: str) -> None:
    values = ["tok_device"] * QUERIES[name].sql.count("= ?")
    rows = log.execute(QUERIES[name].sql.replace("current_date", "DATE '1999-01-02'"), values).fetchall()
    # Yesterday of a day long ago has no rows; what begins 28 days before has all.
    assert name == "fraud-rate" or rows in ([], [(0, 0, 0, 0, 0)])


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_saved_query_is_athenas_sql_over_the_catalogs_columns(query: SavedQuery) -> None:
    (statement,) = sqlglot.parse(query.sql, read="athena")
    assert isinstance(statement, exp.Select)
    assert not [*statement.find_all(exp.Anonymous)], "every function is one of the dialect's"
    within = {each.alias for each in statement.find_all(exp.CTE)}
    assert {each.name for each in statement.find_all(exp.Table)} - within <= set(TABLES)
    assert not any(each.args.get("db") for each in statement.find_all(exp.Table)), "the workgroup's database is taken"


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_each_reading_of_a_table_is_of_some_days_only(query: SavedQuery) -> None:
    (statement,) = sqlglot.parse(query.sql, read="athena")
    assert statement
    for table in statement.find_all(exp.Table):
        if table.name not in TABLES:
            continue
        select = table.find_ancestor(exp.Select)
        assert select
        where = select.args["where"]
        assert PARTITION in {column.name for column in where.find_all(exp.Column)}


def test_each_saved_query_says_what_it_tells() -> None:
    assert len(QUERIES) >= 8
    for query in QUERIES.values():
        assert 40 < len(query.description) < 400
        assert query.description.endswith((".", "milliseconds."))


@pytest.mark.parametrize("table", FILES)
def test_the_files_have_the_columns_that_the_catalog_tells_of(root: Path, report: DailyReport, table: LogTable) -> None:
    assert report
    with duckdb.connect() as connection:
        found = connection.execute(
            f"DESCRIBE FROM read_parquet('{root}/{PREFIX}{table}/*/*.parquet', hive_partitioning = false)"
        ).fetchall()
    assert {name: kind.replace(",", ", ") for name, kind, *_ in found} == dict(FILES[table])

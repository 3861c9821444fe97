"""What Athena is asked, on Trino, whose dialect it speaks: rules say what Python says, and queries what DuckDB says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream.detection.rules.language.sql import literal
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream_tools.analytics.answers import as_of
from fraudstream_tools.analytics.athena import Athena
from fraudstream_tools.analytics.local_log import ask_folder
from fraudstream_tools.lab.backtest import athena_engine, duckdb_engine
from fraudstream_tools.lab.backtest.athena_engine import AthenaBacktest
from fraudstream_tools.lab.backtest.run import Contestant
from infra.data.analytics import saved_queries
from tests.athena_harness import DATABASE, WORKGROUP, local_athena
from tests.trino.trino_harness import Trino
from tests.unit.analytics.log_harness import days, happened, morning_after
from tests.unit.detection.rules.sql_harness import (
    EACH,
    NUMBERS,
    TRAPS,
    as_sql,
    flags,
    in_python,
    is_accepted,
    judged,
    rows,
)
from tests.unit.lab.backtest_harness import DELAY, MODELLED, OTHER, SHIPPED

QUERIES = {query.name: query.sql for query in saved_queries()}
A_BATCH = 25
"""Rules of one statement: each statement is compiled by Trino, which takes longer than what it asks for."""


def table_of(known: Sequence[Mapping[str, Any]]) -> str:
    """Give rows as a table that has nothing but constants."""
    kinds = {name: "DOUBLE" if name in NUMBERS else "VARCHAR" for name in EACH}
    rows = [
        [f"CAST(NULL AS {kind})" if row[name] is None else literal(row[name]) for name, kind in kinds.items()]
        + [str(bool(row["blocked"]))]
        for row in known
    ]
    values = ", ".join(f"({number}, {', '.join(row)})" for number, row in enumerate(rows))
    return f"(VALUES {values}) AS decisions (number, {', '.join(EACH)}, blocked)"


def said(engine: Trino, texts: Sequence[str], known: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    _, found = engine.ask(f"{as_sql(*texts, table=table_of(known))} ORDER BY number")
    return found


@given(
    texts=st.lists(flags.filter(is_accepted), min_size=A_BATCH, max_size=A_BATCH),
    several=st.lists(rows, min_size=4, max_size=8),
)
@settings(
    max_examples=12,
    suppress_health_check=(HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.too_slow),
)
def test_trino_says_of_any_rule_and_vector_what_python_says(
    engine: Trino, texts: list[str], several: list[dict[str, Any]]
) -> None:
    known = [judged(row) for row in several]
    expected = [tuple(in_python(text, row) for text in texts) for row in known]
    assert said(engine, texts, known) == expected


def test_the_known_traps_say_the_same(engine: Trino) -> None:
    known = [judged(dict.fromkeys((*EACH, "blocked")) | dict(row)) for _, row, _ in TRAPS]
    found = said(engine, [text for text, _, _ in TRAPS], known)
    assert [found[number][number] for number in range(len(TRAPS))] == [truth for _, _, truth in TRAPS]


@pytest.mark.parametrize("value", [0.1, 1.0, 1e12, 123456.789, 5e-324, -2.5])
def test_a_literal_is_the_same_number(engine: Trino, value: float) -> None:
    assert engine.ask(f"SELECT {literal(value)}") == ([("_col0", "double")], [(value,)])


def in_order(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Give rows in an order that the last digits of their sums do not decide."""
    return sorted(rows, key=lambda row: [str(value) for value in row if not isinstance(value, float)])


@pytest.mark.parametrize("name", QUERIES)
def test_saved_queries_are_answered_as_duckdb_answers_them(engine: Trino, log: Path, name: str) -> None:
    sql = as_of(QUERIES[name], morning_after())
    values = [happened()[0].transaction.device_id or ""] * sql.count("?")
    expected = ask_folder(log, sql, values, 10_000)
    for value in values:
        sql = sql.replace("?", f"'{value}'", 1)
    columns, rows = engine.ask(sql.rstrip().removesuffix(";"))
    assert [column for column, _ in columns] == expected.columns
    assert len(rows) == len(expected.rows)
    for row, wanted in zip(in_order(rows), in_order(expected.rows), strict=True):
        # Sums of doubles depend on the order in which they are added.
        assert row == tuple(pytest.approx(value, rel=1e-9) if isinstance(value, float) else value for value in wanted)


@pytest.mark.parametrize("contestants", [(SHIPPED, OTHER), (OTHER, MODELLED)], ids=["two", "with a model"])
def test_backtests_say_what_duckdb_says(engine: Trino, log: Path, contestants: tuple[Contestant, ...]) -> None:
    rulesets = [each.load() for each in contestants]
    asked = AthenaBacktest(days=(days()[0], days()[-1]), rulesets=rulesets, label_delay_days=DELAY)
    with local_athena(log, engine.ask) as local:
        athena = Athena(client=local.client, workgroup=WORKGROUP, database=DATABASE, sleep=lambda _: None)
        found = athena_engine.tally(athena, asked, with_changes=True).tally
    with open_log(log, label_delay_days=DELAY) as opened:
        assert found == duckdb_engine.tally(opened, rulesets, with_changes=True)
    assert found.transactions > 1000
    assert found.changes

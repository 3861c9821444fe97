"""Rules as SQL: for any accepted rule and any vector, DuckDB says what Python says."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from fraudstream.detection.rules.language.fields import BY_NAME, FieldType
from fraudstream.detection.rules.language.sql import SqlCompiler, literal
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


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        kinds = [f"{name} {'DOUBLE' if name in NUMBERS else 'VARCHAR'}" for name in EACH]
        connection.execute(f"CREATE TABLE decisions ({', '.join(kinds)}, blocked BOOLEAN)")
        yield connection


def fill(database: duckdb.DuckDBPyConnection, known: list[dict[str, Any]]) -> None:
    """Put rows in place of those that were there."""
    database.execute("DELETE FROM decisions")
    for row in known:
        database.table("decisions").insert([row[name] for name in (*EACH, "blocked")])


@given(text=flags, several=st.lists(rows, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_duckdb_says_of_any_rule_and_vector_what_python_says(
    database: duckdb.DuckDBPyConnection, text: str, several: list[dict[str, Any]]
) -> None:
    assume(is_accepted(text))
    known = [judged(row) for row in several]
    fill(database, known)
    statement = as_sql(text)
    assert [truth for (truth,) in database.execute(statement).fetchall()] == [in_python(text, row) for row in known]
    assert sqlglot.parse_one(statement, read="trino")


@pytest.mark.parametrize(("text", "row", "truth"), TRAPS)
def test_the_known_traps_say_the_same(
    database: duckdb.DuckDBPyConnection, text: str, row: Mapping[str, float], *, truth: bool | None
) -> None:
    known = judged(dict.fromkeys((*EACH, "blocked")) | dict(row))
    fill(database, [known])
    assert in_python(text, known) is truth
    assert database.execute(as_sql(text)).fetchall() == [(truth,)]


def test_no_number_of_a_statement_is_a_decimal_in_trino() -> None:
    statement = as_sql("amountBase * 0.1 > 2 and localHour in (1, 2.5)")
    literals = list(sqlglot.parse_one(statement, read="trino").find_all(exp.Literal))
    assert len(literals) >= 4
    assert [each.this for each in literals if not each.is_string and "e" not in each.this.lower()] == []


def test_what_is_said_twice_is_calculated_once() -> None:
    nested = "amountBase"
    for _ in range(12):
        nested = f"min({nested} + 1, localHour)"
    assert len(as_sql(f"{nested} > 1")) < 4000


@pytest.mark.parametrize("value", [0.1, 1.0, 1e12, 123456.789, 5e-324, -2.5])
def test_a_literal_is_the_same_number(database: duckdb.DuckDBPyConnection, value: float) -> None:
    assert database.execute(f"SELECT {literal(value)}, typeof({literal(value)})").fetchall() == [(value, "DOUBLE")]


def test_every_kind_of_field_can_be_missing_from_a_table(database: duckdb.DuckDBPyConnection) -> None:
    sql = SqlCompiler({}, {})
    columns = [sql.compile(f"present({name})", {}) for name in BY_NAME]
    assert {BY_NAME[name].type for name in BY_NAME} == {FieldType.TEXT, FieldType.NUMBER}
    assert not any(database.execute(f"SELECT {', '.join(columns)}").fetchone() or [True])

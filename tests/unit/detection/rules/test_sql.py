"""Rules as SQL: for any accepted rule and any vector, DuckDB says what Python says."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from fraudstream.detection.features.codec import pack, unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.language import checker, compiler
from fraudstream.detection.rules.language.checker import Parameter, Scope
from fraudstream.detection.rules.language.fields import BY_NAME, FIELDS, FieldType
from fraudstream.detection.rules.language.parser import LanguageError
from fraudstream.detection.rules.language.sql import SqlCompiler, literal, select

NUMBERS = NAMES[:6]
TEXTS = ("channel", "merchantCountry", "cardToken")
LISTS = ("blocked", "trusted")
PARAMETERS: Mapping[str, Parameter] = {"limit": 0.1, "huge": 1e12, "some": (0.0, 3.0, 0.5), "places": ("DE", "it's")}
SCOPE = Scope(BY_NAME, PARAMETERS, LISTS)
HUGE = " * ".join(["huge"] * 13)
EACH = (*NUMBERS, *TEXTS)
LITERALS = ("0", "1", "3", "0.1", "0.5", "2.5", "1e12", "limit", "huge", "0.0001")

numbers = st.recursive(
    st.sampled_from((*NUMBERS, *LITERALS)),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        inner.map("(- {})".format),
        inner.map("abs({})".format),
        st.tuples(st.sampled_from(("min", "max")), st.lists(inner, min_size=2, max_size=3)).map(
            lambda part: f"{part[0]}({', '.join(part[1])})"
        ),
    ),
    max_leaves=8,
)
comparisons = st.one_of(
    st.tuples(numbers, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), numbers).map(" ".join),
    st.tuples(numbers, numbers, numbers).map(" <= ".join),
    st.tuples(numbers, st.sampled_from(("in", "not in"))).map(lambda part: f"{part[0]} {part[1]} some"),
    st.tuples(st.sampled_from(("==", "!=")), st.sampled_from(("'DE'", "'FR'"))).map(
        lambda part: f"merchantCountry {part[0]} {part[1]}"
    ),
    st.sampled_from(
        ("channel == 'POS'", "merchantCountry in places", "cardToken not in ('a', 'b')", "listed('blocked')")
    ),
    st.sampled_from(EACH).map("present({})".format),
)
flags = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        inner.map("(not ({}))".format),
    ),
    max_leaves=6,
)
values = st.none() | st.sampled_from([0.0, 1.0, 3.0, 0.1, 0.5, 2.5, -4.0, 1e30, 3e38, 1e-40]) | st.floats(-3e38, 3e38)
rows = st.fixed_dictionaries(
    dict.fromkeys(NUMBERS, values)
    | {
        "channel": st.sampled_from(("POS", "ATM", None)),
        "merchantCountry": st.sampled_from(("DE", "FR", "it's", None)),
        "cardToken": st.sampled_from(("a", "tok", None)),
        "blocked": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        kinds = [f"{name} {'DOUBLE' if name in NUMBERS else 'VARCHAR'}" for name in EACH]
        connection.execute(f"CREATE TABLE decisions ({', '.join(kinds)}, blocked BOOLEAN)")
        yield connection


def judged(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row as it is stored and judged."""
    vector = unpack(pack({name: row[name] for name in NUMBERS}))
    return {**row, **{name: vector[NAMES.index(name)] for name in NUMBERS}}


def fill(database: duckdb.DuckDBPyConnection, known: list[dict[str, Any]]) -> None:
    """Put rows in place of those that were there."""
    database.execute("DELETE FROM decisions")
    for row in known:
        database.table("decisions").insert([row[name] for name in (*EACH, "blocked")])


def in_python(text: str, row: Mapping[str, Any]) -> bool | None:
    function = compiler.compile_together([checker.check(text, SCOPE)], [field.name for field in FIELDS], LISTS)
    (truth,) = function(*(row.get(field.name) for field in FIELDS), row["blocked"], False)
    return truth


def as_sql(text: str) -> str:
    sql = SqlCompiler({name: name for name in EACH}, {"blocked": "blocked", "trusted": "false"})
    compiled = sql.compile(text, PARAMETERS)
    return select("decisions", sql.shared, [compiled])


@given(text=flags, several=st.lists(rows, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_duckdb_says_of_any_rule_and_vector_what_python_says(
    database: duckdb.DuckDBPyConnection, text: str, several: list[dict[str, Any]]
) -> None:
    try:
        checker.check(text, SCOPE)
    except LanguageError:
        return
    known = [judged(row) for row in several]
    fill(database, known)
    statement = as_sql(text)
    assert [truth for (truth,) in database.execute(statement).fetchall()] == [in_python(text, row) for row in known]
    assert sqlglot.parse_one(statement, read="trino")


@pytest.mark.parametrize(
    ("text", "row", "truth"),
    [
        ("min(1, amountBase) < 2", {}, None),
        ("max(amountBase, localHour) > 2", {"amountBase": 5.0}, None),
        ("amountBase / localHour > 2", {"amountBase": 5.0, "localHour": 0.0}, None),
        ("localHour / localHour != 1", {"localHour": 0.0}, None),
        ("amountBase == 0.1", {"amountBase": 0.1}, False),
        ("accountAgeDays / 3 == 1", {"accountAgeDays": 4.0}, False),
        ("not (amountBase > 1 and localHour > 3)", {"localHour": 3.0}, True),
        (f"{' * '.join(['amountBase'] * 9)} > 1", {"amountBase": 3e38}, None),
        (f"({HUGE}) * ({HUGE}) > amountBase", {"amountBase": 1.0}, None),
    ],
)
def test_the_known_traps_say_the_same(
    database: duckdb.DuckDBPyConnection, text: str, row: dict[str, float], *, truth: bool | None
) -> None:
    known = judged(dict.fromkeys((*EACH, "blocked")) | row)
    fill(database, [known])
    assert in_python(text, known) is truth
    assert database.execute(as_sql(text)).fetchall() == [(truth,)]


def test_no_number_of_a_statement_is_a_decimal_in_trino() -> None:
    statement = as_sql("amountBase * 0.1 > 2 and localHour in (1, 2.5)")
    for each in sqlglot.parse_one(statement, read="trino").find_all(exp.Literal):
        assert each.is_string or "e" in each.this.lower()


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

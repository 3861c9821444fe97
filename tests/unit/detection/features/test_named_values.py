"""A vector's values one by one: what the decision log lists is what was judged."""

import hashlib
import json

import duckdb
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.detection.features.codec import pack, unpack
from fraudstream.detection.features.named_values import COLUMNS, PLACES, exact, listed
from fraudstream.detection.features.registry import DECLARED, FIRST_SCHEMA, NAMES
from fraudstream.reporting.log.columns import FEATURES_OF_LINES, LINE

DATABASE = duckdb.connect()
VALUES = st.dictionaries(
    st.sampled_from(NAMES), st.none() | st.floats(-1e9, 1e9) | st.integers(0, 300).map(float), max_size=len(NAMES)
)


def test_each_feature_has_a_place_and_a_column_of_its_own() -> None:
    assert len(PLACES) == len(DECLARED)
    assert list(COLUMNS) == sorted(NAMES, key=list(COLUMNS).index)
    lower = [name.lower() for name in (*PLACES, *LINE)]
    assert len(set(lower)) == len(lower)


def test_the_places_of_the_first_schema_never_change() -> None:
    first = [column for column, feature in PLACES.items() if feature.since == FIRST_SCHEMA]
    assert list(PLACES)[: len(first)] == first
    assert hashlib.sha256(",".join(first).encode()).hexdigest()[:12] == "2c8e44da37b9"


@given(VALUES)
@settings(max_examples=25, deadline=None)
def test_sql_reads_from_a_line_what_was_judged_to_the_last_bit(values: dict[str, float | None]) -> None:
    packed = pack(values)
    vector = listed(packed)
    assert vector
    line = msgspec.json.encode(vector.values).decode()
    columns = ", ".join(FEATURES_OF_LINES[COLUMNS[name]] for name in NAMES)
    with DATABASE.cursor() as connection:
        connection.execute("CREATE OR REPLACE TABLE lines AS SELECT (?::JSON)::DOUBLE[] AS featureValues", [line])
        (row,) = connection.table("lines").project(columns).fetchall()
    assert row == unpack(packed)


@given(VALUES)
@settings(max_examples=20)
def test_the_exact_list_has_the_same_values_undiminished(values: dict[str, float | None]) -> None:
    packed = pack(values)
    vector = exact(packed)
    assert vector
    assert [vector.values[list(PLACES).index(COLUMNS[name])] for name in NAMES] == list(unpack(packed))


def test_an_amount_is_listed_with_as_few_digits_as_tell_it_apart() -> None:
    vector = listed(pack({"amountBase": 123.45, "cardCount1h": 3.0}))
    assert vector
    assert json.loads(msgspec.json.encode(vector.values))[0] == 123.45
    assert b"3.0" not in msgspec.json.encode(vector.values)


def test_of_a_damaged_vector_nothing_is_listed() -> None:
    assert listed(b"") is None
    assert listed(b"\x00\x01") is None
    assert exact(pack({})[:-1]) is None

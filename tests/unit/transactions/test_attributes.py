import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.transactions.storage.attributes import from_attribute, from_item, to_attribute, to_item

NUMBERS = st.integers(-(10**18), 10**18) | st.floats(-1e12, 1e12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | st.binary() | NUMBERS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES, max_size=6))
def test_values_survive_the_way_into_an_item_and_back(values: dict[str, object]) -> None:
    assert from_item(to_item(values)) == values


@given(st.binary())
def test_binary_is_read_as_stream_events_carry_it_too(content: bytes) -> None:
    assert from_attribute({"B": base64.b64encode(content).decode()}) == content


def test_a_value_without_an_attribute_type_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        to_attribute(object())


def test_an_attribute_type_that_is_never_written_is_refused() -> None:
    with pytest.raises(TypeError, match="SS"):
        from_attribute({"SS": ["a"]})


@pytest.mark.parametrize("value", [10**12, 0, 1.5, None, [1]])
def test_a_binary_attribute_without_bytes_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        from_attribute({"B": value})

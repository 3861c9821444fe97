"""A vector of features is judged in the form in which it is stored."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection.features import codec, registry
from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles.profile import LabelChange
from fraudstream.transactions.transaction import TransactionType
from tests.unit.detection.features.feature_harness import DAY, MINUTE, NOW, learnt, seen, transaction

numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**40), 2**40))


@given(st.dictionaries(st.sampled_from(registry.NAMES), numbers))
def test_a_vector_is_judged_as_it_is_stored(values: dict[str, float | None]) -> None:
    judged = codec.unpack(codec.pack(values))
    again = codec.pack(dict(zip(registry.NAMES, judged, strict=True)))
    assert codec.unpack(again) == judged
    assert all(value is None or math.isfinite(value) for value in judged)


@given(st.dictionaries(st.sampled_from(registry.NAMES), numbers))
def test_a_missing_feature_stays_missing_and_a_zero_stays_a_zero(values: dict[str, float | None]) -> None:
    judged = dict(zip(registry.NAMES, codec.unpack(codec.pack(values)), strict=True))
    assert {name for name, value in judged.items() if value is None} == {
        name for name in registry.NAMES if values.get(name) is None
    }


@pytest.mark.parametrize("share", [number / 20 for number in range(21)])
def test_a_share_is_read_back_as_a_rule_writes_it(share: float) -> None:
    position = registry.NAMES.index("ipDeclineShare1h")
    assert codec.unpack(codec.pack({"ipDeclineShare1h": share}))[position] == share


@given(st.floats(1e-3, 1e12))
def test_a_coarse_number_is_at_most_eight_thousandths_too_small(value: float) -> None:
    position = registry.NAMES.index("customerSum7d")
    stored = codec.unpack(codec.pack({"customerSum7d": value}))[position]
    assert stored is not None
    assert value * (1 - 1 / 128) <= stored <= value


def test_every_feature_is_computed_where_nothing_is_missing() -> None:
    full = {
        "latitude": 52.5,
        "longitude": 13.4,
        "account_opened_at": NOW - DAY,
        "merchant_id": "shop",
        "card_bin": "400000",
        "terminal_id": "till",
        "ip_country": "DE",
        "counterparty_token": "ben",
    }
    history = [transaction(number, -number * 8 * DAY, **full) for number in (1, 2, 3)]
    profiles = learnt([*history, transaction(4, -MINUTE, **full)])
    profiles |= learn_label(history[0], profiles, LabelChange(NOW, 1), 1).changed
    values = seen(transaction(9, **full), profiles, 20.0)
    returned = transaction(10, type=TransactionType.REFUND, original_transaction_id=history[0].transaction_id, **full)
    of_refunds = seen(returned, profiles, 20.0)
    missing = {name for name in registry.NAMES if values.get(name) is None}
    assert {name for name in missing if of_refunds.get(name) is None} == set()
    assert missing == {"customerRefundRatio", "merchantRefundOtherCard", "refundSearchedDays"}
    assert values.keys() | of_refunds.keys() == set(registry.NAMES)

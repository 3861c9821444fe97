"""Features: one definition, rounded to the stored form before they are judged."""

import math
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.contract import EntityKind
from fraudstream.detection.features import codec, registry, travel
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import events_of
from fraudstream.detection.profiles.layout import LAYOUTS
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.transactions.transaction import AuthorizationResult, Channel, EntryMode, Transaction, TransactionType

NOW = 1_780_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**40), 2**40))


def transaction(number: int, at: int = 0, **fields: Any) -> Transaction:
    known: dict[str, Any] = {
        "transaction_id": f"t{number}",
        "timestamp": NOW + at,
        "received_at": NOW,
        "amount_minor": 2000,
        "currency": "EUR",
        "type": TransactionType.PAYMENT,
        "customer_id": "ann",
        "card_token": "card",
        "device_id": "phone",
        "ip_address": "address",
    }
    return Transaction(**(known | fields))


def learnt(history: list[Transaction], before: Mapping[str, Profile] = MappingProxyType({})) -> dict[str, Profile]:
    """The profiles after a history, by key."""
    profiles = dict(before)
    for each in history:
        keys = entities(each)
        for kind, event in events_of(each, keys, each.amount_minor / 100, 10_000).items():
            profiles[keys[kind]] = profiles.get(keys[kind], Profile.new(kind)).after(event, late=True)
    return profiles


def seen(last: Transaction, profiles: dict[str, Profile], amount: float | None, delay: int = 7) -> FeatureValues:
    keys = entities(last)
    sights: dict[EntityKind, ProfileView] = {}
    for kind, event in events_of(last, keys, amount, 10_000).items():
        after = profiles.get(keys[kind], Profile.new(kind)).after(event, late=True)
        sights[kind] = ProfileView(after, event, counted=True, label_delay_days=delay)
    return compute(last, sights, amount, Calendar(label_delay_days=delay))


def computed(history: list[Transaction], last: Transaction) -> dict[str, float | None]:
    return seen(last, learnt(history), last.amount_minor / 100)


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


def test_windows_are_half_open_and_leave_the_transaction_out() -> None:
    values = computed([transaction(1, -HOUR), transaction(2, -HOUR + 1), transaction(3)], transaction(9))
    assert values["customerCount1h"] == 2
    assert values["cardCount2h"] == 3
    assert values["ipCount1h"] == 2


def test_counts_equal_those_of_exact_windows_while_the_ring_holds_them() -> None:
    chance = random.Random(20260101)
    history = [transaction(number, -chance.randrange(30 * HOUR)) for number in range(9)]
    values = computed(history, transaction(99))
    for name, hours in (("customerCount1h", 1), ("customerCount12h", 12), ("customerCount24h", 24)):
        assert values[name] == exact(history, hours * HOUR)


def exact(history: list[Transaction], window: int) -> int:
    return sum(1 for each in history if each.timestamp > NOW - window)


offsets = st.lists(st.integers(0, 35 * DAY - 1), max_size=120)


@given(offsets)
def test_windows_of_days_are_never_too_small_and_at_most_a_day_too_long(ages: list[int]) -> None:
    history = [transaction(number, -age) for number, age in enumerate(sorted(ages, reverse=True))]
    values = computed(history, transaction(999))
    names = {"customerCount24h": 1, "customerCount7d": 7, "customerCount30d": 30, "cardCount24h": 1, "cardCount7d": 7}
    for name, days in names.items():
        assert exact(history, days * DAY) <= (values[name] or 0) <= exact(history, (days + 1) * DAY)
    for name, days in {"customerSum24h": 1, "customerSum7d": 7, "customerSum30d": 30, "cardSum24h": 1}.items():
        assert exact(history, days * DAY) * 20 <= (values[name] or 0) <= exact(history, (days + 1) * DAY) * 20


@given(offsets)
def test_shared_windows_are_at_most_one_bucket_too_long(ages: list[int]) -> None:
    place: dict[str, Any] = {"merchant_id": "shop", "terminal_id": "till"}
    history = [transaction(number, -(age // 10), **place) for number, age in enumerate(sorted(ages, reverse=True))]
    values = computed(history, transaction(999, **place))
    for name in ("merchantCount1h", "deviceCount1h", "ipCount1h"):
        assert exact(history, HOUR) <= (values[name] or 0) <= exact(history, 2 * HOUR)
    for name in ("merchantCount24h", "terminalCount24h"):
        assert exact(history, DAY) <= (values[name] or 0) <= exact(history, 25 * HOUR)
    assert exact(history, 7 * DAY) <= (values["terminalCount7d"] or 0) <= exact(history, 8 * DAY)


@given(st.lists(st.integers(0, 10 * HOUR), max_size=40))
def test_windows_of_a_customer_under_a_day_stay_at_what_the_ring_holds(ages: list[int]) -> None:
    history = [transaction(number, -age) for number, age in enumerate(sorted(ages, reverse=True))]
    values = computed(history, transaction(999))
    beside = LAYOUTS[EntityKind.CUSTOMER].ring - 1
    assert values["customerCount1h"] == min(exact(history, HOUR), beside)
    assert values["customerCount12h"] == min(exact(history, 12 * HOUR), beside)
    assert values["cardCount2h"] == min(exact(history, 2 * HOUR), LAYOUTS[EntityKind.CARD].ring - 1)


def test_what_the_ring_knows_counts_where_a_full_figure_lacks_it() -> None:
    million = 100_000_000
    history = [transaction(number, (number - 12) * HOUR, amount_minor=10 * million) for number in range(12)]
    values = computed(history, transaction(99, amount_minor=42 * million))
    assert values["customerSum24h"] == pytest.approx(90_000_000)
    assert values["customerSum7d"] == values["customerSum30d"] == values["customerSum24h"]


def test_what_the_ring_knows_counts_where_a_late_transactions_buckets_are_gone() -> None:
    places: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop", "type": TransactionType.REFUND}
    earlier = [transaction(number, (number - 5) * MINUTE, **places) for number in range(2)]
    later = [transaction(10 + number, 5 * DAY + number, **places) for number in range(7)]
    later += [transaction(20 + number, 6 * DAY + number, customer_id="bob", **places) for number in range(4)]
    values = computed([*earlier, *later], transaction(99, **places))
    counts = ("merchantCount1h", "merchantCount24h", "terminalCount24h", "deviceCount1h", "ipCount1h")
    assert [values[name] for name in (*counts, "customerRefunds7d")] == [2] * 6


def test_shares_of_fraud_speak_of_what_is_older_than_the_labels_delay() -> None:
    till: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop"}
    history = [transaction(day, -day * DAY, **till) for day in range(1, 20)]
    profiles = learnt(list(reversed(history)))
    for each in history[7:11]:  # 8 to 11 days ago
        profiles |= learn_label(each, profiles, LabelChange(each.timestamp + 7 * DAY, 1), 1).changed
    values = seen(transaction(99, **till), profiles, 20.0)
    assert values["terminalFraudShare1d"] == pytest.approx(1 / 2)
    assert values["terminalFraudShare7d"] == pytest.approx(4 / 8)
    assert values["terminalFraudShare30d"] == pytest.approx(4 / 13)
    assert values["merchantFraudShare30d"] == pytest.approx(4 / 13)
    assert values["terminalFraudAgeDays"] == 8
    assert values["terminalFraudSpanDays"] == 11
    assert values["terminalFraudShareLast1"] == 0
    assert values["terminalFraudShareLast2"] == pytest.approx(1 / 2)
    assert values["terminalFraudShareLast5"] == pytest.approx(4 / 5)
    assert (values["terminalFrauds30d"], values["customerFrauds30d"], values["cardFrauds30d"]) == (4, 4, 4)
    assert (values["deviceFrauds30d"], values["ipFrauds30d"], values["merchantFrauds30d"]) == (4, 4, 4)


def test_a_share_of_fraud_without_a_delay_leaves_out_what_is_judged() -> None:
    till: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop"}
    fraud, judged, later = (transaction(at, at * MINUTE, **till) for at in range(3))
    profiles = learnt([fraud])
    profiles |= learn_label(fraud, profiles, LabelChange(fraud.timestamp + MINUTE, 0), 1).changed
    for known in (profiles, learnt([later], profiles)):
        values = seen(judged, known, 20.0, delay=0)
        assert (values["terminalFraudShare1d"], values["merchantFraudShare30d"]) == (1, 1)


@pytest.mark.parametrize("later", [0, 3 * HOUR, 2 * DAY], ids=["itself, in a retry", "the same day", "another day"])
def test_known_frauds_are_those_of_the_past_alone(later: int) -> None:
    places: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop", "counterparty_token": "mule"}
    places["type"] = TransactionType.TRANSFER
    history = [transaction(number, (number - 3) * HOUR, **places) for number in range(3)]
    judged, fraud = transaction(7, **places), transaction(7 if later == 0 else 8, later, **places)
    expected = seen(judged, learnt(history), 20.0, delay=0)
    profiles = learnt([*history, fraud])
    profiles |= learn_label(fraud, profiles, LabelChange(fraud.timestamp + MINUTE, 0), 1).changed
    values = seen(judged, profiles, 20.0, delay=0)
    assert {name: values.get(name) for name in registry.NAMES if "Fraud" in name} == {
        name: expected.get(name) for name in registry.NAMES if "Fraud" in name
    }
    assert (values["customerFrauds30d"], values["counterpartyFrauds30d"]) == (0, 0)


def test_nothing_has_a_share_of_fraud_before_its_first_transaction() -> None:
    values = seen(transaction(1, terminal_id="till", merchant_id="shop"), {}, 20.0, delay=0)
    assert (values["terminalFraudShare1d"], values["merchantFraudShare30d"]) == (None, None)


def test_a_terminals_known_frauds_are_set_beside_its_other_amounts() -> None:
    till: dict[str, Any] = {"terminal_id": "till"}
    amounts = [1000, 3000, 2000, 2000]
    history = [transaction(day, -day * DAY, amount_minor=amounts[day - 2], **till) for day in (5, 4, 3, 2)]
    profiles = learnt(history)
    for each in history[1:3]:
        profiles |= learn_label(each, profiles, LabelChange(each.timestamp + HOUR, 1), 1).changed
    values = seen(transaction(99, **till), profiles, 20.0)
    assert (values["terminalFraudAgeDays"], values["terminalFraudSpanDays"]) == (3, 4)
    assert values["terminalFraudAmountRatio"] == pytest.approx(2500 / 2000, rel=0.01)


def test_a_terminal_without_known_fraud_lacks_what_speaks_of_them() -> None:
    values = computed([transaction(1, -DAY, terminal_id="till")], transaction(99, terminal_id="till"))
    assert values.get("terminalFraudSpanDays") is None
    assert values.get("terminalFraudAmountRatio") is None


def test_refunds_deposits_and_amounts_near_the_threshold_are_counted_apart() -> None:
    history = [
        transaction(1, -HOUR, type=TransactionType.REFUND),
        transaction(2, -HOUR, type=TransactionType.DEPOSIT, amount_minor=950_000),
        transaction(3, -HOUR, type=TransactionType.TRANSFER, amount_minor=900_000),
        transaction(4, -HOUR, type=TransactionType.PAYMENT, amount_minor=1_000_000),
        transaction(5, -25 * HOUR, type=TransactionType.WITHDRAWAL),
    ]
    values = computed(history, transaction(9))
    assert (values["customerRefunds7d"], values["customerRefundSum7d"]) == (1, 20)
    assert (values["customerIn24h"], values["customerOut24h"]) == (9500, 9000)
    assert values["customerNearThreshold7d"] == 2


@pytest.mark.parametrize("code", ["91", "51", "61", None])
def test_what_was_declined_or_takes_back_is_not_near_the_threshold(code: str | None) -> None:
    declined = {"authorization_result": AuthorizationResult.DECLINED, "response_code": code}
    history = [
        transaction(1, -5 * HOUR, type=TransactionType.WITHDRAWAL, amount_minor=950_000, **declined),
        transaction(2, -4 * HOUR, type=TransactionType.DEPOSIT, amount_minor=950_000),
        transaction(3, -3 * HOUR, type=TransactionType.REVERSAL, amount_minor=950_000),
        transaction(4, -2 * HOUR, type=TransactionType.REFUND, amount_minor=950_000),
    ]
    later = [transaction(10 + number, -HOUR + number) for number in range(20)]
    assert computed(history, transaction(99))["customerNearThreshold7d"] == 1
    assert computed([*history, *later], transaction(99))["customerNearThreshold7d"] == 1, "by days as by the ring"


@pytest.mark.parametrize("older", [0, 12])
@pytest.mark.parametrize("kind", [TransactionType.REVERSAL, TransactionType.REFUND])
def test_an_amount_of_which_most_was_taken_back_does_not_stand(kind: TransactionType, older: int) -> None:
    near: dict[str, Any] = {"type": TransactionType.DEPOSIT, "amount_minor": 950_000}
    history = [transaction(20, -3 * DAY, **near), *(transaction(30 + n, -2 * DAY + n) for n in range(older))]
    history += [transaction(1, -4 * HOUR, **near)]
    back: dict[str, Any] = {"type": kind, "original_transaction_id": "t1"}
    declined = {"authorization_result": AuthorizationResult.DECLINED}
    told = {
        1: [transaction(2, -HOUR, **back, amount_minor=950_000)],
        2: [transaction(2, -HOUR, **back, amount_minor=950_000, **declined)],
    }
    parts = [transaction(2 + number, -HOUR + number, **back, amount_minor=240_000) for number in range(2)]
    for expected, then in (*told.items(), (1, parts), (2, parts[:1])):
        assert computed([*history, *then], transaction(99))["customerNearThreshold7d"] == expected


def test_a_reversal_has_no_payee() -> None:
    first = transaction(1, -DAY, type=TransactionType.TRANSFER, counterparty_token="ben")
    back = transaction(2, type=TransactionType.REVERSAL, original_transaction_id="t1", counterparty_token="ben")
    assert "customerPayeeAgeHours" not in computed([first], back)
    assert computed([first, back], transaction(3, counterparty_token="ben"))["customerPayeesKnown"] == 1


def test_refunds_are_counted_beyond_the_ring() -> None:
    history = [transaction(number, -number * HOUR, type=TransactionType.REFUND) for number in range(40, 0, -1)]
    values = computed(history, transaction(99))
    assert (values["customerRefunds7d"], values["customerRefundSum7d"]) == (40, 800)


def test_the_same_amount_at_the_same_merchant_is_told_from_others() -> None:
    first = transaction(1, -2 * MINUTE, merchant_id="shop")
    assert computed([first], transaction(9, merchant_id="shop"))["cardRepeatSeconds"] == 120
    assert "cardRepeatSeconds" not in computed([first], transaction(9, merchant_id="other"))
    assert "cardRepeatSeconds" not in computed([first], transaction(9, merchant_id="shop", amount_minor=2001))


def test_distinct_merchants_and_customers_include_this_one() -> None:
    shops = [transaction(n, -n * HOUR, merchant_id=f"shop-{n}", customer_id=f"ann-{n}") for n in (3, 2, 1)]
    values = computed(shops, transaction(9, merchant_id="shop-2", customer_id="ben"))
    assert (values["cardMerchants7d"], values["deviceCustomers24h"]) == (3, 4)


def test_what_was_known_before_is_counted_so_that_new_is_told_from_unknown() -> None:
    history = [transaction(n, -n * DAY, device_id=f"phone-{n}", counterparty_token=f"payee-{n}") for n in (20, 3, 2, 1)]
    values = computed(history, transaction(99, device_id="phone-99", counterparty_token="payee-99"))
    assert (values["customerDevicesKnown"], values["customerPayeesKnown"]) == (4, 4)
    nothing = computed([], transaction(99))
    assert (nothing["customerDevicesKnown"], nothing["customerPayeesKnown"]) == (0, 0)


def test_customers_of_a_device_are_counted_over_a_week() -> None:
    history = [transaction(n, -n * DAY, customer_id=f"ann-{n}") for n in (8, 6, 2)]
    assert computed(history, transaction(99))["deviceCustomers7d"] == 3


@pytest.mark.parametrize("entity", ["card", "device", "ip"])
def test_customers_who_share_something_are_counted_over_a_day_and_a_week(entity: str) -> None:
    history = [transaction(n, -n * 12 * HOUR, customer_id=f"ann-{n % 5}") for n in range(20, 0, -1)]
    values = computed(history, transaction(99, customer_id="ben"))
    assert (values[f"{entity}Customers24h"], values[f"{entity}Customers7d"]) == (2, 6)


def test_a_customer_is_counted_once_for_one_card_of_many_tokens() -> None:
    history = [transaction(n, -n * HOUR, card_token=f"wallet-{n}") for n in (3, 2, 1)]
    assert computed(history, transaction(99))["cardCustomers7d"] == 1


def of_bin(number: int, at: int, card_bin: str, code: str | None = "05") -> Transaction:
    declined = AuthorizationResult.DECLINED if code else AuthorizationResult.APPROVED
    return transaction(
        number,
        at,
        merchant_id="shop",
        card_token=f"card-{number}",
        card_bin=card_bin,
        card_last4=f"{number:04}",
        authorization_result=declined,
        response_code=code,
    )


def test_declined_cards_of_one_bin_at_a_merchant_are_told_from_others() -> None:
    history = [
        of_bin(1, -2 * HOUR, "400000"),
        *(of_bin(number, -10 * number * MINUTE, "400000") for number in (5, 4)),
        of_bin(3, -9 * MINUTE, "510000"),
        of_bin(6, -8 * MINUTE, "400000", code=None),
        of_bin(7, -7 * MINUTE, "400000", code="91"),
        of_bin(4, -6 * MINUTE, "400000"),
    ]
    assert computed(history, of_bin(8, 0, "400000"))["merchantBinDeclinedCards1h"] == 3
    assert computed(history, of_bin(8, 0, "510000", code=None))["merchantBinDeclinedCards1h"] == 1
    assert "merchantBinDeclinedCards1h" not in computed(history, transaction(9, merchant_id="shop"))
    assert computed(history, transaction(9, merchant_id="shop"))["merchantDeclinedCards1h"] == 3


def test_a_refund_is_compared_with_the_payment_that_it_takes_back() -> None:
    paid = transaction(1, -DAY, merchant_id="shop")
    back: dict[str, Any] = {"type": TransactionType.REFUND, "original_transaction_id": "t1", "merchant_id": "shop"}
    whole = computed([paid], transaction(9, **back))
    assert (whole["customerRefundRatio"], whole["merchantRefundOtherCard"]) == (1, 0)
    assert computed([paid], transaction(9, **back, amount_minor=5000))["customerRefundRatio"] == 2.5
    other = computed([paid], transaction(9, **back, customer_id="ben", card_token="other"))
    assert other["merchantRefundOtherCard"] == 1
    assert "customerRefundRatio" not in other
    assert "merchantRefundOtherCard" not in computed([], transaction(9, **back))
    assert "customerRefundRatio" not in computed([paid], transaction(9, merchant_id="shop"))


def test_a_payment_that_only_the_card_remembers_is_compared_with_its_refund() -> None:
    others = [transaction(number, -number * MINUTE, card_token="another") for number in range(40, 20, -1)]
    refund = transaction(9, type=TransactionType.REFUND, original_transaction_id="t1", amount_minor=6000)
    assert computed([transaction(1, -DAY), *others], refund)["customerRefundRatio"] == 3


def test_refunds_of_one_payment_add_up_unless_they_were_declined() -> None:
    paid = transaction(1, -DAY)
    back = {"type": TransactionType.REFUND, "original_transaction_id": "t1"}
    part = transaction(2, -HOUR, **back, amount_minor=1500)
    refused = transaction(3, -MINUTE, **back, authorization_result=AuthorizationResult.DECLINED)
    of_another = transaction(4, -MINUTE, type=TransactionType.REFUND, original_transaction_id="t0")
    assert computed([paid, part, refused, of_another], transaction(9, **back, amount_minor=1500))[
        "customerRefundRatio"
    ] == pytest.approx(1.5)


@pytest.mark.parametrize(
    "without_money", [{"type": TransactionType.REFUND}, {"authorization_result": AuthorizationResult.DECLINED}]
)
def test_what_gave_no_money_has_none_to_take_back(without_money: dict[str, Any]) -> None:
    first = transaction(1, -40 * DAY, merchant_id="shop")
    back = transaction(9, type=TransactionType.REFUND, original_transaction_id="t2", merchant_id="shop")
    values = computed([first, transaction(2, -DAY, merchant_id="shop", **without_money)], back)
    assert "customerRefundRatio" not in values
    assert values["refundSearchedDays"] == 40


def test_a_refund_has_no_payee() -> None:
    back = {"type": TransactionType.REFUND, "original_transaction_id": "t1", "counterparty_token": "shop"}
    values = computed([transaction(1, -DAY), transaction(2, -HOUR, **back)], transaction(9, **back))
    assert values["customerPayeesKnown"] == 0
    assert "customerPayeeAgeHours" not in values


ONLINE = {"channel": Channel.ECOMMERCE, "entry_mode": EntryMode.ECOMMERCE}


@pytest.mark.parametrize(
    ("fields", "was_there"),
    [
        ({}, True),
        ({"channel": Channel.MOBILE, "entry_mode": EntryMode.CONTACTLESS}, True),
        (ONLINE, False),
        ({"channel": Channel.MOTO}, False),
        ({"type": TransactionType.REFUND}, False),
        (ONLINE | {"card_country": "DE"}, False),
        (ONLINE | {"card_country": "VN"}, True),
        (ONLINE | {"ip_country": "VN"}, True),
    ],
)
def test_who_orders_abroad_was_not_there(fields: dict[str, Any], *, was_there: bool) -> None:
    history = [transaction(1, -5 * HOUR, merchant_country="VN", **fields)]
    later = [transaction(10 + number, -HOUR + number, ip_country="DE") for number in range(20)]
    for earlier in (history, [*history, *later]):
        values = computed(earlier, transaction(99, ip_country="VN"))
        assert values["customerCountryAgeHours"] == (pytest.approx(5, abs=1) if was_there else 0)
    assert "customerCountryAgeHours" not in computed([], transaction(99, merchant_country="VN", **ONLINE))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "zeros"), [(100_000, "EUR", 3), (100_001, "EUR", 0), (0, "EUR", 0), (5000, "JPY", 3)]
)
def test_round_amounts_are_counted_in_the_transactions_own_currency(
    amount_minor: int, currency: str, zeros: int
) -> None:
    assert computed([], transaction(1, amount_minor=amount_minor, currency=currency))["amountTrailingZeros"] == zeros


def test_the_customers_own_hours_are_those_around_this_hour_of_the_day() -> None:
    history = [transaction(number, -number * 24 * HOUR) for number in range(30, 0, -1)]
    history += [transaction(99, -12 * HOUR)]
    assert computed(history, transaction(100))["customerHourShare"] == pytest.approx(30 / 31)


def test_a_new_country_and_a_new_payee_age_like_a_device() -> None:
    history = [transaction(1, -5 * HOUR, ip_country="DE", counterparty_token="ben")]
    same = computed(history, transaction(9, ip_country="DE", counterparty_token="ben"))
    assert (same["customerCountryAgeHours"], same["customerPayeeAgeHours"]) == (5, 5)
    new = computed(history, transaction(9, ip_country="FR", counterparty_token="cem"))
    assert (new["customerCountryAgeHours"], new["customerPayeeAgeHours"]) == (0, 0)


def test_what_was_familiar_before_the_ring_keeps_its_age_to_the_hour() -> None:
    history = [transaction(1, -50 * HOUR, device_id="old"), *(transaction(n, -n * HOUR) for n in range(30, 10, -1))]
    age = computed(history, transaction(99, device_id="old"))["customerDeviceAgeHours"]
    assert age is not None
    assert 50 <= age < 51


def test_sums_leave_out_what_was_declined_and_what_is_no_spending() -> None:
    declined = transaction(1, -MINUTE, authorization_result=AuthorizationResult.DECLINED)
    refund = transaction(2, -MINUTE, type=TransactionType.REFUND)
    values = computed([declined, refund, transaction(3, -MINUTE)], transaction(9))
    assert values["cardSum24h"] == 20.0
    assert values["cardCount1h"] == 2


def test_declines_that_say_nothing_about_the_card_do_not_count() -> None:
    declines = [
        transaction(number, -MINUTE, authorization_result=AuthorizationResult.DECLINED, response_code=code)
        for number, code in enumerate(["91", "96", "1A", "65", "70", "05", None])
    ]
    assert computed(declines, transaction(9))["cardDeclines24h"] == 2


def test_the_distance_of_two_cities_is_right_within_a_kilometre() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    values = computed([paris], transaction(2, latitude=51.51, longitude=-0.13))
    assert values["travelKm"] == pytest.approx(343.9, abs=1)
    assert values["travelHours"] == 2
    assert values["travelKmPerHour"] == pytest.approx(172, abs=1)


def test_opposite_ends_of_the_earth_are_half_its_circumference_apart() -> None:
    start = transaction(1, -HOUR, latitude=0.0, longitude=0.0)
    values = computed([start], transaction(2, latitude=0.0, longitude=180.0))
    assert values["travelKm"] == pytest.approx(math.pi * travel.EARTH_RADIUS_KM)


def test_a_card_comes_from_where_it_was_and_not_from_where_another_was() -> None:
    hers, his = {"card_token": "hers", "latitude": 48.86, "longitude": 2.35}, {"card_token": "his"}
    london = {"latitude": 51.51, "longitude": -0.13}
    values = computed(
        [transaction(1, -2 * HOUR, **hers), transaction(2, -HOUR, **his, **london)], transaction(3, **hers)
    )
    assert values["cardTravelKmPerHour"] == 0
    assert values["travelKmPerHour"] == pytest.approx(343.9, abs=1)


def test_a_card_that_was_nowhere_yet_comes_from_nowhere() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    values = computed([paris], transaction(2, card_token="other", latitude=51.51, longitude=-0.13))
    assert "cardTravelKmPerHour" not in values
    assert values["travelKm"] == pytest.approx(343.9, abs=1)


def test_a_refund_says_nothing_of_where_the_customer_is() -> None:
    paris = transaction(1, -2 * HOUR, latitude=48.86, longitude=2.35)
    refund = transaction(2, -HOUR, type=TransactionType.REFUND, latitude=51.51, longitude=-0.13)
    assert computed([paris, refund], transaction(3, latitude=48.86, longitude=2.35))["travelKm"] == 0
    assert "travelKm" not in computed([paris], refund)


@pytest.mark.parametrize(
    "remote",
    [
        {"channel": Channel.ECOMMERCE},
        {"channel": Channel.MOBILE},
        {"channel": Channel.MOTO, "entry_mode": EntryMode.MANUAL},
        {"entry_mode": EntryMode.CREDENTIAL_ON_FILE},
    ],
)
def test_a_purchase_from_afar_is_compared_with_a_place_and_makes_none(remote: dict[str, Any]) -> None:
    paris: dict[str, Any] = {"latitude": 48.86, "longitude": 2.35}
    london: dict[str, Any] = {"latitude": 51.51, "longitude": -0.13}
    seen_there, bought = transaction(1, -2 * HOUR, **paris), transaction(2, -HOUR, **london, **remote)
    assert computed([seen_there], bought)["travelKm"] == pytest.approx(343.9, abs=1)
    back = computed([seen_there, bought], transaction(3, **paris))
    assert (back["travelKm"], back["travelHours"], back["cardTravelKmPerHour"]) == (0, 2, 0)


def test_a_telephone_held_to_a_till_was_there() -> None:
    tapped = transaction(
        1, -HOUR, channel=Channel.MOBILE, entry_mode=EntryMode.CONTACTLESS, latitude=0.0, longitude=0.0
    )
    assert computed([tapped], transaction(2, latitude=0.0, longitude=0.0))["travelHours"] == 1


def test_a_device_is_new_at_its_first_use_and_ages_from_there() -> None:
    assert computed([transaction(1, -HOUR, device_id="other")], transaction(9))["customerDeviceAgeHours"] == 0
    assert computed([transaction(1, -3 * HOUR)], transaction(9))["customerDeviceAgeHours"] == 3


def test_a_customer_without_a_history_has_no_mean_but_an_age() -> None:
    values = computed([], transaction(1))
    assert values["customerAgeDays"] == 0
    assert "customerAmountMean" not in values


def test_what_a_transaction_lacks_is_missing() -> None:
    bare = transaction(1, card_token=None, device_id=None, ip_address=None)
    values = seen(bare, {}, None)
    assert values["amountBase"] is None
    assert not {"cardCount1h", "customerDeviceAgeHours", "travelKm", "ipCount1h", "accountAgeDays"} & values.keys()

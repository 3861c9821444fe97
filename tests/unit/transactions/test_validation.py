import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraudstream.transactions.api import validation
from fraudstream.transactions.api.validation import RequestRefusedError, TimeBounds, read_request
from fraudstream.transactions.request import MAX_BODY_BYTES, TransactionRequest

NOW = 1_795_400_000_000
TIMES = TimeBounds(earliest=NOW - 30 * 86_400_000, latest=NOW + 300_000)
CARD = "4111111111111111"
LEAST = {
    "transactionId": "order-1",
    "amountMinor": 4999,
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "customer-81",
}
MOST = LEAST | {
    "type": "REFUND",
    "timestamp": NOW,
    "cardToken": "card-5521",
    "cardBin": "41111111",
    "cardLast4": "1111",
    "merchantId": "shop-17",
    "merchantCategoryCode": "5732",
    "merchantCountry": "NL",
    "cardCountry": "DE",
    "billingCountry": "DE",
    "ipCountry": "XK",
    "terminalId": "terminal-3",
    "deviceId": "device-9",
    "ipAddress": "2001:db8::17",
    "latitude": 52.52437,
    "longitude": 13,
    "channel": "ECOMMERCE",
    "entryMode": "CREDENTIAL_ON_FILE",
    "authorizationResult": "APPROVED",
    "responseCode": "00",
    "originalTransactionId": "order-0",
    "networkReference": "MCC7X9K2Q1123",
    "counterpartyToken": "DE89370400440532013000",
    "authentication": "NONE",
    "paymentsSinceStrong": 4,
    "amountSinceStrongMinor": 7000,
    "accountOpenedAt": -86_400_000,
    "metadata": {"campaign": "autumn-26", "basket_size": "3"},
}
LEAVE_OUT = object()


def changed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (LEAST | changes).items() if value is not LEAVE_OUT}


def read(document: object) -> TransactionRequest:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_request(body, TIMES)


def refused(document: object) -> dict[str, str]:
    with pytest.raises(RequestRefusedError) as refusal:
        read(document)
    assert refusal.value.errors
    return {error.field: error.message for error in refusal.value.errors}


def test_the_least_and_the_most_that_a_transaction_has_are_taken() -> None:
    assert read(LEAST).amount_minor == 4999
    full = read(MOST)
    assert {info.encode_name for info in msgspec.structs.fields(full)} == set(MOST)
    assert msgspec.UNSET not in msgspec.structs.astuple(full)


@pytest.mark.parametrize("timestamp", [TIMES.earliest, TIMES.latest])
def test_the_bounds_of_a_time_are_within_them(timestamp: int) -> None:
    assert read(changed(timestamp=timestamp)).timestamp == timestamp


def test_amount_zero_is_a_card_check() -> None:
    assert read(changed(amountMinor=0)).amount_minor == 0


BAD_VALUES: dict[str, list[Any]] = {
    "transactionId": ["", "a" * 65, "a b", "a\n", "ä", 7, None, LEAVE_OUT, "order/1"],
    "amountMinor": [-1, 10**12, 10**30, 12.5, 10.0, "12", True, None, [], LEAVE_OUT],
    "currency": ["eur", "EU", "EUX", "XXX", "EUR\n", "", 978, LEAVE_OUT],
    "type": ["payment", "", "GIFT", 1, ["PAYMENT"], {"PAYMENT": 1}, LEAVE_OUT],
    "customerId": ["", "a" * 129, "a\u0000", "\u202eabc", 12345, LEAVE_OUT],
    "timestamp": [TIMES.earliest - 1, TIMES.latest + 1, 0, -1, 1.5, str(NOW), NOW // 1000, True],
    "cardToken": ["", 1, None, CARD],
    "cardBin": ["12345", "123456789", "12345a", 411111],
    "cardLast4": ["123", "12345", 1111],
    "merchantCategoryCode": ["57", "57321", 5732, "abcd"],
    "merchantCountry": ["XX", "nl", "NLD", "Netherlands", "EU"],
    "cardCountry": ["ZZ"],
    "billingCountry": ["AA"],
    "ipCountry": ["UK"],
    "ipAddress": ["", "1.2.3", "1.2.3.256", "01.2.3.4", "fe80::1%eth0", "localhost", "1.2.3.4/8", 16_909_060],
    "channel": ["WEB"],
    "entryMode": ["chip"],
    "authorizationResult": ["MAYBE"],
    "responseCode": ["0", "00000", "0-", 0],
    "originalTransactionId": ["", "a b", "order-1"],
    "networkReference": ["", "abc", "a b c d", "r" * 65, 12345],
    "accountOpenedAt": [TIMES.latest + 1, -(10**13), "2020", NOW // 1000, 20_260_105, NOW * 1000],
    "metadata": [{f"k{number}": "v" for number in range(11)}, [], "a=b", 1],
    "cvv": ["123"],
    "pin": ["1234"],
    "track2": ["x"],
    "AmountMinor": [1],
    "amount_minor": [1],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD_VALUES.items() for value in values]
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(field: str, value: Any) -> None:
    assert list(refused(changed(**{field: value}))) == [field]


@pytest.mark.parametrize("field", ["timestamp", "accountOpenedAt"])
@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (NOW // 1000, "seconds"),
        (NOW / 1000, "seconds"),
        (NOW * 1000, "microseconds"),
        (20_261_105, "YYYYMMDD"),
        (20_261_105_101_112, "YYYYMMDDhhmmss"),
    ],
)
def test_a_time_of_another_unit_is_called_so(field: str, value: float, unit: str) -> None:
    assert refused(changed(**{field: value})) == {field: f"milliseconds are needed, these look like {unit}"}


def test_every_bad_field_is_named_in_one_answer() -> None:
    document = changed(
        amountMinor=1.5, currency="EUX", type=LEAVE_OUT, latitude=91, note="x", metadata={"ok": "yes", "note": "a b"}
    )
    assert set(refused(document)) == {
        "amountMinor",
        "currency",
        "type",
        "latitude",
        "longitude",
        "note",
        "metadata.note",
    }


@pytest.mark.parametrize("kind", ["REFUND", "REVERSAL"])
def test_what_takes_something_back_says_what(kind: str) -> None:
    assert list(refused(changed(type=kind))) == ["originalTransactionId"]
    assert read(changed(type=kind, originalTransactionId="order-0")).original_transaction_id == "order-0"


def test_half_a_place_is_refused() -> None:
    assert list(refused(changed(latitude=1.5))) == ["longitude"]
    assert list(refused(changed(longitude=1.5))) == ["latitude"]


TEXT_FIELDS = [
    *("transactionId", "originalTransactionId", "customerId", "cardToken", "merchantId", "terminalId", "deviceId"),
    *("counterpartyToken", "cardBin", "cardLast4", "merchantCategoryCode", "responseCode", "currency", "channel"),
]


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize("text", ["4111----1111-1111-1111", f"card{CARD}", f"{CARD}D2712101", f"20261123{CARD}123"])
def test_no_text_field_takes_a_card_number_in_disguise(field: str, text: str) -> None:
    errors = refused(changed(**{field: text}))
    assert "card number" in errors[field]
    assert text not in str(errors)


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_what_is_too_long_to_be_scanned_is_too_long_for_its_field(field: str) -> None:
    assert field in refused(changed(**{field: "x" * 129}))


@pytest.mark.parametrize(
    "document",
    [
        changed(customerId="4 " * 8000),
        changed(metadata={f"k{number}": "4 " * 60 for number in range(120)}),
        changed(**{f"field{number}": "4 " * 60 for number in range(120)}),
        changed(other=["4 " * 60] * 125),
        changed(**{"x" * 128: ["4"] * 4000}),
        changed(**{"4 " * 7000: "1"}),
    ],
)
def test_a_body_is_scanned_in_texts_that_a_field_could_hold(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[str] = []
    monkeypatch.setattr(validation, "holds_card_number", lambda text: bool(scanned.append(text)))
    refused(document)
    assert max(map(len, scanned)) <= 128
    assert sum(map(len, scanned)) <= len(json.dumps(document))


IBAN = "DE89370400440532013000"


@pytest.mark.parametrize("field", ["transactionId", "originalTransactionId", "networkReference"])
def test_an_account_number_is_refused_where_it_would_be_stored_as_it_is(field: str) -> None:
    assert "account number" in refused(changed(**{field: IBAN}))[field]
    assert "account number" in refused(changed(metadata={"customerId": IBAN}))["metadata.customerId"]


@pytest.mark.parametrize(
    "name", [IBAN.lower(), f"account_{IBAN}", "gb82_west_1234_5698_7654_32", "gb82__WEST__12345698765432"]
)
def test_an_account_number_is_refused_as_a_name_in_metadata(name: str) -> None:
    errors = refused(changed(metadata={name: "1"}))
    assert "account number" in errors["metadata.(a name that is not shown)"]
    assert name not in str(errors)


@pytest.mark.parametrize("field", ["customerId", "counterpartyToken", "cardToken", "merchantId"])
def test_an_account_number_is_taken_where_it_becomes_a_token(field: str) -> None:
    read_request(json.dumps(changed(**{field: IBAN})).encode(), TIMES)


@pytest.mark.parametrize(
    "document",
    [
        changed(transactionId=CARD),
        changed(customerId=f"card {CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]}"),
        changed(amountMinor=int(CARD)),
        changed(metadata={"reference": CARD}),
        changed(metadata={f"c{CARD}": "1"}),
        changed(metadata={"a": {"b": [CARD]}}),
        changed(note=CARD),
        changed(**{CARD: "note"}),
        changed(**{f"card {CARD}": "note"}),
        changed(currency=CARD),
        changed(latitude=float(CARD), longitude=0),
        changed(metadata={"ipAddress": CARD}),
        changed(metadata={"x": {"y": {f"z{CARD}": 1}}}),
        changed(merchantId=[{"pan": int(CARD)}]),
        changed(transactionId=f"order.{CARD}D2712101"),
        changed(metadata={"receipt": f"20261123{CARD}1227"}),
    ],
)
def test_a_card_number_is_refused_wherever_it_stands(document: dict[str, Any]) -> None:
    errors = refused(document)
    assert any("card number" in message for message in errors.values())
    assert CARD not in str(errors)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"", "empty"),
        (b" ", "JSON"),
        (b"{", "JSON"),
        (b'{"amountMinor": 1,}', "JSON"),
        (b"{'amountMinor': 1}", "JSON"),
        (b"null", "object"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b'{"amountMinor": NaN}', "NaN"),
        (b'{"amountMinor": -Infinity}', "Infinity"),
        (b"[" * 10_000, "JSON"),
        (b'{"a":' * 3000, "JSON"),
        (b"{} {}", "JSON"),
    ],
)
def test_a_broken_body_is_refused(body: bytes, hint: str) -> None:
    errors = refused(body)
    assert list(errors) == ["body"]
    assert hint in errors["body"]


def test_a_tower_of_brackets_is_refused_by_its_field() -> None:
    assert "body" not in refused(b'{"metadata":' + b'{"a":' * 200 + b"1" + b"}" * 201)


@pytest.mark.parametrize(
    "tower", [b'{"a":' * 2700 + b"1" + b"}" * 2700, b'{"metadata":' + b"[" * 8000 + b"]" * 8000 + b"}"]
)
def test_a_tower_is_refused_however_deep_this_python_reads(tower: bytes) -> None:
    assert any("nest" in message for message in refused(tower).values())


def test_a_name_twice_in_one_object_is_refused() -> None:
    assert list(refused(b'{"amountMinor": 1, "amountMinor": 2}')) == ["amountMinor"]
    assert list(refused(b'{"metadata": {"a": "1", "a": "2"}}')) == ["a"]


def test_a_name_that_may_hold_anything_is_not_repeated() -> None:
    for name in ("john.smith@example.com", "Müller", "a b", "x" * 41, "1234", "id_0049_17", "", "\n"):
        errors = refused(changed(**{name: 1}))
        assert list(errors) == ["(a name that is not shown)"]


def test_every_field_at_its_longest_fits_the_largest_body() -> None:
    wide = "\U0001f4b6" * 128
    longest = MOST | dict.fromkeys(
        ("customerId", "cardToken", "merchantId", "terminalId", "deviceId", "counterpartyToken"), wide
    )
    longest |= {"transactionId": "t" * 64, "originalTransactionId": "o" * 64, "networkReference": "n" * 64}
    longest |= {"metadata": {f"k{number}".ljust(32, "x"): "v" * 32 for number in range(10)}}
    body = json.dumps(longest, ensure_ascii=False).encode()
    assert len(body) < MAX_BODY_BYTES
    assert read(body).customer_id == wide


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=10), children, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(MOST)) | st.text(max_size=12)


@given(st.binary(max_size=200))
@example(b'{"a":1e999}')
@example(b'{"type":["PAYMENT"]}')
@example(rb'{"transactionId":"\ud800"}')
@example(rb'{"\ud800":1}')
@example(rb'{"metadata":{"\ud800":"1"}}')
@settings(max_examples=500)
def test_whatever_bytes_come_in_there_is_an_answer(body: bytes) -> None:
    assert refused(body)


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=8), st.booleans())
@settings(max_examples=500)
def test_whatever_json_comes_in_there_is_an_answer(values: dict[str, Any], whole: bool) -> None:  # noqa: FBT001
    try:
        request = read((MOST if whole else {}) | values)
    except RequestRefusedError as refusal:
        assert refusal.errors  # noqa: PT017
    else:
        assert msgspec.convert(msgspec.to_builtins(request), TransactionRequest) == request


# No word of any message: so that finding it in an answer means that the value was repeated.
MARKS = st.text("QXZ", min_size=6, max_size=12)


@given(MARKS, st.sampled_from(sorted(MOST)), st.data())
def test_a_refused_value_is_never_repeated(mark: str, field: str, data: st.DataObject) -> None:
    spoilt = [mark, [mark], {mark: mark}, {f"a {mark}": mark}, f"{mark}\n", f"{mark} {CARD}"]
    document = MOST | {field: data.draw(st.sampled_from(spoilt)), f"{mark} {mark}": mark}
    assert mark not in str(refused(document)).replace(f"{field}.{mark}", "")


@given(st.permutations(sorted(MOST)))
def test_the_order_of_fields_means_nothing(names: list[str]) -> None:
    assert read({name: MOST[name] for name in names}) == read(MOST)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("amount", "amountMinor"), ("amount_minor", "amountMinor"), ("Currency", "currency"), ("custmerId", "customerId"),
     ("ip_address", "ipAddress"), ("merchantID", "merchantId"), ("longtitude", "longitude")],
)  # fmt: skip
def test_a_misspelt_field_is_answered_with_the_field_that_was_meant(sent: str, meant: str) -> None:
    assert refused(changed(**{sent: 1}))[sent] == f"is not a field of a transaction; did you mean {meant}?"


@pytest.mark.parametrize("sent", ["colour", "x", "iban", "_"])
def test_an_unknown_field_like_no_other_is_answered_without_a_guess(sent: str) -> None:
    assert refused(changed(**{sent: 1}))[sent] == "is not a field of a transaction"


def test_a_name_that_is_not_shown_is_not_guessed_at() -> None:
    assert refused(changed(**{"currency" * 40: 1})) == {"(a name that is not shown)": "is not a field of a transaction"}

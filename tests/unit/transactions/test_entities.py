"""Who is the same: addresses, spellings, and what stands for nobody."""

import ipaddress
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.transactions.api.validation import RequestRefusedError, TimeBounds, read_request
from fraudstream.transactions.pseudonyms.addresses import entity_address
from fraudstream.transactions.pseudonyms.pseudonymize import is_same_payload, payload_hash, pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.transaction import Transaction
from infra.compute.placeholders import read_placeholders
from infra.setting_reader import StackSettingsError

TOKENIZER = Tokenizer("A" * 44)
PLACEHOLDERS = frozenset(read_placeholders().split(","))
LEAST: dict[str, Any] = {
    "transactionId": "order-1",
    "amountMinor": 4999,
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "customer-81",
}


def read(**changes: Any) -> TransactionRequest:
    return read_request(json.dumps(LEAST | changes).encode(), TimeBounds(earliest=0, latest=1))


def stored(**changes: Any) -> Transaction:
    return pseudonymize(read(**changes), TOKENIZER, timestamp=1, received_at=1, placeholders=PLACEHOLDERS)


@pytest.mark.parametrize(
    ("address", "entity"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2a02:8071:b783:e100:9d1e:1:2:3", "2a02:8071:b783:e100::/64"),
        ("2A02:8071:B783:E100::9", "2a02:8071:b783:e100::/64"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("64:ff9b::808:808", "8.8.8.8"),
        ("2002:808:808::1", "8.8.8.8"),
        ("::8.8.8.8", "8.8.8.8"),
        ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", "8.8.8.8"),  # Teredo
        # for documentation and benchmarks
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.255", "203.0.113.255"),
        ("198.18.0.1", "198.18.0.1"),
        ("198.19.255.255", "198.19.255.255"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("3fff::1", "3fff::/64"),
        ("2001:2::1", "2001:2::/64"),
    ],
)
def test_an_address_stands_for_its_network(address: str, entity: str) -> None:
    assert entity_address(address) == entity


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "172.31.255.255", "192.0.0.1"),
        *("192.88.99.1", "192.168.1.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *(
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "100::1",
            "2001:10::1",
            "2001:20::1",
            "4000::1",
        ),
        *(
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:c0a8:101::1",
            "64:ff9b:1::1",
            "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        ),
    ],
)
def test_an_address_that_many_have_stands_for_nobody(address: str) -> None:
    assert entity_address(address) is None


@given(st.ip_addresses(v=6))
def test_addresses_of_one_network_are_one_entity(address: ipaddress.IPv6Address) -> None:
    network = int(address) >> 64 << 64
    is_teredo = network >> 96 == 0x20010000
    found = {entity_address(str(ipaddress.IPv6Address(network + host))) for host in (1, 2, 2**63 + 5)}
    if ipaddress.IPv6Address(network + 1) in ipaddress.IPv6Network("2000::/3") and not is_teredo:
        assert len(found) == 1


@given(st.ip_addresses())
def test_every_address_is_an_entity_or_none(address: Any) -> None:
    entity = entity_address(str(address))
    assert entity is None or entity_address(entity.removesuffix("/64")) == entity


def test_the_networks_addresses_share_a_token_and_others_do_not() -> None:
    tokens = [stored(ipAddress=f"2001:db8:0:{network}::{host}").ip_address for network in (1, 2) for host in (1, 2)]
    assert tokens[0] == tokens[1] != tokens[2] == tokens[3]
    assert stored(ipAddress="64:ff9b::c000:201").ip_address == stored(ipAddress="192.0.2.1").ip_address


@pytest.mark.parametrize("address", ["10.0.0.1", "0.0.0.1", "224.0.0.1", "fe80::1"])
def test_what_is_nobodys_address_is_not_stored(address: str) -> None:
    assert stored(ipAddress=address).ip_address is None


@pytest.mark.parametrize("value", ["unknown", "UNKNOWN", " null ", "0", "N/A", "00000000-0000-0000-0000-000000000000"])
@pytest.mark.parametrize("field", ["deviceId", "cardToken", "merchantId", "terminalId", "counterpartyToken"])
def test_a_placeholder_is_nobody(field: str, value: str) -> None:
    name = {"deviceId": "device_id", "cardToken": "card_token", "merchantId": "merchant_id"}.get(field)
    name = name or {"terminalId": "terminal_id", "counterpartyToken": "counterparty_token"}[field]
    assert getattr(stored(**{field: value}), name) is None
    assert getattr(stored(**{field: f"{value.strip()}-7"}), name) is not None


def test_customers_without_a_name_are_not_one_person() -> None:
    first, again = (stored(customerId="guest").customer_id for _ in range(2))
    other = stored(customerId="guest", transactionId="order-2").customer_id
    assert first == again != other
    assert stored(customerId="guest-7").customer_id == stored(customerId="guest-7", transactionId="order-2").customer_id


def test_spellings_of_one_identifier_have_one_token_and_one_payload() -> None:
    composed, decomposed = (unicodedata.normalize(form, "café-7") for form in ("NFC", "NFD"))
    assert composed != decomposed
    first, second = read(customerId=composed), read(customerId=f"  {decomposed} ")
    assert payload_hash(first, TOKENIZER) == payload_hash(second, TOKENIZER)
    assert stored(customerId=composed).customer_id == stored(customerId=f" {decomposed}").customer_id


def test_case_makes_another_identifier() -> None:
    assert stored(customerId="Ann").customer_id != stored(customerId="ann").customer_id


def test_the_payload_tells_addresses_of_one_network_apart() -> None:
    one, same, other = (read(ipAddress=text) for text in ("2001:db8::1", "2001:DB8:0::1", "2001:db8::2"))
    claimed = payload_hash(one, TOKENIZER)
    assert is_same_payload(same, claimed, TOKENIZER)
    assert not is_same_payload(other, claimed, TOKENIZER)


def test_a_payload_by_a_key_that_is_gone_is_not_known_again() -> None:
    # As after a deployment that was rolled back: the client is told of a conflict, and not of a fault of ours.
    newer = Tokenizer("A" * 44, TokenRaiser("B" * 44), number=2)
    claimed = payload_hash(read(), newer)
    assert is_same_payload(read(), claimed, newer)
    assert not is_same_payload(read(), claimed, TOKENIZER)


@pytest.mark.parametrize("field", ["customerId", "deviceId", "counterpartyToken"])
def test_an_identifier_of_spaces_is_refused(field: str) -> None:
    with pytest.raises(RequestRefusedError) as refusal:
        read(**{field: "   "})
    assert [error.field for error in refusal.value.errors] == [field]


@pytest.mark.parametrize("name", [".", ".."])
@pytest.mark.parametrize("field", ["transactionId", "originalTransactionId"])
def test_an_id_that_names_a_folder_is_refused(field: str, name: str) -> None:
    with pytest.raises(RequestRefusedError):
        read(**{field: name})
    read(**{field: f"{name}a"})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("- 0\n", "entry 1 is no text"),
        ('- a\n- "a,b"\n', "entry 2 must have"),
        ("a: b\n", "a list of texts"),
        ('- ""\n', "entry 1 must have"),
        ("[", "cannot be read"),
        ("".join(f"- placeholder-{number}\n" for number in range(200)), "too long"),
    ],
)
def test_a_file_of_placeholders_that_cannot_be_used_is_refused(tmp_path: Any, content: str, reason: str) -> None:
    file = tmp_path / "placeholders.yaml"
    file.write_text(content)
    with pytest.raises(StackSettingsError, match=reason):
        read_placeholders(file)

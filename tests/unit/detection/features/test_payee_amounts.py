"""How much moved between a customer and a payee before: what a profile remembers of it, and what a feature says."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.items_of_0_1_0 import pack_profile
from fraudstream.contract import EntityKind
from fraudstream.detection.profiles import known_values_codec
from fraudstream.detection.profiles.codec import pack, unpack
from fraudstream.detection.profiles.events import MAX_AMOUNT, NO_AMOUNT
from fraudstream.detection.profiles.known_values import UNKNOWN_LEVEL, amount_level, most_of_level, remember
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.profiles.sharded import merged, new_shard
from fraudstream.detection.rotation import renamed
from fraudstream.durations import DAY, MINUTE
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType
from tests.unit.detection.features.feature_harness import transaction
from tests.unit.detection.features.test_counterparties import judged, payroll, sent

KEY = "customer#ann"
AMOUNTS = st.integers(0, MAX_AMOUNT)


def to(payee: str, number: int, at: int, amount_minor: int, **fields: Any) -> Transaction:
    return sent(number, at, "ann", counterparty_token=payee, amount_minor=amount_minor, **fields)


def purchases(first: int, at: int) -> list[Transaction]:
    """More than the customer's ring holds."""
    return [transaction(first + number, at + number * MINUTE, customer_id="ann") for number in range(12)]


def peak(history: list[Transaction], profiles: dict[str, Profile] | None = None) -> float | None:
    return judged(history, profiles)["customerPayeePeak"]


@given(AMOUNTS, AMOUNTS)
def test_a_level_is_a_byte_and_says_an_amount_to_a_quarter(first: int, second: int) -> None:
    level = amount_level(first)
    assert 0 <= level <= UNKNOWN_LEVEL < 256
    assert first <= most_of_level(level) <= max(first * 1.25, 7)
    assert (level > amount_level(second)) <= (first > second)
    assert most_of_level(amount_level(min(first, 7))) == min(first, 7), "small amounts are exact"


def test_whose_amount_is_not_known_may_have_got_any() -> None:
    assert most_of_level(UNKNOWN_LEVEL) == NO_AMOUNT
    known = remember(remember((), 1, 0, UNKNOWN_LEVEL), 1, 0, amount_level(100))
    assert known[0].level == UNKNOWN_LEVEL


@pytest.mark.parametrize("between", [[], purchases(50, -DAY)])
def test_the_most_that_moved_counts_whichever_way(between: list[Transaction]) -> None:
    last = to("ben", 99, 0, 500_000)
    declined = {"authorization_result": AuthorizationResult.DECLINED}
    many = [to("ben", 1, -3 * DAY, 30_000), to("ben", 2, -2 * DAY, 8000), to("cem", 3, -2 * DAY, 900_000)]
    assert peak([*many, *between, last]) == (pytest.approx(300, rel=0.25) if between else 300)
    assert peak([to("ben", 1, -2 * DAY, 30_000, **declined), *between, last]) == 0
    paid_in = to("ben", 1, -2 * DAY, 7, type=TransactionType.DEPOSIT)
    assert peak([paid_in, *between, last]) == pytest.approx(0.07, rel=0.01)
    assert peak([*between, last]) == 0
    assert "customerPayeePeak" not in judged([*many, transaction(99, customer_id="ann")])


def as_schema_8(profile: Profile) -> bytes:
    """A profile as it was stored before payees had levels."""
    past, day = profile.past, profile.days.newest
    known = b"".join(known_values_codec.packed((), (), past.payees, day))
    before = b"".join(struct.pack("<IH", *struct.unpack_from("<IH", known, 7 * n)) for n in range(len(past.payees)))
    body = b"\x08" + pack(profile)[1:-4].replace(known, before)
    return body + zlib.crc32(body).to_bytes(4, "little")


@pytest.mark.parametrize("as_before", [as_schema_8, pack_profile])
def test_a_profile_of_before_knows_its_payees_and_not_how_much_they_got(as_before: Callable[[Profile], bytes]) -> None:
    profiles: dict[str, Profile] = {}
    judged([to("ben", 1, -40 * DAY, 80_000), *purchases(50, -30 * DAY)], profiles)
    profiles[KEY] = unpack(as_before(profiles[KEY]), EntityKind.CUSTOMER)
    assert [each.level for each in profiles[KEY].past.payees] == [UNKNOWN_LEVEL]
    values = judged([to("ben", 2, -2 * DAY, 100), *purchases(70, -DAY), to("ben", 3, 0, 90_000)], profiles)
    assert (values["customerPayeeAgeHours"], values["customerPayeePeak"]) == (pytest.approx(960, abs=1), None)
    assert peak([to("cem", 4, 0, 100), to("cem", 5, MINUTE, 100)], profiles) == 1


def test_a_payee_whom_the_customer_has_forgotten_knows_how_much_it_got() -> None:
    profiles: dict[str, Profile] = {}
    judged([*payroll(2), *payroll(1)], profiles)
    again = sent(1, 0, "firm", counterparty_token="employee-0")
    assert peak([again], profiles) == 500
    assert peak([sent(2, 0, "firm", counterparty_token="stranger")], profiles) == 0


def test_parts_of_a_profile_and_older_tokens_keep_the_highest_level() -> None:
    profiles: dict[str, Profile] = {}
    judged([to("ben", 1, -3 * DAY, 80_000), to("older-ben", 2, -2 * DAY, 90_000), *purchases(50, -DAY)], profiles)
    base = profiles[KEY]
    ben, older = [each.hash for each in base.past.payees]
    one = renamed(base, {older: ben}).past.payees
    assert [(each.hash, each.level) for each in one] == [(ben, amount_level(90_000))]
    shards = [new_shard(base), new_shard(base)]
    judged([to("ben", 9, 0, 100), *purchases(70, MINUTE)], other := {KEY: shards[0]})
    whole = merged(base, [other[KEY], shards[1]])
    assert {each.hash: each.level for each in whole.past.payees}[ben] == amount_level(80_000)

"""A divided profile is, to whoever reads it, what it would be undivided."""

import random
from collections.abc import Mapping
from typing import Any

import pytest

from fraudstream.contract import EntityKind
from fraudstream.detection.features import codec
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.learning import learn_label, learn_transaction
from fraudstream.detection.profiles.amounts import Amounts
from fraudstream.detection.profiles.codec import DamagedProfileError, pack, pack_closed, sharding_of, unpack
from fraudstream.detection.profiles.events import Event, identity
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.profiles.sharded import ShardedProfile, Sharding, entity_of, new_shard, undivided
from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.transaction import AuthorizationResult, Transaction, TransactionType

START = 1_780_000_000_000
SHARDING = Sharding(4, 0xC0FFEE)


def transaction(chance: random.Random, number: int, at: int) -> Transaction:
    declined = chance.random() < 0.1
    return Transaction(
        transaction_id=f"t{number}",
        timestamp=at - chance.randrange(2_000),
        received_at=at,
        amount_minor=round(chance.lognormvariate(8, 0.7)),
        currency="EUR",
        type=chance.choice([TransactionType.PAYMENT] * 8 + [TransactionType.REFUND, TransactionType.TRANSFER]),
        customer_id="ann",
        card_token="card",
        merchant_id=f"shop{chance.randrange(3)}",
        terminal_id="till",
        device_id=f"phone{chance.randrange(2)}",
        ip_address="address",
        ip_country=chance.choice(["DE", "DE", "FR"]),
        counterparty_token=f"payee{chance.randrange(3)}",
        latitude=52 + chance.random(),
        longitude=13 + chance.random(),
        authorization_result=AuthorizationResult.DECLINED if declined else None,
        response_code="05" if declined else None,
    )


def divided(profile: Profile) -> ShardedProfile:
    return ShardedProfile.of(SHARDING, profile, [new_shard(profile)] * SHARDING.shards)


def read_again(profile: Profile) -> Profile:
    """As another batch finds it in the table."""
    if not isinstance(profile, ShardedProfile):
        return unpack(pack(profile))
    base = unpack(pack_closed(profile.base, profile.sharding))
    return ShardedProfile.of(profile.sharding, base, [unpack(pack(shard)) for shard in profile.shards])


def judged(profiles: dict[str, Profile], each: Transaction) -> Mapping[str, float | None]:
    amount = each.amount_minor / 100
    learned = learn_transaction(each, profiles, amount, reporting_threshold=10_000, label_delay_days=0)
    profiles.update(learned.changed)
    values = compute(each, learned.views, amount, Calendar(label_delay_days=0))
    return dict(zip(NAMES, codec.unpack(codec.pack(values)), strict=True))


def test_features_of_a_divided_entity_are_within_5_percent_of_an_undivided_one() -> None:
    chance = random.Random(7)
    cold: dict[str, Profile] = {}
    hot: dict[str, Profile] = {}
    at, compared = START, 0
    for number in range(400):
        at += chance.choice([20, 200, 20 * 60_000])
        each = transaction(chance, number, at)
        expected, found = judged(cold, each), judged(hot, each)
        for name, value in expected.items():
            if value is None or found[name] is None:
                assert found[name] == value, name
            else:
                # What lies around zero is measured by its own unit, a standard deviation.
                least = 0.05 if name == "customerAmountDeviations" else 1e-9
                assert found[name] == pytest.approx(value, rel=0.05, abs=least), (name, number)
                compared += 1
        if number % 20 == 0:
            change = LabelChange(at, number)
            for profiles in (cold, hot):
                profiles.update(learn_label(each, profiles, change, 1).changed)
        if number == 60:
            hot = {key: divided(profile) for key, profile in hot.items()}
        hot = {key: read_again(profile) for key, profile in hot.items()}
    assert compared > 10_000
    for key, profile in cold.items():
        whole = undivided(hot[key])
        assert (whole.ring, whole.days, whole.hours) == (profile.ring, profile.days, profile.hours)
        assert (whole.first_seen, whole.daytimes) == (profile.first_seen, profile.daytimes)
        assert whole.labels == profile.labels


def event(number: int, **fields: Any) -> Event:
    known = {"time": START + number, "identity": identity(f"t{number}"), "amount": 1000, "flags": 1}
    return Event(**{"peer": 1, "other_peer": 0, "country": 0, "latitude": -32768, "longitude": -32768} | known | fields)


def shop(numbers: range) -> Profile:
    profile = Profile.new(EntityKind.MERCHANT)
    for number in numbers:
        profile = profile.after(event(number))
    return profile


@pytest.mark.parametrize("number", [5, 15], ids=["in the base", "in a shard"])
def test_an_event_that_was_learnt_changes_nothing(number: int) -> None:
    profile = divided(shop(range(10))).after(event(15))
    again = read_again(profile)
    assert again.holds(event(number))
    assert again.after(event(number), late=True) is again


def test_a_shard_goes_on_from_what_another_has_written() -> None:
    profile = divided(shop(range(10)))
    shard = SHARDING.shard_of(event(20).identity)
    fellow = next(number for number in range(21, 99) if SHARDING.shard_of(event(number).identity) == shard)
    own = profile.after(event(20))
    assert isinstance(own, ShardedProfile)
    stored = Profile.new(EntityKind.MERCHANT).after(event(fellow))
    again = own.learn_again(shard, stored)
    assert [each.identity for each in again.ring] == [event(20).identity, event(fellow).identity]
    assert own.learn_again(shard, again) is again


def test_a_label_is_learnt_once_wherever_its_transaction_is() -> None:
    profile = divided(shop(range(10))).after(event(20))
    change = LabelChange(START + HOUR, 5)
    labelled = read_again(profile.after_label(change, event(5), 1))
    assert labelled.knows_label(change)
    assert labelled.after_label(change, event(5), 1, late=True) is labelled
    taken_back = labelled.after_label(LabelChange(START + DAY, 6), event(5), -1)
    assert (sum(labelled.days.columns[1]), sum(taken_back.days.columns[1])) == (1, 0)


def test_the_stored_base_says_how_it_is_divided_and_is_checked() -> None:
    profile = shop(range(20))
    state = pack_closed(profile, SHARDING)
    assert (sharding_of(state), unpack(state, EntityKind.MERCHANT)) == (SHARDING, profile)
    assert sharding_of(pack(profile)) is None
    with pytest.raises(DamagedProfileError):
        unpack(state[:3] + b"?" + state[4:])
    # What knows no shards takes it for a newer version's, by its first byte and its checksum, and leaves it alone.
    assert state[0] > pack(profile)[0]


def test_shards_have_keys_of_their_entity_and_of_the_time_of_division() -> None:
    keys = SHARDING.keys("merchant#tok_shop")
    assert keys[3] == "merchant#tok_shop#00c0ffee#03"
    assert {entity_of(key) for key in (*keys, "merchant#tok_shop")} == {"merchant#tok_shop"}
    assert {SHARDING.shard_of(identity(f"t{number}")) for number in range(100)} == set(range(4))


def test_mean_and_spread_of_two_parts_are_those_of_all() -> None:
    events = [event(number, amount=1000 + 37 * number % 300) for number in range(40)]
    apart = Amounts().plus(events[:13]).joined(Amounts().plus(events[13:]))
    assert apart == pytest.approx(Amounts().plus(events))
    assert apart.without(Amounts().plus(events[:13])) == pytest.approx(Amounts().plus(events[13:]))
    assert Amounts().joined(apart) == apart == apart.joined(Amounts())

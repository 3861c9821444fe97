"""Profiles: compact, idempotent, and the same whatever the order in which events of one window arrive."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection.entities import EntityKind
from fraudstream.detection.events import NO_AMOUNT, NO_PLACE, SPEND, Event, single
from fraudstream.detection.profiles import KNOWN_PEERS, RING, Amounts, Profile, ProfileError

HOUR = 3_600_000


def event(number: int, *, time: int | None = None, amount: float = 20.0, peer: int = 1, flags: int = SPEND) -> Event:
    return Event(number * HOUR if time is None else time, number, amount, flags, peer, NO_PLACE, NO_PLACE)


def learnt(events: list[Event], kind: EntityKind = EntityKind.CUSTOMER) -> Profile:
    profile = Profile(kind)
    for each in events:
        profile = profile.after(each)
    return profile


events = st.builds(
    Event,
    st.integers(0, 2**47),
    st.integers(0, 2**64 - 1),
    st.one_of(st.just(NO_AMOUNT), st.floats(0, 1e9).map(single)),
    st.integers(0, 7),
    st.integers(0, 2**32 - 1),
    st.one_of(st.just(NO_PLACE), st.integers(-9000, 9000)),
    st.integers(-18000, 18000),
)
histories = st.lists(events, max_size=3 * RING, unique_by=lambda each: each.identity)


@given(histories, st.sampled_from(EntityKind))
def test_what_is_stored_is_read_back_equal_and_fits_into_one_write_unit(history: list[Event], kind: EntityKind) -> None:
    profile = learnt(history, kind)
    stored = profile.pack()
    assert Profile.unpack(stored) == profile
    assert len(stored) <= 1024 - 90  # key, attribute names, version and expiry take about 80 bytes


@given(histories, st.randoms(use_true_random=False))
def test_repeated_events_change_nothing(history: list[Event], chance: random.Random) -> None:
    profile = Profile(EntityKind.CUSTOMER)
    for position, each in enumerate(history):
        profile = profile.after(each)
        again = history[chance.randrange(position + 1)]
        assert profile.after(again) is profile


@given(st.lists(events, max_size=RING, unique_by=lambda each: each.identity), st.randoms(use_true_random=False))
def test_events_that_fit_into_the_ring_may_come_in_any_order(history: list[Event], chance: random.Random) -> None:
    shuffled = chance.sample(history, len(history))
    assert learnt(shuffled) == learnt(history)


@given(histories)
def test_storing_and_reading_in_between_changes_nothing(history: list[Event]) -> None:
    profile = Profile(EntityKind.CUSTOMER)
    for each in history:
        profile = Profile.unpack(profile.after(each).pack())
    assert profile == learnt(history)


def test_lateness_within_the_ring_changes_nothing_of_the_past() -> None:
    in_order = [event(number, amount=float(number)) for number in range(1, 61)]
    late = in_order.copy()
    late[40], late[45] = late[45], late[40]
    assert learnt(late) == learnt(in_order)


def test_an_event_older_than_a_full_ring_is_not_learnt() -> None:
    profile = learnt([event(number) for number in range(1, 2 * RING)])
    assert profile.after(event(0)) is profile
    assert profile.knows(event(0))


def test_an_event_sees_neither_itself_nor_what_comes_after_it() -> None:
    profile = learnt([event(number) for number in (1, 2, 3, 4)])
    assert [each.identity for each in profile.before(event(3))] == [1, 2]


def test_events_of_the_same_moment_see_each_other() -> None:
    profile = learnt([event(1, time=HOUR), event(2, time=HOUR)])
    assert [each.identity for each in profile.before(event(3, time=HOUR))] == [1, 2]


def test_a_customers_devices_are_remembered_beyond_the_ring_and_the_oldest_used_is_forgotten() -> None:
    first = [event(number, peer=number) for number in range(1, KNOWN_PEERS + 2)]
    profile = learnt([*first, *(event(number, peer=99) for number in range(50, 50 + RING))])
    assert [peer.hash for peer in profile.past.peers] == list(range(2, KNOWN_PEERS + 2))
    assert profile.past.peers[0].first_seen == 2 * HOUR


def test_an_extreme_amount_moves_the_mean_by_a_bounded_step() -> None:
    amounts = Amounts()
    for number in range(20):
        amounts = amounts.plus(event(number, amount=20.0 + number % 3))
    cut = amounts.plus(event(21, amount=1_000_000.0))
    assert cut.mean < 1.1 * amounts.mean


def test_mean_and_spread_are_those_of_the_amounts() -> None:
    amounts = Amounts()
    for number, amount in enumerate([10.0, 12.0, 14.0, 16.0]):
        amounts = amounts.plus(event(number, amount=amount))
    assert amounts == (4, 13.0, 20.0)


def test_a_profile_of_another_schema_is_refused_by_name() -> None:
    stored = learnt([event(1)]).pack()
    with pytest.raises(ProfileError, match="schema 7, this code reads schema 1"):
        Profile.unpack(b"\x07" + stored[1:])


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x01\xff" + bytes(80)])
def test_a_damaged_profile_is_refused(damage: bytes) -> None:
    with pytest.raises(ProfileError):
        Profile.unpack(damage)


def test_a_cut_profile_is_refused() -> None:
    with pytest.raises(ProfileError, match="damaged"):
        Profile.unpack(learnt([event(1), event(2)]).pack()[:-1])

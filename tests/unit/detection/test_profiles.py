"""Profiles: compact, idempotent, and the same whatever the order in which events and labels arrive."""

import contextlib
import random
import struct
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import items_of_0_1_0
from fraudstream.contract import EntityKind
from fraudstream.detection.profiles import known_values_codec
from fraudstream.detection.profiles.amounts import Amounts
from fraudstream.detection.profiles.buckets import Buckets
from fraudstream.detection.profiles.codec import (
    CLOSED_SCHEMA,
    DamagedProfileError,
    NewerProfileError,
    ProfileError,
    pack,
    unpack,
)
from fraudstream.detection.profiles.entities import PERSONAL
from fraudstream.detection.profiles.events import (
    MAX_AMOUNT,
    NO_AMOUNT,
    NO_COUNTRY,
    NO_PEER,
    NO_PLACE,
    OUT,
    SPEND,
    Event,
)
from fraudstream.detection.profiles.known_values import MAX_KNOWN_VALUES, UNKNOWN_LEVEL
from fraudstream.detection.profiles.layout import LAYOUTS, Personal, Shared
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.stores.profiles.items import TOKEN_BYTES, TOKENS_KEPT
from fraudstream.durations import DAY

HOUR = 3_600_000
YEAR = 365 * DAY
KINDS = st.sampled_from(EntityKind)
FIRST_KINDS = tuple(kind for kind in EntityKind if kind is not EntityKind.COUNTERPARTY)
"""Those of which 0.1.0 stored profiles."""


def event(number: int, *, time: int | None = None, amount: int = 2000, peer: int = 1, flags: int = SPEND) -> Event:
    at = number * HOUR if time is None else time
    return Event(at, number, amount, flags, peer, NO_PEER, NO_COUNTRY, NO_PLACE, NO_PLACE)


def as_before(event: Event, kind: EntityKind) -> Event:
    """An event as it was before a card's named the customer."""
    return event._replace(other_peer=NO_PEER) if kind is EntityKind.CARD else event


def without_levels(profile: Profile) -> Profile:
    """A profile whose payees have no levels, as those of before."""
    payees = tuple(each._replace(level=UNKNOWN_LEVEL) for each in profile.past.payees)
    return msgspec.structs.replace(profile, past=msgspec.structs.replace(profile.past, payees=payees))


def learnt(events: list[Event], kind: EntityKind = EntityKind.CUSTOMER) -> Profile:
    profile = Profile.new(kind)
    for each in events:
        profile = profile.after(each, late=True)
    return profile


@st.composite
def events(draw: st.DrawFn, kind: EntityKind, first: int = 0, most: int = 2**47) -> Event:
    """An event as `events_of` makes it for a kind: what the kind does not keep is absent."""
    detailed, pair = LAYOUTS[kind].detailed, len(LAYOUTS[kind].event) > 5
    hashes = st.integers(0, 2**32 - 1)
    return Event(
        draw(st.integers(first, most)),
        draw(hashes),
        draw(st.one_of(st.just(NO_AMOUNT), st.integers(0, MAX_AMOUNT))),
        draw(st.integers(0, 127)),
        draw(hashes),
        draw(hashes) if pair else NO_PEER,
        draw(st.integers(0, 2**16 - 1)) if detailed else NO_COUNTRY,
        draw(st.one_of(st.just(NO_PLACE), st.integers(-9000, 9000))) if detailed else NO_PLACE,
        draw(st.integers(-18000, 18000)) if detailed else NO_PLACE,
    )


@st.composite
def histories(draw: st.DrawFn, kinds: st.SearchStrategy[EntityKind] = KINDS) -> tuple[EntityKind, list[Event]]:
    """A kind of entity and its events in any order; each id once."""
    kind = draw(kinds)
    first, most = draw(st.sampled_from([(2**47 - 7 * YEAR, 2**47), (0, 7 * YEAR), (0, 50 * DAY)]))
    size = 3 * LAYOUTS[kind].ring
    return kind, draw(st.lists(events(kind, first, most), max_size=size, unique_by=lambda each: each.identity))


@given(histories())
def test_what_is_stored_is_read_back_equal(history: tuple[EntityKind, list[Event]]) -> None:
    kind, happened = history
    profile = learnt(happened, kind)
    assert unpack(pack(profile)) == profile


@given(histories(st.sampled_from(FIRST_KINDS)))
def test_fixed_widths_are_read_too(history: tuple[EntityKind, list[Event]]) -> None:
    kind, happened = history
    profile = learnt([as_before(each, kind) for each in happened], kind)
    body = b"\x03" + as_0_1_0_wrote(profile)[1:]
    assert unpack(body + zlib.crc32(body).to_bytes(4, "little")) == without_levels(profile)


@given(histories(st.just(EntityKind.CARD)), st.sampled_from([4, 6]))
def test_a_card_s_events_are_read_that_name_no_customer(history: tuple[EntityKind, list[Event]], schema: int) -> None:
    kind, happened = history
    profile = learnt([as_before(each, kind) for each in happened], kind)
    end = len(pack(profile)) - 4 - struct.calcsize("<QIIBII") * len(profile.ring)
    events = b"".join(struct.pack("<QIIBI", *each[:5]) for each in profile.ring)
    body = bytes([schema]) + pack(profile)[1:end] + events
    assert unpack(body + zlib.crc32(body).to_bytes(4, "little")) == profile


def test_what_was_first_met_is_read_from_profiles_that_told_minutes() -> None:
    profile = learnt([event(number, peer=number % 5, time=20_000 * DAY + number * HOUR) for number in range(40)])
    short = pack(profile)
    known = known_values_codec.packed(profile.past.devices, (), (), profile.days.newest)
    long = b"".join(struct.pack("<II", each.hash, 60 * each.first_seen + 59) for each in profile.past.devices)
    body = b"\x04" + short[1:-4].replace(b"".join(known), long)
    assert unpack(body + zlib.crc32(body).to_bytes(4, "little")) == profile


@given(st.lists(st.integers(-(2**7), 2**7 - 1), min_size=31, max_size=31), st.sampled_from([0, 1, 255, 256, 65_535]))
def test_a_column_has_the_width_of_its_largest_figure(frauds: list[int], count: int) -> None:
    profile = Profile.new(EntityKind.CARD)
    columns = ((0,) * 30 + (count,), (0,) * 31, (0,) * 31, tuple(frauds))
    profile = msgspec.structs.replace(profile, days=Buckets(7, columns))
    assert unpack(pack(profile)) == profile


@pytest.mark.parametrize("kind", EntityKind)
def test_the_fullest_profile_fits_into_one_write_unit(kind: EntityKind) -> None:
    profile = Profile.new(kind)
    for number in range(400):
        place = (4000, 1000) if LAYOUTS[kind].detailed else (NO_PLACE, NO_PLACE)
        each = Event(2**47 + number * HOUR * 6, number, MAX_AMOUNT, 127, number + 1, number + 1, number + 1, *place)
        profile = profile.after(each).after_label(LabelChange(2**47 + number, number), each, 1)
    key = f"{kind}#tok_{'x' * 22}"
    # DynamoDB counts names and values; a number takes at most a byte for two digits and one more, and one for the sign.
    attributes = len("entitystateversionwritesexpiresAt") + TOKENS_KEPT * TOKEN_BYTES + 2 * (2 + 20 // 2)
    assert len(pack(profile)) + len(key) + attributes <= 1024


@given(histories(), st.randoms(use_true_random=False))
def test_repeated_events_change_nothing(history: tuple[EntityKind, list[Event]], chance: random.Random) -> None:
    kind, happened = history
    profile = Profile.new(kind)
    for position, each in enumerate(happened):
        profile = profile.after(each)
        again = happened[chance.randrange(position + 1)]
        assert profile.after(again) is profile


@given(st.data(), KINDS, st.randoms(use_true_random=False))
def test_events_that_fit_into_the_ring_may_come_in_any_order(
    data: st.DataObject, kind: EntityKind, chance: random.Random
) -> None:
    size = LAYOUTS[kind].ring
    happened = data.draw(st.lists(events(kind), max_size=size, unique_by=lambda each: each.identity))
    assert learnt(chance.sample(happened, len(happened)), kind) == learnt(happened, kind)


@given(histories(), st.randoms(use_true_random=False))
def test_order_does_not_matter_within_the_length_of_the_ring(
    history: tuple[EntityKind, list[Event]], chance: random.Random
) -> None:
    kind, happened = history
    in_order = sorted(happened)
    ring = LAYOUTS[kind].ring
    shifted = sorted(range(len(in_order)), key=lambda position: position + chance.uniform(0, ring - 1))
    assert learnt([in_order[position] for position in shifted], kind) == learnt(in_order, kind)


@given(histories(), st.randoms(use_true_random=False))
def test_counts_are_the_same_in_any_order(history: tuple[EntityKind, list[Event]], chance: random.Random) -> None:
    kind, happened = history
    shuffled, in_order = learnt(chance.sample(happened, len(happened)), kind), learnt(sorted(happened), kind)
    newest = in_order.days.newest
    assert shuffled.days.newest == newest
    for column, figures in enumerate(in_order.days.columns):
        # What was too old for the buckets when it came, because newer days had come before, is in neither.
        assert shuffled.days.columns[column] == figures


@given(histories())
def test_storing_and_reading_in_between_changes_nothing(history: tuple[EntityKind, list[Event]]) -> None:
    kind, happened = history
    profile = Profile.new(kind)
    for each in happened:
        profile = unpack(pack(profile.after(each, late=True)))
    assert profile == learnt(happened, kind)


@pytest.mark.parametrize("kind", EntityKind)
def test_an_event_older_than_a_full_ring_counts_only_if_it_is_known_to_be_new(kind: EntityKind) -> None:
    profile = learnt([event(number, time=40 * DAY + number) for number in range(1, 30)], kind)
    late = event(0, time=40 * DAY)
    assert profile.knows(late)
    assert profile.after(late) is profile
    counted = profile.after(late, late=True)
    assert counted.ring == profile.ring
    assert counted.days.total(0, 40, 40) == 30


def test_an_old_label_change_counts_only_if_it_is_known_to_be_new() -> None:
    profile = Profile.new(EntityKind.MERCHANT)
    for number in range(20, 30):
        profile = profile.after_label(LabelChange(number, number), event(1, time=9 * DAY), 1)
    old = LabelChange(1, 1)
    assert profile.after_label(old, event(1, time=9 * DAY), 1) is profile
    assert profile.after_label(old, event(1, time=9 * DAY), 1, late=True).days.total(Shared.FRAUDS, 9, 9) == 11


def test_an_event_sees_neither_itself_nor_what_comes_after_it() -> None:
    profile = learnt([event(number) for number in (1, 2, 3, 4)])
    assert [each.identity for each in profile.before(event(3))] == [1, 2]
    assert [each.identity for each in profile.before(event(4))] == [1, 2, 3]


def test_events_of_the_same_moment_see_each_other() -> None:
    profile = learnt([event(1, time=HOUR), event(2, time=HOUR)])
    assert [each.identity for each in profile.before(event(3, time=HOUR))] == [1, 2]
    assert [each.identity for each in profile.before(event(1, time=HOUR))] == [2]


def test_devices_are_remembered_beyond_the_ring_until_unused_longest() -> None:
    first = [event(number, peer=number) for number in range(1, MAX_KNOWN_VALUES + 2)]
    profile = learnt([*first, *(event(number, peer=99) for number in range(50, 60))])
    assert [device.hash for device in profile.past.devices] == list(range(2, MAX_KNOWN_VALUES + 2))
    assert profile.past.devices[0].first_seen == 2


def test_what_was_first_met_longer_ago_than_is_stored_is_as_old_as_can_be_told() -> None:
    late = 100 * YEAR
    history = [event(1, time=0, peer=1), *(event(number, time=late + number, peer=2) for number in range(2, 14))]
    (oldest, newer) = unpack(pack(learnt(history))).past.devices
    assert (oldest.hash, newer.hash) == (1, 2)
    assert 7 * YEAR < late - oldest.first_seen * HOUR < 8 * YEAR
    assert newer.first_seen == late // HOUR


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.sampled_from([1, -1])), max_size=20), KINDS)
def test_repeated_changes_of_labels_change_nothing(changes: list[tuple[int, int, int]], kind: EntityKind) -> None:
    profile = Profile.new(kind).after(event(1, time=9 * DAY))
    for arrived_at, identity, frauds in changes:
        profile = profile.after_label(LabelChange(arrived_at, identity), event(1, time=9 * DAY), frauds)
        assert profile.after_label(LabelChange(arrived_at, identity), event(1, time=9 * DAY), frauds) is profile


@given(KINDS, st.randoms(use_true_random=False), st.data())
def test_labels_may_come_in_any_order_with_events_in_between(
    kind: EntityKind, chance: random.Random, data: st.DataObject
) -> None:
    days = data.draw(st.lists(st.integers(0, 28), max_size=LAYOUTS[kind].labels))
    steps = [("label", number, day * DAY) for number, day in enumerate(days)]
    steps += [("event", number, day * DAY) for number, day in enumerate(days)]

    def after(order: list[tuple[str, int, int]]) -> Profile:
        profile = Profile.new(kind)
        for what, number, time in order:
            if what == "event":
                profile = profile.after(event(number, time=time))
            else:
                profile = profile.after_label(LabelChange(number, number), event(number, time=time), 1)
        return profile

    def shuffled() -> list[tuple[str, int, int]]:
        """Any order in which a label comes after its transaction, as in the stream."""
        order = chance.sample(range(len(days)), len(days))
        places = {("event", number): place for place, number in enumerate(order)}
        places |= {("label", number): place + chance.uniform(0.5, len(days)) for place, number in enumerate(order)}
        return sorted(steps, key=lambda step: places[step[:2]])

    labels_last = sorted(steps, key=lambda step: step[0])
    assert after(shuffled()) == after(labels_last)


def test_a_label_that_is_taken_back_leaves_no_fraud_behind() -> None:
    for kind in EntityKind:
        sent = event(1, time=9 * DAY, flags=SPEND | OUT)
        profile = Profile.new(kind).after(sent)
        column = Personal.FRAUDS if kind in PERSONAL else Shared.FRAUDS
        marked = profile.after_label(LabelChange(10, 1), sent, 1)
        assert marked.days.total(column, 0, 9) == 1
        unmarked = marked.after_label(LabelChange(11, 1), sent, -1)
        assert (unmarked.days, unmarked.ring) == (profile.days, profile.ring)


def test_an_extreme_amount_moves_the_mean_by_a_bounded_step() -> None:
    amounts = Amounts()
    for number in range(20):
        amounts = amounts.plus([event(number, amount=2000 + 100 * (number % 3))])
    cut = amounts.plus([event(21, amount=100_000_000)])
    assert cut.mean < 1.1 * amounts.mean


def test_mean_and_spread_are_those_of_the_amounts() -> None:
    amounts = Amounts().plus([event(number, amount=amount) for number, amount in enumerate([10, 12, 14, 16])])
    assert amounts == (4, 13.0, 20.0)


def test_a_full_figure_stays_full() -> None:
    profile = Profile.new(EntityKind.CARD)
    for number in range(300):
        profile = profile.after(event(number, time=DAY + number, flags=SPEND | 2 | 4))
    assert profile.days.total(Personal.DECLINES, 1, 1) == 255
    assert profile.days.total(Personal.COUNT, 1, 1) == 300


def test_a_profile_that_a_newer_version_wrote_is_told_from_a_damaged_one() -> None:
    body = bytes([CLOSED_SCHEMA + 1]) + pack(learnt([event(1)]))[1:-4] + b"something more"
    whole = body + zlib.crc32(body).to_bytes(4, "little")
    with pytest.raises(NewerProfileError, match="schema 12, this code reads schemas up to 11"):
        unpack(whole)
    with pytest.raises(DamagedProfileError):
        unpack(whole[:-1] + b"?")


@pytest.mark.parametrize("kind", EntityKind)
def test_any_flipped_bit_is_seen(kind: EntityKind) -> None:
    stored = pack(learnt([event(number) for number in range(12)], kind))
    for place in range(len(stored)):
        for bit in range(8):
            damaged = bytearray(stored)
            damaged[place] ^= 1 << bit
            if damaged[0] != 2:  # what 0.1.0 wrote has no checksum
                with pytest.raises(DamagedProfileError):
                    unpack(bytes(damaged))


def test_a_profile_under_the_key_of_another_kind_is_damaged() -> None:
    stored = pack(learnt([event(1)], EntityKind.CARD))
    assert unpack(stored, EntityKind.CARD).kind is EntityKind.CARD
    with pytest.raises(DamagedProfileError, match="a card's stands under the key of a customer"):
        unpack(stored, EntityKind.CUSTOMER)


@pytest.mark.parametrize("kind", FIRST_KINDS)
def test_what_0_1_0_wrote_is_read(kind: EntityKind) -> None:
    profile = learnt([event(number) for number in range(30)], kind)
    assert unpack(as_0_1_0_wrote(profile), kind) == profile


def test_events_of_0_1_0_that_are_out_of_order_are_damage() -> None:
    first, second = event(1), event(2)
    profile = msgspec.structs.replace(learnt([first, second]), ring=(second, first))
    with pytest.raises(DamagedProfileError, match="do not fit together"):
        unpack(as_0_1_0_wrote(profile))


def as_0_1_0_wrote(profile: Profile) -> bytes:
    return items_of_0_1_0.pack_profile(profile)


@given(st.binary(max_size=1200), st.integers(0, 400))
def test_a_damaged_profile_is_refused_and_nothing_else_happens(noise: bytes, cut: int) -> None:
    stored = pack(learnt([event(number) for number in range(12)]))
    for damaged in (b"\x03" + noise, stored[:cut], stored + noise):
        if damaged == stored:
            assert unpack(damaged) == unpack(stored)
        else:
            with pytest.raises(ProfileError):
                unpack(damaged)
    # What 0.1.0 wrote has no checksum: noise may be a profile by chance.
    with contextlib.suppress(ProfileError):
        unpack(b"\x02" + noise)

"""While tokens change their number: what is stored by an earlier token is found, and goes on by the newest one.

Profiles remember what they met by hashes of tokens. Those of a batch's own tokens are changed in the profiles that it
reads: nothing else is compared.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import Event, peer_hash
from fraudstream.detection.profiles.known_values import KnownValue, without_repeats
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.profiles.senders import with_other_hashes
from fraudstream.detection.profiles.sharded import ShardedProfile, undivided
from fraudstream.detection.stores.profiles.items import LoadedProfiles, StoredProfile
from fraudstream.transactions.pseudonyms.raising import RaisedTransaction


class EarlierTokens(NamedTuple):
    """How what some transactions touch was called before."""

    keys: Mapping[str, Sequence[str]]
    """Keys of profiles to those by earlier tokens, newest first."""
    hashes: Mapping[int, int]
    """Hashes of earlier tokens, as profiles remember them, to those of the newest."""

    def before(self, keys: Collection[str]) -> set[str]:
        """Return the earlier keys of some profiles."""
        return {earlier for key in keys for earlier in self.keys.get(key, ())}


NO_EARLIER: Final = EarlierTokens({}, {})


def earlier_tokens(raised: Iterable[RaisedTransaction]) -> EarlierTokens:
    """Return how what transactions touch was called before; nothing unless a token has an earlier number."""
    keys: dict[str, Sequence[str]] = {}
    hashes: dict[int, int] = {}
    for transaction, earlier in raised:
        if not earlier:
            continue
        for key in entities(transaction).values():
            kind, _, token = key.partition("#")
            if token in earlier:
                keys[key] = [f"{kind}#{each}" for each in earlier[token]]
        hashes |= {peer_hash(each): peer_hash(token) for token, before in earlier.items() for each in before}
    return EarlierTokens(keys, hashes)


def carried_over(loaded: LoadedProfiles, earlier: EarlierTokens) -> LoadedProfiles:
    """Return what was read as if it had always been stored by the newest tokens."""
    if not earlier.hashes:
        return loaded
    profiles, newer, erased = dict(loaded.profiles), set(loaded.newer), dict(loaded.erased)
    listed, unreadable, damaged = dict(loaded.listed), set(loaded.unreadable_lists), set(loaded.damaged)
    newest = {before: key for key, befores in earlier.keys.items() for before in befores}
    for before, key in newest.items():
        stored_before = profiles.pop(before, None)
        if mark := erased.pop(before, None):
            erased.setdefault(key, mark._replace(customer=newest.get(mark.customer, mark.customer)))
        if stored_before and key not in profiles:
            profiles[key] = StoredProfile(undivided(stored_before.profile), None, erased=erased.get(key))
            if before in damaged:
                damaged.add(key)
        if before in newer:
            newer.add(key)
        if before in unreadable:
            unreadable.add(key)
        if before in listed:
            listed[key] = listed.pop(before) | listed.get(key, {})
    profiles = {
        key: stored._replace(profile=renamed(stored.profile, earlier.hashes)) for key, stored in profiles.items()
    }
    return LoadedProfiles(profiles, newer, listed, unreadable, erased, damaged)


def renamed(profile: Profile, hashes: Mapping[int, int]) -> Profile:
    """Return a profile that remembers what it met by other hashes."""
    if isinstance(profile, ShardedProfile):
        shards = [renamed(shard, hashes) for shard in profile.shards]
        return ShardedProfile.of(profile.sharding, renamed(profile.base, hashes), shards)
    past = msgspec.structs.replace(
        profile.past,
        devices=_known(profile.past.devices, hashes),
        payees=_known(profile.past.payees, hashes),
        senders=with_other_hashes(profile.past.senders, hashes),
    )
    return msgspec.structs.replace(profile, ring=tuple(_event(each, hashes) for each in profile.ring), past=past)


def _event(event: Event, hashes: Mapping[int, int]) -> Event:
    if event.peer not in hashes and event.other_peer not in hashes:
        return event
    return event._replace(
        peer=hashes.get(event.peer, event.peer), other_peer=hashes.get(event.other_peer, event.other_peer)
    )


def _known(values: tuple[KnownValue, ...], hashes: Mapping[int, int]) -> tuple[KnownValue, ...]:
    """Return remembered values by other hashes; what was met by both is one, met first by the earlier one."""
    return without_repeats(value._replace(hash=hashes.get(value.hash, value.hash)) for value in values)

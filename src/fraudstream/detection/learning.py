"""What profiles learn from a transaction or a label: the one code for analyzer, replay, backtest and training."""

import math
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.entities import PERSONAL, entities
from fraudstream.detection.profiles.events import events_of, marked_as_fraud
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.profiles.view import ProfileView
from fraudstream.transactions.transaction import Transaction

ALL_KINDS: Final = frozenset(EntityKind)


class LearnedTransaction(NamedTuple):
    """What came of letting profiles learn a transaction."""

    views: dict[EntityKind, ProfileView]
    """What each profile knew before it, without the transaction itself."""
    changed: dict[str, Profile]
    """The profiles that it changes, by key."""
    seen: bool
    """The customer's profile had learnt it before, or is too new to know."""


class LearnedLabel(NamedTuple):
    """What came of letting profiles learn a label."""

    changed: dict[str, Profile]
    """The profiles that it changes, by key."""
    seen: bool
    """The customer's profile had learnt it before, or is too new to know."""


def learn_transaction(
    transaction: Transaction,
    profiles: Mapping[str, Profile],
    amount: float | None,
    *,
    reporting_threshold: float,
    label_delay_days: int,
    undecided: bool = False,
    learnt: Collection[str] = (),
    known_fraud: bool = False,
    kinds: Collection[EntityKind] = ALL_KINDS,
    seen: bool | None = None,
) -> LearnedTransaction:
    """Add a transaction to its profiles, and return what they knew before it.

    It is judged by profiles that have learnt it, which are read without it: so a retry finds the same past.

    Args:
        transaction: `events.check` must accept it.
        profiles: the profiles before it, by key; an entity without one is new.
        amount: in the base currency; None without an exchange rate.
        reporting_threshold: amount in the base currency from which a payment has to be reported.
        label_delay_days: days after which most labels are known.
        undecided: it is known to have no decision yet, so that it counts even where profiles cannot tell it from an old
            one.
        learnt: keys of profiles that are known to have learnt it.
        known_fraud: profiles have learnt its label, which says so: it must not see that.
        kinds: the kinds of entities whose profiles learn.
        seen: what the customer's profile said; None lets it say so, and `kinds` must then have the customer.
    """
    keys = _keys(transaction, kinds)
    events = events_of(transaction, keys, amount, reporting_threshold)
    if known_fraud:
        events = {kind: marked_as_fraud(event) for kind, event in events.items()}
    if seen is None:
        customer = profiles.get(keys[EntityKind.CUSTOMER])
        seen = customer is not None and customer.knows(events[EntityKind.CUSTOMER])
    is_new = not seen or undecided
    # A person's profiles are written last: what one of them holds has been learnt by all that are shared.
    held = any(keys[kind] in profiles and profiles[keys[kind]].holds(events[kind]) for kind in PERSONAL & keys.keys())
    views: dict[EntityKind, ProfileView] = {}
    changed: dict[str, Profile] = {}
    for kind, key in keys.items():
        event, before = events[kind], profiles.get(key) or Profile.new(kind)
        after = before.after(event, late=is_new and key not in learnt and (kind in PERSONAL or not held))
        if after is not before:
            changed[key] = after
        counted = after is not before or before.holds(event)
        views[kind] = ProfileView(after, event, counted=counted, label_delay_days=label_delay_days)
    return LearnedTransaction(views, changed, seen)


def learn_label(
    transaction: Transaction,
    profiles: Mapping[str, Profile],
    change: LabelChange,
    frauds: int,
    *,
    learnt: Collection[str] | None = None,
    kinds: Collection[EntityKind] = ALL_KINDS,
    seen: bool | None = None,
) -> LearnedLabel:
    """Record in the profiles of a transaction's entities that its label has changed.

    Args:
        transaction: what was labelled.
        profiles: the profiles before the change, by key.
        change: what tells this change from others.
        frauds: 1 if the transaction is now known to be fraud, -1 if it is no longer.
        learnt: keys of the profiles that are known to have learnt it, where it is known that not all of them have: it
            counts for the others even if they cannot tell it from an old one.
        kinds: the kinds of entities whose profiles learn.
        seen: what the customer's profile said; None lets it say so, and `kinds` must then have the customer.
    """
    keys = _keys(transaction, kinds)
    # Profiles find the event by its time and identity.
    events = events_of(transaction, keys, None, math.inf)
    if seen is None:
        customer = profiles.get(keys[EntityKind.CUSTOMER])
        seen = customer is not None and customer.knows_label(change)
    is_new = not seen or learnt is not None
    held = any(keys[kind] in profiles and profiles[keys[kind]].holds_label(change) for kind in PERSONAL & keys.keys())
    changed: dict[str, Profile] = {}
    for kind, key in keys.items():
        before = profiles.get(key) or Profile.new(kind)
        late = is_new and key not in (learnt or ()) and (kind in PERSONAL or not held)
        after = before.after_label(change, events[kind], frauds, late=late)
        if after is not before:
            changed[key] = after
    return LearnedLabel(changed, seen)


def _keys(transaction: Transaction, kinds: Collection[EntityKind]) -> dict[EntityKind, str]:
    return {kind: key for kind, key in entities(transaction).items() if kind in kinds}

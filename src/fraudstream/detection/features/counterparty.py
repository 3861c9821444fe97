"""Features of the other side of a transfer, deposit or withdrawal: who else sends it money, and since when.

Senders are customers whose money goes to it: by transfers and withdrawals, not by its own payments to customers.
"""

from collections.abc import Mapping, Sequence

from fraudstream.contract import EntityKind
from fraudstream.detection.features.customer import MONTH, PAYEE_AGE, PAYEE_PEAK, WEEK, largest
from fraudstream.detection.profiles.events import Event, moved, paid_out, received, takes_back
from fraudstream.detection.profiles.layout import Counterparty, Shared
from fraudstream.detection.profiles.senders import is_sender, may_hold
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY, HOUR


def add(values: FeatureValues, view: ProfileView) -> None:
    """Add the counterparty's features."""
    values["counterpartyAgeDays"] = max(view.time - view.profile.first_seen, 0) / DAY
    values["counterpartyCount30d"] = view.total(Shared.COUNT, MONTH, _one)
    values["counterpartyFrauds30d"] = view.frauds(Shared.FRAUDS)
    values["counterpartyIn24h"] = view.total(Counterparty.IN, DAY, received) / 100
    values["counterpartyOut24h"] = view.total(Counterparty.OUT, DAY, paid_out) / 100
    sent = [each for each in (*view.known, view.event) if is_sender(each)]
    day, week = view.time - DAY, view.time - WEEK
    values["counterpartySenders24h"] = len({each.peer for each in sent if each.time > day})
    values["counterpartySenders7d"] = len({each.peer for each in sent if each.time > week})
    values["counterpartyNewSenders7d"] = _new_senders(sent, week, view.profile.past.senders)


def add_payee(values: FeatureValues, views: Mapping[EntityKind, ProfileView]) -> None:
    """Add what the payee's newest events know of the customer, where they reach farther back than its own profile.

    Who pays many, as a payroll does, has forgotten most of them. The payee's filter of senders is not asked: a mule's
    holds many, and would take a new one for known.
    """
    view = views.get(EntityKind.COUNTERPARTY)
    if view is None or takes_back(view.event):
        return
    dealt = [each for each in view.known if each.peer == view.event.peer and not takes_back(each)]
    if dealt:
        known = {
            PAYEE_AGE: (view.time - dealt[0].time) / HOUR,
            PAYEE_PEAK: largest([moved(each) for each in dealt]),
        }
        values |= of_longer_memory(values, known)


def of_longer_memory(first: Mapping[str, float | None], second: Mapping[str, float | None]) -> FeatureValues:
    """Return what is known of a payee by the one of two that has known it for longer: it has forgotten less."""
    longer = second if (second.get(PAYEE_AGE) or 0) > (first.get(PAYEE_AGE) or 0) else first
    return {name: longer.get(name) for name in (PAYEE_AGE, PAYEE_PEAK)}


def _one(_: Event) -> int:
    return 1


def _new_senders(sent: Sequence[Event], start: int, earlier: int) -> int:
    """Count the senders whose first event of all is among these, and after a time."""
    first: dict[int, int] = {}
    for each in sent:
        first.setdefault(each.peer, each.time)
    return sum([time > start and not may_hold(earlier, sender) for sender, time in first.items()])

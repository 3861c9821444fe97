"""Features of the other side of a transfer, deposit or withdrawal: who else sends it money, and since when.

Senders are customers whose money goes to it: by transfers and withdrawals, not by its own payments to customers.
"""

from collections.abc import Sequence

from fraudstream.detection.features.customer import MONTH, WEEK
from fraudstream.detection.profiles.events import Event, paid_out, received
from fraudstream.detection.profiles.layout import Counterparty, Shared
from fraudstream.detection.profiles.senders import is_sender, may_hold
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY


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


def _one(_: Event) -> int:
    return 1


def _new_senders(sent: Sequence[Event], start: int, earlier: int) -> int:
    """Count the senders whose first event of all is among these, and after a time."""
    first: dict[int, int] = {}
    for each in sent:
        first.setdefault(each.peer, each.time)
    return sum([time > start and not may_hold(earlier, sender) for sender, time in first.items()])

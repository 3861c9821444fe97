"""Features of the other side of a transfer, deposit or withdrawal: who else sends it money, and since when.

Senders are customers whose money goes to it: by transfers and withdrawals, not by its own payments to customers.
"""

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
    own = {view.event.peer} if is_sender(view.event) else set[int]()
    values["counterpartySenders24h"] = len({each.peer for each in view.since(DAY) if is_sender(each)} | own)
    values["counterpartySenders7d"] = len({each.peer for each in view.since(WEEK) if is_sender(each)} | own)
    values["counterpartyNewSenders7d"] = _new_senders(view)


def _one(_: Event) -> int:
    return 1


def _new_senders(view: ProfileView) -> int:
    """Count those of the newest events of 7 days, the event among them, whose sender had sent nothing before."""
    start, earlier = view.time - WEEK, view.profile.past.senders
    known, number = set[int](), 0
    for each in (*view.known, view.event):
        if is_sender(each) and each.peer not in known:
            known.add(each.peer)
            number += each.time > start and not may_hold(earlier, each.peer)
    return number

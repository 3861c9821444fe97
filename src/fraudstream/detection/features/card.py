"""Features of the card that a transaction was made with."""

from typing import Final

from fraudstream.contract import EntityKind
from fraudstream.detection.features.customer import MONTH, WEEK, spending_counts
from fraudstream.detection.features.distinct import add_customers
from fraudstream.detection.profiles.events import NO_AMOUNT, NO_PEER, is_evidence, is_spending, spent
from fraudstream.detection.profiles.layout import Personal
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY, HOUR, SECOND

_WINDOWS: Final = (("cardCount1h", HOUR), ("cardCount2h", 2 * HOUR), ("cardCount24h", DAY), ("cardCount7d", WEEK))


def add(values: FeatureValues, view: ProfileView) -> None:
    """Add the card's features."""
    spending_counts(values, view, _WINDOWS)
    values["cardSum24h"] = view.total(Personal.SUM, DAY, spent) / 100
    values["cardDeclines24h"] = view.total(Personal.DECLINES, DAY, is_evidence)
    values["cardDeclines30d"] = view.total(Personal.DECLINES, MONTH, is_evidence)
    values["cardFrauds30d"] = view.frauds(Personal.FRAUDS)
    add_customers(values, EntityKind.CARD, view)
    event = view.event
    if event.peer == NO_PEER:
        return
    values["cardMerchants7d"] = len({each.peer for each in view.since(WEEK)} - {NO_PEER} | {event.peer})
    if event.amount == NO_AMOUNT:
        return
    paid = [each for each in view.known if is_spending(each) and each.peer == event.peer]
    same = [each.time for each in paid if each.amount == event.amount]
    if same:
        values["cardRepeatSeconds"] = (event.time - same[-1]) / SECOND

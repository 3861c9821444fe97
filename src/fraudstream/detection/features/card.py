"""Features of the card that a transaction was made with."""

from typing import Final

from fraudstream.detection.features.customer import MONTH, WEEK, spending_counts, total
from fraudstream.detection.profiles.events import NO_AMOUNT, NO_PEER, is_evidence, spent
from fraudstream.detection.profiles.layout import Personal
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY, HOUR

_SECOND: Final = 1000
_WINDOWS: Final = (("cardCount1h", HOUR), ("cardCount2h", 2 * HOUR), ("cardCount24h", DAY), ("cardCount7d", WEEK))


def add(values: FeatureValues, sight: ProfileView) -> None:
    """Add the card's features."""
    spending_counts(values, sight, _WINDOWS)
    values["cardSum24h"] = total(sight, Personal.SUM, DAY, spent) / 100
    values["cardDeclines24h"] = total(sight, Personal.DECLINES, DAY, is_evidence)
    values["cardDeclines30d"] = total(sight, Personal.DECLINES, MONTH, is_evidence)
    values["cardFrauds30d"] = sight.frauds(Personal.FRAUDS)
    event = sight.event
    if event.peer == NO_PEER:
        return
    values["cardMerchants7d"] = len({each.peer for each in sight.since(WEEK)} - {NO_PEER} | {event.peer})
    if event.amount == NO_AMOUNT:
        return
    same = [each.time for each in sight.known if each.peer == event.peer and each.amount == event.amount]
    if same:
        values["cardRepeatSeconds"] = (event.time - same[-1]) / _SECOND

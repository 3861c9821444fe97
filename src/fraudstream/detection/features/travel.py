"""Features of the way from where a customer was last to where a transaction happens."""

import math
from collections.abc import Mapping
from typing import Final

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.events import NO_PLACE, Event, place
from fraudstream.detection.profiles.profile import NOWHERE, LastPlace
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import HOUR, SECOND
from fraudstream.transactions.transaction import Transaction

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius, IUGG."""


def add(values: FeatureValues, transaction: Transaction, views: Mapping[EntityKind, ProfileView]) -> None:
    """Add the way from the customer's last place, and the speed that it takes from the card's.

    Two people who share an account are in two places at once, and each of their cards is in one. A transaction online
    is compared with the last place, and does not become it.
    """
    customer, (latitude, longitude) = views.get(EntityKind.CUSTOMER), place(transaction)
    if customer is None or latitude == NO_PLACE:
        return
    here = LastPlace(transaction.timestamp, latitude, longitude)
    placed = [each for each in customer.known if each.latitude != NO_PLACE]
    last = _place(placed[-1]) if placed else customer.profile.past.place
    if last != NOWHERE and last.time <= here.time:
        distance = _kilometres(last, here)
        values["travelKm"] = distance
        values["travelHours"] = (here.time - last.time) / HOUR
        values["travelKmPerHour"] = distance / _hours(last, here)
    if card := views.get(EntityKind.CARD):
        # Only a customer's events have places; what both profiles remember was done with the card.
        of_card = {each.identity for each in card.known}
        placed = [each for each in placed if each.identity in of_card]
        if placed:
            last = _place(placed[-1])
            values["cardTravelKmPerHour"] = _kilometres(last, here) / _hours(last, here)


def _place(event: Event) -> LastPlace:
    return LastPlace(event.time, event.latitude, event.longitude)


def _hours(last: LastPlace, here: LastPlace) -> float:
    return max(here.time - last.time, SECOND) / HOUR


def _kilometres(start: LastPlace, end: LastPlace) -> float:
    # The haversine formula: exact enough on a sphere, and stable for small distances.
    latitude, other = math.radians(start.latitude / 100), math.radians(end.latitude / 100)
    half_longitude = math.radians((end.longitude - start.longitude) / 100) / 2
    chord = math.sin((other - latitude) / 2) ** 2
    chord += math.cos(latitude) * math.cos(other) * math.sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))

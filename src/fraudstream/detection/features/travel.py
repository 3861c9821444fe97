"""Features of the way from where a customer was last to where a transaction happens."""

import math
from collections.abc import Mapping
from typing import Final

from fraudstream.detection.profiles.entities import EntityKind
from fraudstream.detection.profiles.events import NO_PLACE, Event
from fraudstream.detection.profiles.profile import NOWHERE, LastPlace
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import HOUR

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius, IUGG."""
_SECOND: Final = 1000


def add(values: FeatureValues, views: Mapping[EntityKind, ProfileView]) -> None:
    """Add the distance, the time, and the speed that it takes.

    The last place is the card's, where that is remembered: two people who share an account are in two places at once.
    Else it is the customer's.
    """
    customer = views.get(EntityKind.CUSTOMER)
    if customer is None or customer.event.latitude == NO_PLACE:
        return
    event, last = customer.event, _last_place(customer, views.get(EntityKind.CARD))
    if last == NOWHERE or last.time > event.time:
        return
    elapsed = event.time - last.time
    distance = _kilometres(last, event)
    values["travelKm"] = distance
    values["travelHours"] = elapsed / HOUR
    values["travelKmPerHour"] = distance / (max(elapsed, _SECOND) / HOUR)


def _last_place(customer: ProfileView, card: ProfileView | None) -> LastPlace:
    placed = [each for each in reversed(customer.known) if each.latitude != NO_PLACE]
    if card:
        # Only a customer's events have places; what both profiles remember was done with the card.
        of_card = {each.identity for each in card.known}
        placed = [each for each in placed if each.identity in of_card] or placed
    if not placed:
        return customer.profile.past.place
    return LastPlace(placed[0].time, placed[0].latitude, placed[0].longitude)


def _kilometres(start: LastPlace, end: Event) -> float:
    # The haversine formula: exact enough on a sphere, and stable for small distances.
    latitude, other = math.radians(start.latitude / 100), math.radians(end.latitude / 100)
    half_longitude = math.radians((end.longitude - start.longitude) / 100) / 2
    chord = math.sin((other - latitude) / 2) ** 2
    chord += math.cos(latitude) * math.cos(other) * math.sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))

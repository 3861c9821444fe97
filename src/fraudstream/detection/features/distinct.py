"""How many customers use one card, device or address."""

from fraudstream.detection.profiles.entities import EntityKind
from fraudstream.detection.profiles.events import NO_PEER
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY

_WINDOWS = (("24h", DAY), ("7d", 7 * DAY))


def add_customers(values: FeatureValues, kind: EntityKind, view: ProfileView) -> None:
    """Add the distinct customers of the newest events in a day and in a week, this one's too."""
    owner = view.event.other_peer
    for name, window in _WINDOWS:
        values[f"{kind}Customers{name}"] = len({each.other_peer for each in view.since(window)} - {NO_PEER} | {owner})

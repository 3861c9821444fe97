"""What a profile lets one event see: its past, without itself."""

from collections.abc import Callable
from typing import Final, TypeAlias

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.events import FRAUD, NO_AMOUNT, OUT, Event
from fraudstream.detection.profiles.layout import LAYOUTS, Shared
from fraudstream.detection.profiles.profile import Profile
from fraudstream.durations import DAY, HOUR

FeatureValues: TypeAlias = dict[str, float | None]
"""Features by name, before they are rounded."""

_MONTH: Final = 30
"""Days."""


class ProfileView:
    """An event's view of a profile that has learnt it."""

    __slots__ = ("event", "excluded", "known", "label_delay_days", "profile", "time")

    def __init__(self, profile: Profile, event: Event, *, counted: bool, label_delay_days: int) -> None:
        """Find out what came before the event, and what the buckets hold that it must not see.

        Args:
            profile: the profile after the event.
            event: the event to judge.
            counted: the profile's buckets hold it.
            label_delay_days: see `features.compute.Calendar`.
        """
        self.profile = profile
        self.event = event
        self.label_delay_days = label_delay_days
        self.time = event.time
        self.known = profile.before(event)
        """Oldest first."""
        later = [known for known in profile.ring if known.time > event.time]
        self.excluded = [event, *later] if counted else later
        """What the buckets hold and the event must not see, as far as the ring knows it: itself and what came after."""

    def in_days(self, column: int, window: int, figure: Callable[[Event], int]) -> int:
        """Sum a column over the days that a window touches (milliseconds).

        Args:
            column: of the profile's days.
            window: milliseconds up to the event.
            figure: what an event adds to the column.
        """
        return self._in_buckets(DAY, column, window, figure)

    def in_hours(self, column: int, window: int, figure: Callable[[Event], int]) -> int:
        """Sum a column over the hours that a window touches; see `in_days`."""
        return self._in_buckets(HOUR, column, window, figure)

    def _in_buckets(self, length: int, column: int, window: int, figure: Callable[[Event], int]) -> int:
        profile, layout, last = self.profile, LAYOUTS[self.profile.kind], self.time // length
        buckets, limits = (profile.days, layout.day_limits) if length == DAY else (profile.hours, layout.hour_limits)
        total = buckets.total(column, (self.time - window) // length, last)
        earlier = max(total - sum([figure(event) for event in self.excluded if event.time // length <= last]), 0)
        if total < limits[column] and buckets.newest <= last:
            return earlier
        # A figure that stayed at its limit lacks what is taken away, and buckets before a late event may be gone.
        return max(earlier, sum([figure(event) for event in self.since(window)]))

    def total(self, column: int, window: int, figure: Callable[[Event], int]) -> int:
        """Sum a figure of the earlier events in a window: exact while the ring covers it, else see `in_days`."""
        if self.profile.reaches(self.time - window):
            return sum([figure(event) for event in self.since(window)])
        return self.in_days(column, window, figure)

    def since(self, window: int) -> list[Event]:
        """Return the ring's events in a window (milliseconds) that ends with the event."""
        start = self.time - window
        return [event for event in self.known if event.time > start]

    def remembered_days(self) -> float:
        """Return over how many days before the event every event is known."""
        profile = self.profile
        is_full = len(profile.ring) == LAYOUTS[profile.kind].ring
        since = profile.ring[0].time if is_full else profile.first_seen
        return max(self.time - since, 0) / DAY

    def frauds(self, column: int) -> int:
        """Count the transactions of the last 30 days that are known to be fraud."""
        last = self.time // DAY
        return self._frauds(column, last - _MONTH, last)

    def fraud_ages(self) -> list[int]:
        """Return the ages, in days, of the days in the last 30 with known frauds, rising; of a shared profile."""
        if not any(self.profile.days.columns[Shared.FRAUDS]):
            return []
        today = self.time // DAY
        return [age for age in range(_MONTH + 1) if self._frauds(Shared.FRAUDS, today - age, today - age) > 0]

    def fraud_share(self, days: int) -> float | None:
        """Return the share of known frauds in the days before the labels' delay; None without transactions."""
        last = self.time // DAY - self.label_delay_days
        # Without a delay, the days hold the event itself.
        unseen = sum(event.time // DAY <= last for event in self.excluded)
        count = self.profile.days.total(Shared.COUNT, last - days, last) - unseen
        return min(self._frauds(Shared.FRAUDS, last - days, last) / count, 1.0) if count > 0 else None

    def _frauds(self, column: int, first: int, last: int) -> int:
        total = self.profile.days.total(column, first, last)
        return max(total - self._unseen_frauds(first, last), 0) if total > 0 else 0

    def _unseen_frauds(self, first: int, last: int) -> int:
        """Count the known frauds that the days hold and the event must not see: itself in a retry, and later ones."""
        needed = FRAUD | OUT if self.profile.kind is EntityKind.COUNTERPARTY else FRAUD
        frauds = [event for event in (*self.profile.ring, self.event) if event.flags & needed == needed]
        unseen = {event[:2] for event in frauds if event.time > self.time or event.is_same_as(self.event)}
        return sum(first <= time // DAY <= last for time, _ in unseen)

    def amount_ratio(self) -> float | None:
        """Return the event's amount as a multiple of the mean of earlier ones; None where either is unknown."""
        mean = self.mean_amount()
        return self.event.amount / mean if mean and self.event.amount != NO_AMOUNT else None

    def mean_amount(self) -> float | None:
        """Return the mean of earlier amounts, in hundredths of the base currency; None without any above nothing."""
        mean = self.profile.past.amounts.plus(self.known).mean
        return mean if mean > 0 else None

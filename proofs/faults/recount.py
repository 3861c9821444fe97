"""What profiles must hold: counted anew from the stored transactions, by code that is not the profiles' own."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fraudstream.detection.profiles.entities import PERSONAL, entities, kind_of
from fraudstream.detection.profiles.events import identity
from fraudstream.detection.profiles.layout import LAYOUTS, Personal, Shared, SharedHour
from fraudstream.detection.profiles.profile import Profile
from fraudstream.transactions.transaction import Transaction

_DAY: Final = 86_400_000
_HOUR: Final = 3_600_000
_OUTAGES: Final = {"91"}
"""Of the response codes that are posted here: those that say nothing of the card."""
LARGEST_AMOUNT: Final = 20_000


@dataclass
class Recount:
    """What one profile must hold."""

    days: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter[int]))
    """Figures by column and day."""
    hours: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter[int]))
    events: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Time and identity."""


@dataclass(frozen=True)
class Difference:
    """How a profile differs from its recount."""

    events: int = 0
    """Events that it counts too often; negative: too few."""
    amount: int = 0
    """Hundredths that it sums too much."""
    frauds: int = 0
    """Labels too many or too few."""
    other: bool = False
    """Something else is wrong: a figure too small, or the newest events."""

    def within(self, events: int, labels: int) -> bool:
        """Return whether that is within the bounds, given how often an event or label may count once more."""
        return (
            not self.other
            and 0 <= self.events <= events
            and 0 <= self.amount <= events * LARGEST_AMOUNT
            and abs(self.frauds) <= labels
        )


def recount(transactions: Iterable[Mapping[str, Any]]) -> dict[str, Recount]:
    """Count what was stored, by profile.

    Args:
        transactions: all stored transactions with their labels, as plain values.
    """
    found: defaultdict[str, Recount] = defaultdict(Recount)
    for stored in transactions:
        for key in entities(_transaction(stored)).values():
            _add(found[key], key, stored)
    return dict(found)


def _transaction(stored: Mapping[str, Any]) -> Transaction:
    names = {"customerId": "customer_id", "cardToken": "card_token", "merchantId": "merchant_id"}
    names |= {"terminalId": "terminal_id", "deviceId": "device_id", "ipAddress": "ip_address"}
    tokens = {name: stored.get(column) for column, name in names.items()}
    return Transaction(
        transaction_id=stored["transactionId"],
        timestamp=stored["timestamp"],
        received_at=stored["receivedAt"],
        amount_minor=stored["amountMinor"],
        currency=stored["currency"],
        type=stored["type"],
        **tokens,  # pyright: ignore[reportArgumentType]  (texts, where they are)
    )


def _add(count: Recount, key: str, stored: Mapping[str, Any]) -> None:
    day, hour, amount = stored["timestamp"] // _DAY, stored["timestamp"] // _HOUR, stored["amountMinor"]
    declined = stored.get("authorizationResult") == "DECLINED"
    evidence = declined and stored.get("responseCode") not in _OUTAGES
    fraud = stored.get("label") == "FRAUD"
    count.events.append((stored["timestamp"], identity(stored["transactionId"])))
    if kind_of(key) not in PERSONAL:
        count.days[Shared.COUNT][day] += 1
        count.days[Shared.FRAUDS][day] += fraud
        count.hours[SharedHour.COUNT][hour] += 1
        count.hours[SharedHour.DECLINES][hour] += evidence
        return
    spending = stored["type"] in {"PAYMENT", "TRANSFER", "WITHDRAWAL"}
    count.days[Personal.COUNT][day] += spending
    count.days[Personal.SUM][day] += amount if spending and not declined else 0
    count.days[Personal.DECLINES][day] += evidence
    count.days[Personal.FRAUDS][day] += fraud
    count.days[Personal.REFUNDS][day] += stored["type"] == "REFUND"
    count.days[Personal.REFUND_SUM][day] += amount if stored["type"] == "REFUND" else 0


def difference(profile: Profile, expected: Recount) -> Difference:
    """Compare a profile with its recount; what is older than its buckets is nobody's business."""
    personal = profile.kind in PERSONAL
    fraud_column = Personal.FRAUDS if personal else Shared.FRAUDS
    sums = {Personal.SUM, Personal.REFUND_SUM} if personal else set[int]()
    events, amount, frauds, other = 0, 0, 0, False
    columns = [
        (column, figures, profile.days.newest, expected.days) for column, figures in enumerate(profile.days.columns)
    ]
    columns += [
        (column, figures, profile.hours.newest, expected.hours) for column, figures in enumerate(profile.hours.columns)
    ]
    for column, figures, newest, counted in columns:
        is_hours = counted is expected.hours
        if personal and column == Personal.NEAR_THRESHOLD:
            continue
        gaps = [figure - counted[column][newest - age] for age, figure in enumerate(figures)]
        if column == fraud_column and not is_hours:
            frauds = sum(abs(gap) for gap in gaps)
            continue
        other |= any(gap < 0 for gap in gaps)
        if column in sums:
            amount = max(amount, sum(gaps))
        else:
            events = max(events, sum(gaps)) if sum(gaps) >= 0 else min(events, sum(gaps))
    kept = LAYOUTS[profile.kind].ring
    ring = [(event.time, event.identity) for event in profile.ring]
    other |= ring != sorted(expected.events)[-kept:]
    return Difference(events, amount, frauds, other)

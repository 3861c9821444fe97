"""Features of what many people meet at: merchants, terminals, devices and internet addresses."""

from fraudstream.contract import EntityKind
from fraudstream.detection.features.customer import MONTH, WEEK
from fraudstream.detection.features.distinct import add_customers
from fraudstream.detection.profiles.events import FRAUD, NO_AMOUNT, NO_PEER, Event, is_evidence
from fraudstream.detection.profiles.layout import Shared, SharedHour
from fraudstream.detection.profiles.view import FeatureValues, ProfileView
from fraudstream.durations import DAY, HOUR


def add_merchant(values: FeatureValues, view: ProfileView) -> None:
    """Add the merchant's features."""
    count, declined = _hour(view)
    values["merchantCount1h"] = count
    values["merchantCount24h"] = _count(view, DAY)
    values["merchantDeclines1h"] = declined
    values["merchantDeclineShare1h"] = _share(declined, count)
    values["merchantDeclinedCards1h"] = _declined_cards(view)
    values["merchantAmountRatio"] = view.amount_ratio()
    values["merchantFrauds30d"] = view.frauds(Shared.FRAUDS)
    values["merchantFraudShare30d"] = view.fraud_share(30)
    event = view.event
    if event.other_peer != NO_PEER:
        declined = [each for each in (*view.since(HOUR), event) if is_evidence(each)]
        cards = {each.peer for each in declined if each.other_peer == event.other_peer}
        values["merchantBinDeclinedCards1h"] = len(cards - {NO_PEER})


def add_terminal(values: FeatureValues, view: ProfileView) -> None:
    """Add the terminal's features."""
    values["terminalCount24h"] = _count(view, DAY)
    values["terminalCount7d"] = _count(view, WEEK)
    values["terminalCount30d"] = _count(view, MONTH)
    values["terminalAmountRatio"] = view.amount_ratio()
    values["terminalFrauds30d"] = view.frauds(Shared.FRAUDS)
    for days in (1, 7, 30):
        values[f"terminalFraudShare{days}d"] = view.fraud_share(days)
    ages = view.fraud_ages()
    if ages:
        values["terminalFraudAgeDays"] = ages[0]
        values["terminalFraudSpanDays"] = ages[-1]
    values["terminalFraudAmountRatio"] = _fraud_amount_ratio(view)
    settled = view.time - view.label_delay_days * DAY
    known = [1 if event.flags & FRAUD else 0 for event in view.known if event.time <= settled]
    if known:
        for newest in (1, 2, 5):
            share = known[-newest:]
            values[f"terminalFraudShareLast{newest}"] = sum(share) / len(share)


def _fraud_amount_ratio(view: ProfileView) -> float | None:
    # Stolen cards make large amounts anywhere; a compromised terminal's frauds are as large as its other ones.
    amounts = [event.amount for event in view.known if event.flags & FRAUD and event.amount != NO_AMOUNT]
    if not amounts:
        return None
    mean = view.mean_amount()
    return sum(amounts) / len(amounts) / mean if mean else None


def add_device(values: FeatureValues, view: ProfileView) -> None:
    """Add the device's features."""
    _meeting_point(values, EntityKind.DEVICE, view)


def add_address(values: FeatureValues, view: ProfileView) -> None:
    """Add the internet address's features."""
    _meeting_point(values, EntityKind.IP, view)


def _meeting_point(values: FeatureValues, kind: EntityKind, view: ProfileView) -> None:
    count, declined = _hour(view)
    add_customers(values, kind, view)
    values[f"{kind}Count1h"] = count
    values[f"{kind}DeclinedCards1h"] = _declined_cards(view)
    values[f"{kind}DeclineShare1h"] = _share(declined, count)
    values[f"{kind}Frauds30d"] = view.frauds(Shared.FRAUDS)


def _hour(view: ProfileView) -> tuple[int, int]:
    """Count the transactions of the last hour, and the declines among them that are evidence."""
    if view.profile.reaches(view.time - HOUR):
        hour = view.since(HOUR)
        return len(hour), sum([is_evidence(event) for event in hour])
    declines = view.in_hours(SharedHour.DECLINES, HOUR, is_evidence)
    return view.in_hours(SharedHour.COUNT, HOUR, _one), declines


def _declined_cards(view: ProfileView) -> int:
    """Count the distinct cards among the newest events of the last hour with a decline that is evidence."""
    return len({each.peer for each in view.since(HOUR) if is_evidence(each)} - {NO_PEER})


def _count(view: ProfileView, window: int) -> int:
    if view.profile.reaches(view.time - window):
        return len(view.since(window))
    if window <= DAY:
        return view.in_hours(SharedHour.COUNT, window, _one)
    return view.in_days(Shared.COUNT, window, _one)


def _one(_: Event) -> int:
    return 1


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None

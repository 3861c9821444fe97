"""A case: alerts of one customer or card that a person works on together, with what was noted and done."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, Final

import msgspec

from fraudstream.contract import CASE_PREFIX
from fraudstream.transactions.storage.attributes import AttributeValue
from fraudstream_tools.operations.erased_names import without_names
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.stored_items import read_item

_ID_DIGITS: Final = 24


class CaseEventKind(StrEnum):
    """What somebody did to a case."""

    OPENED = "opened"
    TAKEN = "taken"
    JOINED = "joined by alerts"
    GIVEN_BACK = "given back"
    HANDED_OVER = "handed over"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    NOTED = "noted"
    DECIDED = "decided"
    CLOSED = "closed"
    REOPENED = "reopened"


_CLOSING: Final = frozenset({CaseEventKind.DECIDED, CaseEventKind.CLOSED})


class CaseEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did to a case."""

    at: int
    """Epoch milliseconds."""
    by: str
    """The ARN of the AWS identity, by STS."""
    what: CaseEventKind
    text: str = ""
    """In the person's words, or what it was done to."""


class ReviewCase(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A case as it is stored. Times are epoch milliseconds."""

    case_id: str
    entity: str
    """`customer#` or `card#` and the token of whose alerts these are."""
    status: AlertStatus
    created_at: int
    alerts: tuple[str, ...]
    """Ids of the transactions whose alerts belong to it."""
    version: int
    assignee: str | None = None
    """The ARN of who works on it; None where nobody does."""
    assigned_at: int | None = None
    snoozed_until: int | None = None
    closed_at: int | None = None
    expires_at: int | None = None
    """Epoch seconds."""
    events: tuple[CaseEvent, ...] = ()
    """Oldest first."""

    @property
    def notes(self) -> Sequence[CaseEvent]:
        """What people noted, oldest first."""
        return [event for event in self.events if event.what is CaseEventKind.NOTED]

    def is_snoozed(self, now: int) -> bool:
        """Return whether nobody is to be bothered with it at a time in epoch milliseconds."""
        return self.status is AlertStatus.OPEN and self.snoozed_until is not None and now < self.snoozed_until

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "ReviewCase | None":
        """Read a case's item; None for one that is none."""
        stored = read_item(item, cls)
        return stored and msgspec.structs.replace(stored, entity=stored.entity.removeprefix(CASE_PREFIX))


def joined(case: ReviewCase, alerts: Iterable[AlertSummary]) -> Mapping[str, Any]:
    """Return the fields of a case with alerts in it, kept as long as the longest of them."""
    some = list(alerts)
    ends = [end for end in (case.expires_at, *(each.expires_at for each in some)) if end is not None]
    ids = tuple(dict.fromkeys([*case.alerts, *(each.transaction_id for each in some)]))
    return {"alerts": ids, "expires_at": max(ends, default=None)}


def joined_open(case: ReviewCase, alerts: Iterable[AlertSummary]) -> Mapping[str, Any]:
    """Return the fields of a case with open alerts in it: it is open with them, whoever closed it meanwhile."""
    return {**joined(case, alerts), "status": AlertStatus.OPEN, "closed_at": None}


def open_among(cases: Iterable[ReviewCase]) -> ReviewCase | None:
    """Return the first open one of some cases; None where none is open."""
    return next((case for case in cases if case.status is AlertStatus.OPEN), None)


def decider_of(case: ReviewCase, transaction_id: str, since: int = 0) -> str | None:
    """Return the ARN of who decided about a transaction last, by its case's history; None where that is not said.

    Args:
        case: with its history.
        transaction_id: which transaction.
        since: epoch milliseconds: what was decided before does not count.
    """
    decided = (
        event.by
        for event in reversed(case.events)
        # Behind what was found stand the ids: none holds a space.
        if event.what in _CLOSING and event.at >= since and transaction_id in event.text.rpartition(": ")[2].split(", ")
    )
    return next(decided, None)


def names_any(case: ReviewCase, names: AbstractSet[str]) -> bool:
    """Return whether a case holds one of some transactions, or its history names one of them or of some tokens."""
    return without(case, names) != case


def without(case: ReviewCase, names: AbstractSet[str]) -> ReviewCase:
    """Return a case without some transactions and tokens: what was done stays, and they go from its texts."""
    return msgspec.structs.replace(
        case,
        alerts=tuple(each for each in case.alerts if each not in names),
        events=tuple(msgspec.structs.replace(event, text=without_names(event.text, names)) for event in case.events),
    )


def closer_of(case: ReviewCase | None, alert: AlertSummary) -> str | None:
    """Return the ARN of who closed an alert by deciding its case, or the case; None where its history names nobody.

    A label that came later, as from a chargeback, has closed the alert anew.
    """
    if case is None or alert.closed_at is None:
        return None
    return decider_of(case, alert.transaction_id, alert.closed_at)


def case_key(case_id: str) -> dict[str, AttributeValue]:
    """Return the key of a case in the table of alerts; no transaction's id has such a sign."""
    return {"transactionId": {"S": f"{CASE_PREFIX}{case_id}"}}


def case_entity(entity: str) -> str:
    """Return what stands for an entity in the index of cases beside alerts."""
    return f"{CASE_PREFIX}{entity}"


def new_case_id(entity: str, after: str | None) -> str:
    """Return the id of an entity's case: the same for two people who open it at once.

    Args:
        entity: such as `customer#tok_…`.
        after: the id of the case before it; None for the first.
    """
    return hashlib.sha256(f"{entity}#{after or 0}".encode()).hexdigest()[:_ID_DIGITS]

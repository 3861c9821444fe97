"""What is known of an alert: it and what its transaction says, and which alerts ask one question together."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from fraudstream.durations import HOUR
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.decisions.expected_loss import expected_loss, likelihood
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES
from fraudstream.transactions.storage.attributes import AttributeValue
from fraudstream.transactions.transaction import Channel, TransactionType
from fraudstream_tools.operations.stored_items import read_item
from fraudstream_tools.rules.taken_names import MODEL, MODEL_CODES

_WINDOW: Final = HOUR
"""Milliseconds; own choice: alerts of one customer that are no further apart ask one question."""


class AlertStatus(StrEnum):
    """Whether somebody has yet to look at it."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class AlertSummary(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An alert as it is stored, with what its transaction says of it. Times are epoch milliseconds."""

    transaction_id: str
    timestamp: int
    """The transaction's own."""
    created_at: int
    """When the alert was raised."""
    status: AlertStatus
    decision: Verdict
    score: int
    """0 to 100."""
    reason_codes: str
    """Separated by commas."""
    entity: str
    """`customer#` and the customer's token."""
    expires_at: int | None = None
    """Epoch seconds."""
    closed_at: int | None = None
    label: Truth | None = None
    """What it was closed with; None too where its transaction is approved after all."""
    assignee: str | None = None
    """The ARN of who works on it; None where nobody does."""
    assigned_at: int | None = None
    exploration_propensity: float | None = None
    """Its transaction was approved, and drawn by chance with this probability; None: it was flagged."""
    case_id: str | None = None
    """The case that the alert was taken with, which all alerts have that somebody took together; it stays when they are
    closed or given back."""

    amount_minor: int | None = None
    """None, like all below, where the transaction is not stored any more."""
    currency: str | None = None
    type: TransactionType | None = None
    channel: Channel | None = None
    card: str | None = None
    """Its token."""
    rules: tuple[str, ...] = ()
    """Ids of the rules behind it, strongest first, and `model` where one took part."""
    probability: float | None = None
    """Probability of fraud, by its decision; None also where nothing was calibrated."""
    amount_base: float | None = None
    """In the base currency; None also without exchange rates."""

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "AlertSummary | None":
        """Read an alert's item; None for one that is none."""
        return read_item(item, cls)

    @property
    def has_transaction(self) -> bool:
        """Whether its transaction was stored when the alert was read: each expires by itself."""
        return self.amount_minor is not None

    @property
    def expected_loss(self) -> float:
        """What a look at it is worth; 0 where no amount can be compared."""
        return expected_loss(self.probability, self.score, self.amount_base)

    @property
    def likelihood(self) -> float:
        """How likely it is fraud, by its probability or else its score."""
        return likelihood(self.probability, self.score)

    @property
    def customer(self) -> str:
        """The customer's token."""
        return self.entity.partition("#")[2]


def rules_of(reasons: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the rules behind a decision's reasons, each once, with `model` in place of what a model weighed.

    What a transaction was judged without is no rule: such a reason's source is a file, or an entity's key.

    Args:
        reasons: with `code` and `source`, as they are stored.
    """
    sources = (
        MODEL if code.startswith(MODEL_CODES) else reason["source"]
        for reason in reasons
        if (code := reason["code"]).startswith(MODEL_CODES) or code not in NO_RULES_CODES
    )
    return tuple(dict.fromkeys(sources))


def grouped(alerts: Iterable[AlertSummary]) -> list[list[AlertSummary]]:
    """Group alerts of one customer that are no further than an hour apart.

    Args:
        alerts: newest first; so are the groups, by their newest alert.
    """
    groups: list[list[AlertSummary]] = []
    newest: dict[str, list[AlertSummary]] = {}
    for alert in alerts:
        group = newest.get(alert.entity)
        if group is None or group[-1].created_at - alert.created_at > _WINDOW:
            group = newest[alert.entity] = []
            groups.append(group)
        group.append(alert)
    return groups

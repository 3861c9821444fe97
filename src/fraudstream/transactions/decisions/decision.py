"""What was decided about a transaction, and what turned out to be true of it. Codes and numbers only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from fraudstream.transactions.decisions import rule_ids
from fraudstream.transactions.storage.attributes import (
    AttributeValue,
    Item,
    from_item,
    own_values,
    readable_values,
    to_item,
)

_PLAIN_IDS: Final = "unevaluableRules"
"""As 0.1.0 stored them: a list of strings."""
_PACKED_IDS: Final = "unevaluable"
MAX_SCORE: Final = 100
"""The least is 0."""


class Verdict(StrEnum):
    """The three decisions."""

    APPROVE = "APPROVE"
    REVIEW = "REVIEW"
    DECLINE = "DECLINE"


class Truth(StrEnum):
    """The two labels; no label means that nothing is known."""

    FRAUD = "FRAUD"
    LEGITIMATE = "LEGITIMATE"


class FraudType(StrEnum):
    """The kinds of fraud that a label can name."""

    STOLEN_CARD = "STOLEN_CARD"
    """A card that was lost, stolen, or never reached its holder."""
    COUNTERFEIT_CARD = "COUNTERFEIT_CARD"
    STOLEN_CARD_DATA = "STOLEN_CARD_DATA"
    """The card's number, used by somebody who does not have the card."""
    ACCOUNT_TAKEOVER = "ACCOUNT_TAKEOVER"
    APPLICATION_FRAUD = "APPLICATION_FRAUD"
    """An account or card that was opened under a false or another person's name."""
    AUTHORIZED_SCAM = "AUTHORIZED_SCAM"
    """The customer paid, deceived about whom or what for."""
    FIRST_PARTY = "FIRST_PARTY"
    """The customer paid, and denies it or does not mean to pay."""
    OTHER = "OTHER"


class Action(StrEnum):
    """What the client did with a payment, whatever was decided."""

    BLOCKED = "BLOCKED"
    """The money did not move."""
    CHALLENGED = "CHALLENGED"
    """More proof was asked for and given, and the money moved."""
    ALLOWED = "ALLOWED"
    """The money moved."""
    REVERSED = "REVERSED"
    """The money moved, and was taken back whole."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why: one rule's or feature's part in a decision."""

    code: str
    """Stable reason code, such as `CARD_VELOCITY`; `decisions.reasons` has a sentence for each."""
    source: str
    """The id of the rule, or the name of the feature, behind it."""
    points: float = 0.0
    """Its contribution to the score; 0 for what forces a decision or only informs."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A decision as it is stored on its transaction."""

    decision: Verdict
    score: int
    """0 to 100."""
    probability: float | None = None
    """Probability of fraud that somebody reports sooner or later, three digits; None where nothing was calibrated."""
    reasons: tuple[Reason, ...] = ()
    """Strongest first."""
    features: bytes = b""
    """The feature vector, packed by `fraudstream.detection.features.codec`."""
    unevaluable_rules: tuple[str, ...] = ()
    """Ids of rules that could not be judged, because a field that they need was missing."""
    shadow_hits: tuple[str, ...] = ()
    """Ids of shadow rules that would have hit."""
    ruleset_version: str
    model_version: str | None = None
    """The model that took part; None where rules decided alone."""
    shadow_model: str | None = None
    """Version of the model that was watched beside it."""
    shadow_score: int | None = None
    """The score that rules and the shadow model together would have given."""
    listed_as: tuple[str, ...] = ()
    """On which lists its entities were, such as `blocked:card`, by items of the table; those of lists.yaml follow from
    the ruleset's version."""
    exploration_propensity: float | None = None
    """Probability with which an approval was put into the review queue by chance; else None."""
    decided_at: int
    """Epoch milliseconds."""

    def to_item(self) -> Item:
        """Return the attributes that a decision adds to its transaction's item."""
        values = msgspec.to_builtins(self, builtin_types=(bytes,))
        if ids := values.pop(_PLAIN_IDS, ()):
            values[_PACKED_IDS] = rule_ids.pack(tuple(ids))
        return to_item(values)

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "Decision | None":
        """Read the decision from a transaction's item or stream image; None while there is none."""
        if "decision" not in item:
            return None
        own = {name: item[name] for name in (*cls.__struct_encode_fields__, _PACKED_IDS) if name in item}
        return msgspec.convert(_with_plain_ids(from_item(own)), cls, builtin_types=(bytes,))


def plain_values(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return what can be read of a transaction's attributes, by the names that 0.1.0 stored them by."""
    return _with_plain_ids(readable_values(item))


def _with_plain_ids(values: dict[str, Any]) -> dict[str, Any]:
    if packed := values.pop(_PACKED_IDS, None):
        values[_PLAIN_IDS] = rule_ids.unpack(packed)
    return values


_Moment = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Epoch milliseconds to the end of the year 9999: no reader of JSON takes whatever number DynamoDB can hold."""


class Label(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What turned out to be true, as it is stored on its transaction."""

    label: Truth
    label_source: str
    labeled_at: _Moment
    """Epoch milliseconds."""
    fraud_type: str | None = None
    """One of `FraudType`, or of those that a later version knows; None where nobody ever named one."""
    fraud_type_at: _Moment | None = None
    """When that was said, epoch milliseconds: an earlier label may have named it."""
    label_approved_at: _Moment | None = None
    """Where labels need two people: when the second one approved it, epoch milliseconds; 0 while it waits."""
    label_approved_by: str | None = None
    """The ARN of that person, for people who look at it: functions go by marks alone."""

    @property
    def kind_of_fraud(self) -> str | None:
        """The type, if the label says fraud."""
        return self.fraud_type if self.label is Truth.FRAUD else None

    def to_item(self) -> Item:
        """Return the attributes that a label adds to its transaction's item."""
        return to_item(msgspec.to_builtins(self))

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "Label | None":
        """Read the label from a transaction's item or stream image; None while there is none."""
        if "label" not in item:
            return None
        return msgspec.convert(own_values(item, cls), cls)


class ActionTaken(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the client did, as it is stored on its transaction."""

    action_taken: str
    """One of `Action`, or of those that a later version knows."""
    action_at: _Moment
    """Epoch milliseconds."""

    def to_item(self) -> Item:
        """Return the attributes that it adds to its transaction's item."""
        return to_item(msgspec.to_builtins(self))

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "ActionTaken | None":
        """Read what was done from a transaction's item or stream image; None while nobody said."""
        if "actionTaken" not in item:
            return None
        return msgspec.convert(own_values(item, cls), cls)

"""Advice on strong customer authentication (SCA) beside an inline decision, as it is answered, stored and logged."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta


class ScaExemption(StrEnum):
    """Exemptions of Regulation (EU) 2018/389 that advice speaks of."""

    TRA = "TRA"
    """Transaction risk analysis, article 18."""
    LOW_VALUE = "LOW_VALUE"
    """Article 16."""
    NONE = "NONE"


class ScaReason(StrEnum):
    """Why an exemption is advised, or is not."""

    COUNTER_KNOWN = "COUNTER_KNOWN"
    """Low value: the payer's counter is within its limit, with this payment."""
    ISSUER_COUNTS = "ISSUER_COUNTS"
    """Low value, at an acquirer that was not told the counter: the payer's provider knows it, and may refuse."""
    LOW_RISK = "LOW_RISK"
    """Transaction risk analysis found nothing, and the provider's fraud rate allows the amount."""

    STRONG_APPLIED = "STRONG_APPLIED"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    """The client said that nobody asks for it."""
    NOT_REMOTE = "NOT_REMOTE"
    """It is neither a remote card payment nor a remote transfer."""
    PAYERS_PROVIDER_DECIDES = "PAYERS_PROVIDER_DECIDES"
    """A transfer: the payee's provider has no exemption to use."""
    NO_EXCHANGE_RATE = "NO_EXCHANGE_RATE"
    """The limits are in euros."""
    RISK = "RISK"
    """It was not approved, a rule or the model speaks against it, or something could not be read."""
    ABOVE_LOW_VALUE = "ABOVE_LOW_VALUE"
    COUNTER_UNKNOWN = "COUNTER_UNKNOWN"
    COUNTER_USED_UP = "COUNTER_USED_UP"
    NO_FRAUD_RATE = "NO_FRAUD_RATE"
    """The settings tell none for this type of payment."""
    ABOVE_BAND = "ABOVE_BAND"
    """The provider's fraud rate does not allow the amount."""
    PLACE_UNKNOWN = "PLACE_UNKNOWN"
    """Risk analysis has to know where the payer is."""
    HISTORY_UNKNOWN = "HISTORY_UNKNOWN"
    """Risk analysis has to know what the payer usually spends."""


class ScaAdvice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether strong customer authentication may be left out, and why."""

    exemption: ScaExemption
    band: Annotated[
        int | None,
        Meta(description="TRA: amounts up to so many euros are exempt at the provider's fraud rate; else left out."),
    ] = None
    why: Annotated[tuple[ScaReason, ...], Meta(description="Reason codes; of NONE one for each exemption.")]

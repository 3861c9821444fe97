"""Codes of the JSON report. What they mean in words is said where the page is rendered."""

from enum import StrEnum


class ComparedFigure(StrEnum):
    """A figure that is compared with that of other days."""

    TRANSACTIONS = "TRANSACTIONS"
    REVIEWED = "REVIEWED"
    DECLINED = "DECLINED"
    FRAUD_RATE = "FRAUD_RATE"
    VALUE = "VALUE"


class ChangedFigure(StrEnum):
    """A figure that stands for the whole, and which a revision may change."""

    STORED = "STORED"
    DECIDED = "DECIDED"
    LOGGED = "LOGGED"
    UNDECIDED = "UNDECIDED"
    MISSING_FROM_LOG = "MISSING_FROM_LOG"
    APPROVED = "APPROVED"
    REVIEWED = "REVIEWED"
    DECLINED = "DECLINED"
    LABELLED = "LABELLED"
    LABELLED_FRAUD = "LABELLED_FRAUD"
    CAUGHT = "CAUGHT"
    LEGITIMATE_STOPPED = "LEGITIMATE_STOPPED"
    VALUE = "VALUE"
    FRAUD_VALUE = "FRAUD_VALUE"
    CAUGHT_VALUE = "CAUGHT_VALUE"


class MeterName(StrEnum):
    """A ratio that the payment industry watches."""

    PSD2_REMOTE_CARD = "PSD2_REMOTE_CARD"
    PSD2_REMOTE_TRANSFER = "PSD2_REMOTE_TRANSFER"
    VAMP_RATIO = "VAMP_RATIO"
    VAMP_ENUMERATION = "VAMP_ENUMERATION"


class BandName(StrEnum):
    """A limit of a meter."""

    EXEMPTION_EUR_500 = "EXEMPTION_EUR_500"
    EXEMPTION_EUR_250 = "EXEMPTION_EUR_250"
    EXEMPTION_EUR_100 = "EXEMPTION_EUR_100"
    ABOVE_STANDARD = "ABOVE_STANDARD"
    EXCESSIVE = "EXCESSIVE"


class MeterVerdict(StrEnum):
    """What a meter's ratio amounts to."""

    WITHIN_EXEMPTION = "WITHIN_EXEMPTION"
    ABOVE_EXEMPTIONS = "ABOVE_EXEMPTIONS"
    BELOW_LIMITS = "BELOW_LIMITS"
    LIMIT_REACHED = "LIMIT_REACHED"
    TOO_FEW = "TOO_FEW"
    """The ratio reaches a limit, but there are fewer in the month than the scheme acts on."""


class NotMeasurable(StrEnum):
    """Why a meter has no ratio."""

    NO_PAYMENT = "NO_PAYMENT"
    NO_LABEL = "NO_LABEL"

"""The words for the codes of a report."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fraudstream.reporting.daily.figures.industry_ratios import VAMP_DISPUTED, VAMP_ENUMERATED
from fraudstream.reporting.daily.schema.codes import (
    BandName,
    ChangedFigure,
    ComparedFigure,
    MeterName,
    MeterVerdict,
    NotMeasurable,
)
from fraudstream.reporting.daily.schema.trends import Meter
from fraudstream.reporting.log.verification.against_chain import LogProblem

COMPARED: Final[Mapping[ComparedFigure, str]] = {
    ComparedFigure.TRANSACTIONS: "transactions",
    ComparedFigure.REVIEWED: "reviewed",
    ComparedFigure.DECLINED: "declined",
    ComparedFigure.FRAUD_RATE: "fraud rate",
    ComparedFigure.VALUE: "value",
}
CHANGED: Final[Mapping[ChangedFigure, str]] = {
    ChangedFigure.STORED: "transactions stored",
    ChangedFigure.DECIDED: "transactions decided",
    ChangedFigure.LOGGED: "transactions logged",
    ChangedFigure.UNDECIDED: "transactions undecided",
    ChangedFigure.MISSING_FROM_LOG: "transactions missing from the log",
    ChangedFigure.APPROVED: "approved",
    ChangedFigure.REVIEWED: "reviewed",
    ChangedFigure.DECLINED: "declined",
    ChangedFigure.LABELLED: "labelled",
    ChangedFigure.LABELLED_FRAUD: "labelled fraud",
    ChangedFigure.CAUGHT: "labelled fraud and caught",
    ChangedFigure.LEGITIMATE_STOPPED: "labelled legitimate, but reviewed or declined",
    ChangedFigure.VALUE: "value",
    ChangedFigure.FRAUD_VALUE: "value labelled fraud",
    ChangedFigure.CAUGHT_VALUE: "value labelled fraud and caught",
}
PROBLEMS: Final[Mapping[LogProblem, str]] = {
    LogProblem.LINK_MISSING: "a link of the chain is missing, before number",
    LogProblem.LINK_FORGED: "a link of the chain was not made by fraudstream, number",
    LogProblem.HOUR_UNCHAINED: "this hour was not merged by fraudstream",
    LogProblem.NOTE_CHANGED: "the note on this hour was changed or deleted",
    LogProblem.FILE_CHANGED: "this file was changed or deleted",
    LogProblem.FILE_ADDED: "this file was not written by fraudstream",
    LogProblem.SEGMENT_ADDED: "this came in after its hour was merged for good",
}


class MeterWords(NamedTuple):
    """What a meter is."""

    name: str
    definition: str
    source: str


_PSD2: Final = "Commission Delegated Regulation (EU) 2018/389, articles 18 and 19 and annex"
_VAMP: Final = "Visa Acquirer Monitoring Program, as of April 2026"
_FRAUD_RATE: Final = (
    "Value of payments labelled fraud, of the value of all payments of the kind made from afar in 90 days, without "
    "those that the issuer declined; each currency by itself."
)
METERS: Final[Mapping[MeterName, MeterWords]] = {
    MeterName.PSD2_REMOTE_CARD: MeterWords("PSD2 fraud rate, remote card payments", _FRAUD_RATE, _PSD2),
    MeterName.PSD2_REMOTE_TRANSFER: MeterWords("PSD2 fraud rate, remote credit transfers", _FRAUD_RATE, _PSD2),
    MeterName.VAMP_RATIO: MeterWords(
        "VAMP ratio",
        "Payments labelled fraud and chargebacks (one for fraud is both), of card payments without the card present in "
        "the calendar month so far, without those that the issuer declined; whatever the card's scheme.",
        _VAMP,
    ),
    MeterName.VAMP_ENUMERATION: MeterWords(
        "VAMP enumeration ratio",
        "Payments on which a rule for card testing hit, declined by the issuer or not, of card payments without the "
        "card present in the calendar month so far that the issuer did not decline.",
        _VAMP,
    ),
}
BANDS: Final[Mapping[BandName, str]] = {
    BandName.EXEMPTION_EUR_500: "EUR 500",
    BandName.EXEMPTION_EUR_250: "EUR 250",
    BandName.EXEMPTION_EUR_100: "EUR 100",
    BandName.ABOVE_STANDARD: "above standard",
    BandName.EXCESSIVE: "excessive",
}
_NEEDED: Final[Mapping[MeterName, int]] = {
    MeterName.VAMP_RATIO: VAMP_DISPUTED,
    MeterName.VAMP_ENUMERATION: VAMP_ENUMERATED,
}
_NOT_MEASURABLE: Final[Mapping[NotMeasurable, str]] = {
    NotMeasurable.NO_PAYMENT: "no such payment",
    NotMeasurable.NO_LABEL: "no label of such a payment",
}


def verdict_of(meter: Meter) -> str:
    """Return what a meter's ratio amounts to, or why it has none."""
    band = "" if meter.band is None else BANDS[meter.band]
    match meter.verdict:
        case None:
            return _NOT_MEASURABLE.get(meter.why_not or NotMeasurable.NO_PAYMENT, "")
        case MeterVerdict.WITHIN_EXEMPTION:
            return f"within the exemption up to {band}"
        case MeterVerdict.ABOVE_EXEMPTIONS:
            return "above every exemption band"
        case MeterVerdict.BELOW_LIMITS:
            return "below every limit"
        case MeterVerdict.LIMIT_REACHED:
            return band
        case MeterVerdict.TOO_FEW:
            return f"{band}, were there {_NEEDED[meter.name]:,} in the month"


def merchant_category(code: str) -> str:
    """Return what merchants of a category sell; nothing of a code that nobody describes.

    The descriptions are those of ISO 18245, and for the card schemes' own codes those of their published lists.
    """
    import iso18245  # noqa: PLC0415  (it reads its lists, which the log's writer needs not)

    try:
        entry = iso18245.get_mcc(code)
    except (iso18245.MCCNotFound, iso18245.InvalidMCC):
        return ""
    return entry.iso_description or entry.usda_description or entry.visa_description or entry.stripe_description

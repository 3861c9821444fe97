"""Reads the JSON reports that this version and earlier ones wrote."""

from typing import Any, Final

import msgspec

from fraudstream.reporting.daily.schema.codes import ChangedFigure
from fraudstream.reporting.daily.schema.report import REPORT_SCHEMA_VERSION, DailyReport
from fraudstream.transactions.decisions.reasons import NO_RULES_CODES

_WITH_SENTENCES: Final = 3
"""The version that had sentences where there are codes now, and the model's features among the rules."""
_FIGURES: Final = {
    "transactions stored": ChangedFigure.STORED,
    "transactions decided": ChangedFigure.DECIDED,
    "transactions logged": ChangedFigure.LOGGED,
    "transactions undecided": ChangedFigure.UNDECIDED,
    "transactions missing from the log": ChangedFigure.MISSING_FROM_LOG,
    "approved": ChangedFigure.APPROVED,
    "reviewed": ChangedFigure.REVIEWED,
    "declined": ChangedFigure.DECLINED,
    "labelled": ChangedFigure.LABELLED,
    "labelled fraud": ChangedFigure.LABELLED_FRAUD,
    "labelled fraud and caught": ChangedFigure.CAUGHT,
    "labelled legitimate, but reviewed or declined": ChangedFigure.LEGITIMATE_STOPPED,
    "value": ChangedFigure.VALUE,
    "value labelled fraud": ChangedFigure.FRAUD_VALUE,
    "value labelled fraud and caught": ChangedFigure.CAUGHT_VALUE,
}
"""The sentences of version 3 for the figures that a revision changed."""


def read_report(content: bytes) -> DailyReport | None:
    """Return a report as today's structure; None if it is of a version that is not known.

    Of a report of version 3, what it says of other days is left out.
    """
    report = msgspec.json.decode(content)
    if report["schemaVersion"] == _WITH_SENTENCES:
        report = _without_sentences(report)
    elif report["schemaVersion"] != REPORT_SCHEMA_VERSION:
        return None
    return msgspec.convert(report, DailyReport)


def _without_sentences(report: dict[str, Any]) -> dict[str, Any]:
    no_rules = {each["source"] for each in report["rules"] if each["code"] in NO_RULES_CODES}
    return {
        **report,
        "revision": {
            **report["revision"],
            "changes": [
                {**each, "figure": code}
                for each in report["revision"]["changes"]
                if (code := _FIGURES.get(each["figure"])) is not None
            ],
        },
        "rules": [each for each in report["rules"] if each["source"] not in no_rules],
        "overlaps": [each for each in report["overlaps"] if no_rules.isdisjoint((each["first"], each["second"]))],
        "bursts": [each for each in report["bursts"] if each["source"] not in no_rules],
        "past": {},
    }

"""What a new revision of a report says otherwise than the one before it."""

from collections.abc import Iterator

import msgspec

from fraudstream.reporting.daily.schema.codes import ChangedFigure
from fraudstream.reporting.daily.schema.report import Change, DailyReport, Revision

_NOT_SAID = {"schema_version", "as_of", "revision", "date", "past"}
Figure = tuple[ChangedFigure, str | None]
"""A figure, and its currency if it is a value."""


def with_revision(before: DailyReport, now: DailyReport) -> DailyReport:
    """Return a report as the revision after another one of the same day."""
    old, new = dict(_figures(before)), dict(_figures(now))
    changes = tuple(
        Change(figure=name, currency=currency, before=old.get((name, currency), 0), after=new.get((name, currency), 0))
        for name, currency in dict.fromkeys([*new, *old])
        if old.get((name, currency), 0) != new.get((name, currency), 0)
    )
    parts = tuple(
        field.encode_name
        for field in msgspec.structs.fields(DailyReport)
        if field.name not in _NOT_SAID and getattr(before, field.name) != getattr(now, field.name)
    )
    revision = Revision(number=before.revision.number + 1, content=now.revision.content, changes=changes, parts=parts)
    return msgspec.structs.replace(now, revision=revision)


def _figures(report: DailyReport) -> Iterator[tuple[Figure, int]]:
    reconciliation, labels, decisions = report.reconciliation, report.labels, report.decisions
    yield (ChangedFigure.STORED, None), reconciliation.stored
    yield (ChangedFigure.DECIDED, None), reconciliation.decided
    yield (ChangedFigure.LOGGED, None), reconciliation.logged
    yield (ChangedFigure.UNDECIDED, None), len(reconciliation.undecided)
    yield (ChangedFigure.MISSING_FROM_LOG, None), len(reconciliation.table.missing)
    yield (ChangedFigure.APPROVED, None), decisions.approve
    yield (ChangedFigure.REVIEWED, None), decisions.review
    yield (ChangedFigure.DECLINED, None), decisions.decline
    yield (ChangedFigure.LABELLED, None), labels.labelled
    yield (ChangedFigure.LABELLED_FRAUD, None), labels.fraud
    yield (ChangedFigure.CAUGHT, None), labels.fraud_caught
    yield (ChangedFigure.LEGITIMATE_STOPPED, None), labels.legitimate_stopped
    for each in report.currencies:
        yield (ChangedFigure.VALUE, each.currency), each.value
        yield (ChangedFigure.FRAUD_VALUE, each.currency), each.fraud_value
        yield (ChangedFigure.CAUGHT_VALUE, each.currency), each.caught_value

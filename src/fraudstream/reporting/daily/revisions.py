"""What a new revision of a report says otherwise than the one before it, and the summary that keeps all of them."""

from collections.abc import Iterator

import msgspec

from fraudstream.reporting.daily.schema.codes import ChangedFigure
from fraudstream.reporting.daily.schema.day_summary import DayFigure, DaySummary, DayValue, FigureChange, PastRevision
from fraudstream.reporting.daily.schema.report import Change, DailyReport, Revision

_NOT_SAID = {"schema_version", "as_of", "revision", "date", "past", "people"}
_CODES = frozenset(map(str, ChangedFigure))
Figure = tuple[ChangedFigure, str | None]
"""A figure, and its currency if it is a value."""


def with_revision(report: DailyReport, known: DaySummary, before: DailyReport | None) -> DailyReport:
    """Return a report as the next revision of its day's.

    Args:
        report: of the day, as a first revision.
        known: what is kept of the day.
        before: the report that is stored; None if this version cannot read it. What changed beside the figures that
            stand for the whole is not known then.
    """
    last = known.revisions[-1]
    if last.content == report.revision.content:
        # It was written to the summary, and no further.
        changes = tuple(
            Change(figure=ChangedFigure(each.figure), currency=each.currency, before=each.before, after=each.after)
            for each in last.changes
            if each.figure in _CODES
        )
        revision = Revision(number=last.number, content=last.content, changes=changes, parts=last.parts)
        return msgspec.structs.replace(report, revision=revision)
    old = {(ChangedFigure(each.figure), each.currency): each.value for each in known.figures if each.figure in _CODES}
    new = dict(_figures(report))
    changes = tuple(
        Change(figure=name, currency=currency, before=old.get((name, currency), 0), after=value)
        for name, currency in dict.fromkeys([*new, *old])
        if old.get((name, currency), 0) != (value := new.get((name, currency), 0))
    )
    parts = tuple(
        field.encode_name
        for field in msgspec.structs.fields(DailyReport)
        if before and field.name not in _NOT_SAID and getattr(before, field.name) != getattr(report, field.name)
    )
    revision = Revision(number=last.number + 1, content=report.revision.content, changes=changes, parts=parts)
    return msgspec.structs.replace(report, revision=revision)


def summary_of(report: DailyReport, known: DaySummary | None = None) -> DaySummary:
    """Return what is kept of a day.

    Args:
        report: the newest of the day.
        known: what was kept before; None if nothing was.
    """
    revisions = {each.number: each for each in known.revisions} if known else {}
    revision = report.revision
    revisions[revision.number] = PastRevision(
        number=revision.number,
        content=revision.content,
        as_of=report.as_of,
        changes=tuple(
            FigureChange(figure=each.figure, currency=each.currency, before=each.before, after=each.after)
            for each in revision.changes
        ),
        parts=revision.parts,
    )
    return DaySummary(
        date=report.date,
        decisions=report.decisions,
        labelled=report.labels.labelled,
        fraud=report.labels.fraud,
        stopped_labelled=report.labels.stopped,
        values=tuple(
            DayValue(currency=each.currency, count=each.count, value=each.value) for each in report.currencies
        ),
        hours=tuple(each.decisions for each in report.hours),
        scores=report.scores,
        payments=report.payments,
        exemptions=report.exemptions,
        entities=tuple(each.token for each in report.entities),
        rules=tuple(each.source for each in report.rules if each.hits),
        open_alerts=report.open_alerts,
        costliest_alerts=report.costliest_alerts,
        figures=tuple(
            DayFigure(figure=name, currency=currency, value=value) for (name, currency), value in _figures(report)
        ),
        revisions=tuple(revisions[number] for number in sorted(revisions)),
    )


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

"""What a new revision of a report says otherwise than the one before it."""

from collections.abc import Iterator

import msgspec

from fraudstream.reporting.daily.schema.report import Change, DailyReport, Revision

_NOT_SAID = {"schema_version", "as_of", "revision", "date", "past"}
Figure = tuple[str, str | None]
"""A figure's name, and its currency if it is a value."""


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
    yield ("transactions stored", None), reconciliation.stored
    yield ("transactions decided", None), reconciliation.decided
    yield ("transactions logged", None), reconciliation.logged
    yield ("transactions undecided", None), len(reconciliation.undecided)
    yield ("transactions missing from the log", None), len(reconciliation.table.missing)
    yield ("approved", None), decisions.approve
    yield ("reviewed", None), decisions.review
    yield ("declined", None), decisions.decline
    yield ("labelled", None), labels.labelled
    yield ("labelled fraud", None), labels.fraud
    yield ("labelled fraud and caught", None), labels.fraud_caught
    yield ("labelled legitimate, but reviewed or declined", None), labels.legitimate_stopped
    for each in report.currencies:
        yield ("value", each.currency), each.value
        yield ("value labelled fraud", each.currency), each.fraud_value
        yield ("value labelled fraud and caught", each.currency), each.caught_value

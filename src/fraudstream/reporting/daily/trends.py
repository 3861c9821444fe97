"""A day beside the days before it, from their reports."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from fraudstream.reporting.daily.figures.comparisons import compare, score_psi
from fraudstream.reporting.daily.figures.industry_ratios import meters
from fraudstream.reporting.daily.figures.worklists import OPEN_ALERTS
from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.daily.schema.trends import Past, PastDay, SilentRule

COMPARED_DAYS: Final = 28
"""Four whole weeks: each day of the week counts as often."""


def look_back(report: DailyReport, before: Mapping[date, DailyReport]) -> Past:
    """Compare a day with others.

    Args:
        report: of the day.
        before: of the 89 days before it, those that there are.
    """
    day = date.fromisoformat(report.date)
    near = {
        each: before[each] for each in sorted(before, reverse=True) if day - timedelta(days=COMPARED_DAYS) <= each < day
    }
    named = {entity.token for past in near.values() for entity in past.entities}
    return Past(
        days=tuple(_past_day(past) for past in near.values()),
        comparisons=tuple(compare(report, near)),
        meters=tuple(meters(report, before)),
        silent_rules=_silent(report, near),
        new_entities=tuple(each.token for each in report.entities if near and each.token not in named),
        score_psi=score_psi(report.scores, [past.scores for past in near.values()]),
        open_alerts=tuple(each for past in reversed(near.values()) for each in past.open_alerts)[:OPEN_ALERTS],
    )


def _past_day(report: DailyReport) -> PastDay:
    return PastDay(
        date=report.date,
        decided=report.decisions.total,
        review=report.decisions.review,
        decline=report.decisions.decline,
        fraud=report.labels.fraud,
        waiting=report.decisions.stopped - report.labels.stopped,
        hours=tuple(hour.decisions.total for hour in report.hours),
        stopped_hours=tuple(hour.decisions.stopped for hour in report.hours),
    )


def _silent(report: DailyReport, near: Mapping[date, DailyReport]) -> tuple[SilentRule, ...]:
    hit = {rule.source for rule in report.rules if rule.hits}
    last: dict[str, str] = {}
    # The newest first.
    for past in near.values():
        for rule in past.rules:
            if rule.hits and rule.source not in hit:
                last.setdefault(rule.source, past.date)
    return tuple(SilentRule(source=source, last_hit=last[source]) for source in sorted(last))

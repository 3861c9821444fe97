"""A day beside the days before it, from what is kept of them."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from fraudstream.reporting.daily.figures.comparisons import compare, score_psi
from fraudstream.reporting.daily.figures.exemptions import exemptions_used
from fraudstream.reporting.daily.figures.industry_ratios import meters
from fraudstream.reporting.daily.figures.worklists import OPEN_ALERTS, costliest_first
from fraudstream.reporting.daily.schema.day_summary import DaySummary
from fraudstream.reporting.daily.schema.trends import Past, PastDay, SilentRule

COMPARED_DAYS: Final = 28
"""Four whole weeks: each day of the week counts as often."""


def look_back(summary: DaySummary, before: Mapping[date, DaySummary]) -> Past:
    """Compare a day with others.

    Args:
        summary: of the day.
        before: of the 89 days before it, those that there are.
    """
    day = date.fromisoformat(summary.date)
    near = {
        each: before[each] for each in sorted(before, reverse=True) if day - timedelta(days=COMPARED_DAYS) <= each < day
    }
    measured = tuple(meters(summary, before))
    named = {token for past in near.values() for token in past.entities}
    return Past(
        days=tuple(_past_day(past) for past in near.values()),
        comparisons=tuple(compare(summary, near)),
        meters=measured,
        exemptions=tuple(exemptions_used(summary, before, measured)),
        silent_rules=_silent(summary, near),
        new_entities=tuple(token for token in summary.entities if near and token not in named),
        score_psi=score_psi(summary.scores, [past.scores for past in near.values()]),
        open_alerts=tuple(each for past in reversed(near.values()) for each in past.open_alerts)[:OPEN_ALERTS],
        costliest_alerts=costliest_first(each for past in near.values() for each in past.costliest_alerts),
    )


def _past_day(day: DaySummary) -> PastDay:
    return PastDay(
        date=day.date,
        decided=day.decisions.total,
        review=day.decisions.review,
        decline=day.decisions.decline,
        fraud=day.fraud,
        waiting=day.decisions.stopped - day.stopped_labelled,
        hours=tuple(hour.total for hour in day.hours),
        stopped_hours=tuple(hour.stopped for hour in day.hours),
    )


def _silent(summary: DaySummary, near: Mapping[date, DaySummary]) -> tuple[SilentRule, ...]:
    last: dict[str, str] = {}
    # The newest first.
    for past in near.values():
        for rule in past.rules:
            if rule not in summary.rules:
                last.setdefault(rule, past.date)
    return tuple(SilentRule(source=source, last_hit=last[source]) for source in sorted(last))

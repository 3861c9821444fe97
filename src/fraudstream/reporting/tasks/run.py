"""Runs the task that the report generator is asked for."""

from collections.abc import Mapping
from typing import Any

from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.tasks.asked import TASKS, UnknownEventError, day_of, hour_of
from fraudstream.reporting.tasks.log_repairs import chain_hours, merge_rebuilt, rebuild_log, verify_log
from fraudstream.reporting.tasks.means import Means
from fraudstream.reporting.tasks.reports import roll_up, write_report


def run(event: Any, means: Means) -> Mapping[str, Any]:  # noqa: ANN401  (anyone may ask for anything)
    """Run one task.

    Args:
        event: `hourly-roll-up` as its `task`, with `openHours` true also of hours that are not over, and with `hours`,
            such as `2026-11-22T14`, also of older ones whose segments may have changed; `daily-report` with or without
            `date`, without which it is yesterday, UTC, and the days before it that have no report yet; `verify-log`
            with `since` and `until`, days; `chain-hours` with `hours` and `kind`, which says why their notes are other
            ones than before; `rebuild-log` with `date`, and either `part` and `parts` of the table (both from the
            answer before; none at first) or `merge`, hours that have new segments.
        means: what to work with.

    Raises:
        UnknownEventError: the event is none of them.
        OutOfTimeError: a part of the work is done, and the function is to be called again.
    """
    match event:
        case {"task": "daily-report"}:
            day = event.get("date")
            return write_report(means, None if day is None else day_of("date", day))
        case {"task": "hourly-roll-up"}:
            match event:
                case {"hours": [*hours]}:
                    changed = [hour_of(each) for each in hours]
                case _:
                    changed = []
            return roll_up(means, open_hours=event.get("openHours") is True, changed=changed)
        case {"task": "verify-log"}:
            return verify_log(means, day_of("since", event.get("since")), day_of("until", event.get("until")))
        case {"task": "chain-hours", "hours": [*hours], "kind": ("ERASED" | "REBUILT" | "REKEYED") as kind}:
            return chain_hours(means, [hour_of(each) for each in hours], LinkKind(kind))
        case {"task": "rebuild-log", "merge": [*hours]}:
            return merge_rebuilt(means, day_of("date", event.get("date")), [hour_of(each) for each in hours])
        case {"task": "rebuild-log"}:
            return rebuild_log(means, day_of("date", event.get("date")), event.get("part"), event.get("parts"))
        case _:
            raise UnknownEventError(f'expected "Records", or one of these as "task": {", ".join(TASKS)}')

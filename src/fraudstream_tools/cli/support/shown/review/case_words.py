"""Cases in words: what they are worth together, and what came of a change of one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from fraudstream.counts import word_for

if TYPE_CHECKING:
    from fraudstream_tools.operations.cases.case import ReviewCase
    from fraudstream_tools.operations.cases.deciding import Alike
    from fraudstream_tools.operations.cases.queue import QueuedCase
    from fraudstream_tools.operations.review.alert_summary import AlertSummary

NOTHING: Final = "\N{EN DASH}"
"""What stands where nothing can be said."""
_UNKNOWN: Final = "what is not stored any more"


def value_text(alerts: Iterable["AlertSummary"], base: str | None, *, with_base: bool = True) -> str:
    """Return what alerts are worth together, and of which currencies that says nothing.

    Args:
        alerts: some, or none.
        base: the base currency; None without exchange rates.
        with_base: whether the currency is said, too.
    """
    some = list(alerts)
    known = [alert.amount_base for alert in some if alert.amount_base is not None]
    if base is None or (some and not known):
        return NOTHING
    left_out = sorted({alert.currency or _UNKNOWN for alert in some if alert.amount_base is None})
    value = f"{sum(known):,.2f}{f' {base}' if with_base else ''}"
    return f"{value} without {_listed(left_out)}" if left_out else value


def closed_text(case: "QueuedCase") -> str:
    """Return what the closed alerts of a case turned out to be, and whether the case is open all the same."""
    from fraudstream_tools.operations.review.alert_summary import AlertStatus

    counts = Counter(alert.label.lower() if alert.label else "" for alert in case.alerts)
    (first, _), *others = counts.items()
    counted = ", ".join(
        f"{label or 'without a label'} {count}" for label, count in sorted(counts.items(), key=_unlabelled_last)
    )
    if case.case is not None and case.case.status is AlertStatus.OPEN:
        return f"still open; closed so far: {counted}"
    if others:
        return f"closed: {counted}"
    return f"closed as {first}" if first else "closed"


def left_words(alike: "Alike") -> str:
    """Return what is said of alerts that were chosen to be decided alike, and were left; empty where none was."""
    some: list[str] = []
    if alike.held:
        some.append(
            f"{alike.held} of those you chose {word_for(alike.held, 'was', 'were')} left: a colleague was faster."
        )
    if alike.unlabelled:
        were = word_for(alike.unlabelled, "was", "were")
        some.append(f"{alike.unlabelled} of those you chose {were} left: no label can be given (any more).")
    return " ".join(some)


def given_back_words(colleague: str | None) -> str:
    """Return what is said of a case that was given back.

    Args:
        colleague: the ARN of who has it still, where the person had some alerts of a colleague's case.
    """
    if colleague is None:
        return "The case is back in the queue."
    return f"What you had of the case is given back; {colleague} has it."


def reopened_words(case: "ReviewCase", me: str) -> str:
    """Return what is said of an alert that was opened again.

    Args:
        case: its case, as it is then.
        me: the ARN of who opened it.
    """
    if case.assignee == me:
        return "The case is open again, and yours. Its label stays until another is given."
    return f"The alert is open again, and yours; {case.assignee} has its case. Its label stays until another is given."


def _unlabelled_last(label_and_count: tuple[str, int]) -> tuple[bool, str]:
    return not label_and_count[0], label_and_count[0]


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

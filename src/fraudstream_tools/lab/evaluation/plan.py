"""What is tested, and what each model may know: everything by the time at which it is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from fraudstream.durations import DAY

WEEK: Final = 7 * DAY
WEEKS: Final = (1, 2, 4, 8)
"""Weeks of labels that models learn from, as far as a file has them."""
MOST_TEST_DAYS: Final = 28
_TESTED_SHARE: Final = 4
"""One in so many days of a file is tested, if it is shorter than four times that."""


class Course(NamedTuple):
    """A model's training: what it learns from, and when."""

    name: str
    at: int
    """When it is trained, epoch milliseconds: what became known later it does not know."""
    since: int
    """It learns from transactions from then on."""


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """What is measured."""

    test_from: int
    """Transactions from then on are tested, epoch milliseconds."""
    courses: Sequence[Course]
    label_delay_days: float = 7.0
    """A transaction without a label counts as legitimate when it is older."""
    reviews_a_day: int = 10
    """How many transactions somebody looks at, the highest scores of each day."""
    most_learnt: int = 300_000
    """Legitimate transactions that are kept for training, about; all frauds are."""


def usual_plan(
    first: int, last: int, *, label_delay_days: float, test_days: float | None = None, reviews_a_day: int = 10
) -> EvaluationPlan:
    """Plan the usual table: the newest days are tested, by models of 1, 2, 4 and 8 weeks of labels, and of all.

    Args:
        first: the time of the first transaction, epoch milliseconds.
        last: that of the last one.
        label_delay_days: days after which a label is known, or will not come.
        test_days: how many of the newest days are tested; None: a quarter of them, and at most 28.
        reviews_a_day: how many transactions somebody looks at.

    Raises:
        ValueError: no transaction is old enough to be learnt from; the message says what to shorten.
    """
    tested = round(test_days * DAY) if test_days else min(MOST_TEST_DAYS * DAY, (last - first) // _TESTED_SHARE)
    test_from = last - tested + 1
    newest_label = test_from - round(label_delay_days * DAY)
    if newest_label <= first:
        raise ValueError(
            "no transaction is old enough to have its label when the test begins: shorten the labels' delay or the test"
        )
    courses = [
        Course(f"{weeks} week{'s' if weeks > 1 else ''} of labels", test_from, newest_label - weeks * WEEK)
        for weeks in WEEKS
        if newest_label - weeks * WEEK >= first
    ]
    courses.append(Course("all labels before", test_from, first))
    return EvaluationPlan(
        test_from=test_from, courses=courses, label_delay_days=label_delay_days, reviews_a_day=reviews_a_day
    )

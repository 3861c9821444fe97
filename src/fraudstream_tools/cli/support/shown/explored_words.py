"""What is said of approvals that were put into the review queue by chance."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fraudstream.durations import DAY

if TYPE_CHECKING:
    from fraudstream_tools.lab.backtest.estimates import ExploredFigures

NO_SAMPLE: Final = "too few are labelled to be a sample, and each counts as any other"


def drawn_words(drawn: int, labelled: int, frauds: int) -> str:
    """Return how many were drawn, and what is known of them.

    Args:
        drawn: those that are old enough for a label.
        labelled: of these.
        frauds: of the labelled ones.
    """
    return (
        f"{labelled:,} of {drawn:,} approvals that were drawn by chance have labels, {frauds:,} of them "
        f"{'is' if frauds == 1 else 'are'} fraud"
    )


def explored_words(explored: "ExploredFigures", first: int) -> str:
    """Return what a backtest makes of those that were drawn.

    Args:
        explored: what it found.
        first: time of its first transaction, epoch milliseconds.
    """
    said = drawn_words(explored.drawn, explored.labelled, explored.frauds)
    if explored.unseen is None:
        return f"{said}: {NO_SAMPLE}"
    said += (
        f", which tells of {explored.unseen.value:,.0f} more that nobody reported (95 % interval "
        f"{explored.unseen.low:,.0f} to {explored.unseen.high:,.0f}): shares count them too, values do not"
    )
    if explored.first - first > DAY:
        since = datetime.fromtimestamp(explored.first / 1000, UTC).date()
        said += f"; before {since} nothing was drawn, and such frauds are missing"
    return said

"""How many clients waited for a decision, how many got one, and how often the final one was another."""

from typing import Final

from fraudstream.reporting.daily.queries import COUNTS, DayQueries, counts
from fraudstream.reporting.daily.schema.inline import InlineAgreement, InlineFigures
from fraudstream.reporting.log.aggregates import INLINE_ANSWERED

_ORDER: Final = "list_position(['APPROVE', 'REVIEW', 'DECLINE'], key)"
_AGREEMENT: Final = (
    f"SELECT key, {COUNTS} FROM tallies WHERE dimension = 'inlineDecision' GROUP BY key ORDER BY {_ORDER}"
)


def inline_figures(queries: DayQueries) -> InlineFigures:
    """Return what the day's log says of inline decisions."""
    results = queries.tally("inline")
    return InlineFigures(
        asked=sum(count for _, count in results),
        answered=dict(results).get(INLINE_ANSWERED, 0),
        fallbacks=tuple(each for each in results if each[0] != INLINE_ANSWERED),
        agreement=tuple(
            InlineAgreement(answered=answered, final=counts(tuple(final)))
            for answered, *final in queries.rows(_AGREEMENT)
        ),
    )

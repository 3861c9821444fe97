"""Cases as a table."""

from typing import TYPE_CHECKING

from rich.table import Table

from fraudstream.clock import epoch_milliseconds
from fraudstream_tools.cli.support.shown.review.case_words import closed_text, value_text
from fraudstream_tools.cli.support.terminal.ages import age_text

if TYPE_CHECKING:
    from fraudstream_tools.operations.cases.queue import QueuedCase


def case_table(cases: "list[QueuedCase]") -> Table:
    """Build a table of cases, one in a row, in their order."""
    from fraudstream_tools.operations.review.alert_summary import AlertStatus

    now = epoch_milliseconds()
    table = Table(box=None, header_style="bold")
    base = cases[0].base if cases else None
    for name in ("case", "alerts", f"value in {base}" if base else "value", "score", "waits", "rules", "state"):
        table.add_column(name)
    for each in cases:
        first = each.first
        state = each.assignee.rpartition("/")[2] if each.assignee else "open"
        if first.status is AlertStatus.CLOSED:
            state = closed_text(each)
        value, age = value_text(each.alerts, base, with_base=False), age_text(now - each.since)
        cells = (first.transaction_id, len(each.alerts), value, first.score, age, ", ".join(each.rules), state)
        table.add_row(*map(str, cells))
    return table

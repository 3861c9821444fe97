"""Cases as a table."""

from typing import TYPE_CHECKING

from rich.table import Table

from fraudstream.clock import epoch_milliseconds
from fraudstream_tools.cli.support.terminal.ages import age_text

if TYPE_CHECKING:
    from fraudstream_tools.operations.cases.queue import QueuedCase


def case_table(found: "list[QueuedCase]") -> Table:
    """Build a table of cases, one in a row, in their order."""
    now = epoch_milliseconds()
    table = Table(box=None, header_style="bold")
    for name in ("case", "alerts", "value", "score", "waits", "rules", "state"):
        table.add_column(name)
    for each in found:
        state = each.assignee.rpartition("/")[2] if each.assignee else "open"
        value, age = f"{each.value:,.2f}", age_text(now - each.since)
        first = each.first
        cells = (first.transaction_id, len(each.alerts), value, first.score, age, ", ".join(each.rules), state)
        table.add_row(*map(str, cells))
    return table

"""Alerts as a table; nothing of an id is ever cut off."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from fraudstream_tools.cli.support.terminal.ages import age_text
from fraudstream_tools.cli.support.terminal.output import SafeConsole, decision_text, out

if TYPE_CHECKING:
    from fraudstream_tools.operations.review.alert_summary import AlertSummary

_RIGHT: Final = ("amount", "score", "probability", "age")
_LONGEST_RULE: Final = 24
_UNLIMITED: Final = 10_000
_LONGEST_ID: Final = 40
"""Longer ones are folded where the terminal is too narrow for them."""


def alert_table(
    alerts: Sequence["AlertSummary"], *, now: int, base: str | None = None, together: bool = False
) -> Table:
    """Build a table of alerts, one in a row.

    Args:
        alerts: in the order in which they are shown.
        now: epoch milliseconds, from which ages are counted.
        base: the base currency, if amounts are to be shown in it too.
        together: whether the alerts of one customer within an hour are shown one after the other; they must come newest
            first.
    """
    from fraudstream_tools.operations.review.alert_summary import grouped

    is_calibrated = any(alert.probability is not None for alert in alerts)
    names = (
        *("transaction", "amount", *((f"in {base}",) if base else ()), "decision", "score"),
        *(("probability",) if is_calibrated else ()),
        *("age", "customer"),
    )
    table = Table(*names, "rules", box=None, header_style="dim")
    for column, name in zip(table.columns, (*names, "rules"), strict=True):
        column.overflow = "fold"
        column.justify = "right" if name in _RIGHT or name.startswith("in ") else "left"
        column.no_wrap = column.justify == "right"
    longest = max(len(alert.transaction_id) for alert in alerts)
    table.columns[0].min_width = max(min(longest, _LONGEST_ID), len(names[0]))
    # No id of a rule is broken either, as far as there is room.
    table.columns[-1].min_width = min(
        max((len(rule) + 1 for alert in alerts for rule in alert.rules), default=0), _LONGEST_RULE
    )
    for group in grouped(alerts) if together else [[alert] for alert in alerts]:
        for alert in group:
            table.add_row(*_row(alert, now, is_in_base=base is not None, is_calibrated=is_calibrated))
    return table


def print_whole(table: Table) -> None:
    """Print a table; where there is no terminal, one line for each row, however long."""
    if out.is_terminal:
        out.print(table)
        return
    whole = Measurement.get(out, out.options.update_width(_UNLIMITED), table).maximum
    SafeConsole(highlight=False, width=whole).print(table)


def _row(alert: "AlertSummary", now: int, *, is_in_base: bool, is_calibrated: bool) -> list[Text]:
    from fraudstream.transactions.values.money import format_money
    from fraudstream_tools.operations.investigation.field_words import probability_words

    amount = "not stored any more"
    if alert.amount_minor is not None and alert.currency is not None:
        amount = format_money(alert.amount_minor, alert.currency)
    in_base = "?" if alert.amount_base is None else f"{alert.amount_base:,.2f}"
    return [
        Text(alert.transaction_id),
        Text(amount),
        *((Text(in_base),) if is_in_base else ()),
        decision_text(alert.decision),
        Text(str(alert.score)),
        *((Text("" if alert.probability is None else probability_words(alert.probability)),) if is_calibrated else ()),
        Text(age_text(now - alert.created_at)),
        Text(alert.customer),
        Text(", ".join(alert.rules) or alert.reason_codes.replace(",", ", ")),
    ]

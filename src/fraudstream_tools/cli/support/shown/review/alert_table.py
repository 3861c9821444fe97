"""Alerts as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from fraudstream_tools.cli.support.terminal.ages import age_text
from fraudstream_tools.cli.support.terminal.output import decision_text

if TYPE_CHECKING:
    from fraudstream_tools.operations.review.alert_summary import AlertSummary

_RIGHT: Final = ("amount", "score", "probability", "age")


def alert_table(
    alerts: Sequence["AlertSummary"],
    *,
    now: int,
    base: str | None = None,
    together: bool = False,
    has_states: bool = False,
) -> Table:
    """Build a table of alerts, one in a row.

    Args:
        alerts: in the order in which they are shown.
        now: epoch milliseconds, from which ages are counted.
        base: the base currency, if amounts are to be shown in it too.
        together: whether the alerts of one customer within an hour are shown one after the other; they must come newest
            first.
        has_states: whether it is told which of them are open, and as what the others were closed.
    """
    from fraudstream_tools.operations.review.alert_summary import grouped

    is_calibrated = any(alert.probability is not None for alert in alerts)
    names = (
        *("transaction", "amount", *((f"in {base}",) if base else ()), "decision", "score"),
        *(("probability",) if is_calibrated else ()),
        *("age", "customer"),
        *(("state",) if has_states else ()),
    )
    table = Table(*names, "rules", box=None, header_style="dim")
    for column, name in zip(table.columns, (*names, "rules"), strict=True):
        column.overflow = "fold"
        column.justify = "right" if name in _RIGHT or name.startswith("in ") else "left"
        column.no_wrap = column.justify == "right"
    for group in grouped(alerts) if together else [[alert] for alert in alerts]:
        for alert in group:
            table.add_row(
                *_row(alert, now, is_in_base=base is not None, is_calibrated=is_calibrated, has_state=has_states)
            )
    return table


def _row(alert: "AlertSummary", now: int, *, is_in_base: bool, is_calibrated: bool, has_state: bool) -> list[Text]:
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
        *((Text(_state_of(alert)),) if has_state else ()),
        Text(", ".join(alert.rules) or alert.reason_codes.replace(",", ", ")),
    ]


def _state_of(alert: "AlertSummary") -> str:
    from fraudstream_tools.operations.review.alert_summary import AlertStatus

    # A reopened one keeps its label until another is given.
    return "open" if alert.status is AlertStatus.OPEN else alert.label or "closed"

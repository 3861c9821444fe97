"""The review queue as a table: in a narrow terminal lines become more, and nothing of an id is lost."""

import io

import pytest

from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.cli.support.shown.review.alert_table import alert_table
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.output import SafeConsole
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary

RULES = ("card-testing-many-declines", "velocity-of-a-new-device", "model")
ID = "order-20261123-0001-0123456789abcdef"
CUSTOMER = "customer#tok_0123456789abcdefABCDEF"


def printed(width: int, *, base: str | None) -> str:
    alert = AlertSummary(
        transaction_id=ID,
        timestamp=0,
        created_at=0,
        status=AlertStatus.OPEN,
        decision=Verdict.REVIEW,
        score=87,
        reason_codes="CARD_TESTING",
        entity=CUSTOMER,
        amount_minor=123_456,
        currency="EUR",
        rules=RULES,
        probability=0.42,
        amount_base=1234.56,
    )
    written = io.StringIO()
    console = SafeConsole(file=written, width=width, force_terminal=True, color_system=None)
    print_whole(alert_table([alert], now=3_600_000, base=base), console)
    return written.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
@pytest.mark.parametrize("base", [None, "EUR"])
def test_nothing_of_an_id_is_lost_or_broken(width: int, base: str | None) -> None:
    shown = printed(width, base=base)
    assert max(map(len, shown.splitlines())) <= width
    for each in (ID, CUSTOMER.removeprefix("customer#"), *RULES, "REVIEW", "42 %", "1,234.56 EUR", "87"):
        assert each in shown

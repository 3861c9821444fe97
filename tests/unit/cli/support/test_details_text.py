"""What a terminal shows of a transaction: a point that takes two lines stays one point."""

import io

import pytest

from fraudstream_tools.cli.support.shown import details_text
from fraudstream_tools.cli.support.terminal.output import SafeConsole
from fraudstream_tools.operations.investigation.evidence import DecisionEvidence
from fraudstream_tools.operations.investigation.habits import Habit
from fraudstream_tools.operations.investigation.transaction_details import TransactionDetails

STATE = {
    "transactionId": "t-1",
    "amountMinor": 135,
    "currency": "USD",
    "type": "PAYMENT",
    "timestamp": 1_767_600_000_000,
    "receivedAt": 1_767_600_000_000,
    "status": "PENDING",
}
LONG = "The customer has been known for 11 minutes; the transaction before was less than a minute earlier."


@pytest.mark.parametrize("is_unusual", [False, True])
def test_the_second_line_of_a_habit_begins_below_the_first(
    monkeypatch: pytest.MonkeyPatch, *, is_unusual: bool
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(details_text, "out", SafeConsole(file=written, width=80, color_system=None))
    judgement = DecisionEvidence(habits=[Habit(text=LONG, is_unusual=is_unusual)])
    details_text.print_details(TransactionDetails(state=STATE, judgement=judgement))
    lines = written.getvalue().partition("beside this customer's habit\n")[2].splitlines()
    assert lines[0].startswith("  • The customer")
    assert lines[1].startswith("    ")
    assert " ".join(" ".join(lines[:2]).split()) == f"• {LONG}"


@pytest.mark.parametrize("width", [40, 80])
def test_an_id_is_neither_cut_nor_broken(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    written = io.StringIO()
    console = SafeConsole(file=written, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(details_text, "out", console)
    ids = {"transactionId": "order-20261123-0001-a", "merchantCategoryCode": "5815", "cardToken": f"tok_{'a' * 22}"}
    details_text.print_details(TransactionDetails(state={**STATE, **ids}, judgement=DecisionEvidence()))
    assert set(ids.values()) <= set(written.getvalue().split())

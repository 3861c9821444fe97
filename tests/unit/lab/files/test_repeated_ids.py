"""An id that two rows have is named by their lines: it is no label that came too early, and no row is lost by it."""

from pathlib import Path

import pytest

from tests.cli_harness import Command

RULES = Path("rules").resolve()
HEADER = "transactionId,timestamp,amountMinor,currency,type,customerId,label,labeledAt\n"
FIRST = "t-1,2026-01-05T08:00:00Z,100,EUR,PAYMENT,c,FRAUD,2026-01-06T08:00:00Z\n"
OTHER = "t-2,2026-01-06T08:00:00Z,100,EUR,PAYMENT,c,LEGITIMATE,2026-01-06T09:00:00Z\n"
LATER = "t-1,2026-01-09T08:00:00Z,900,EUR,PAYMENT,c,,\n"
COMMANDS = ("evaluate {} --rules", "train --output m.json --data {} --rules", "backtest --data {} --rules")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.split()[0])
def test_both_lines_of_a_repeated_id_are_named(fraudstream: Command, command: str) -> None:
    Path("day.csv").write_text(HEADER + FIRST + OTHER + LATER)
    ran = fraudstream(*command.format("day.csv").split(), RULES)
    assert ran.code == 1
    assert "day.csv, line 4, column transactionId: gives the transactionId of line 2 again" in ran.err
    assert "older" not in ran.err
    assert "t-1" not in ran.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.split()[0])
def test_they_are_named_where_labels_are_in_another_file(fraudstream: Command, command: str) -> None:
    Path("day.csv").write_text(HEADER + (FIRST + OTHER).replace(",FRAUD,2026-01-06T08:00:00Z", ",,") + LATER)
    Path("truth.csv").write_text("transactionId,label,labeledAt\nt-1,FRAUD,2026-01-06T08:00:00Z\n")
    ran = fraudstream(*command.format("day.csv --truth truth.csv").split(), RULES)
    assert "line 4, column transactionId: gives the transactionId of line 2 again" in ran.err


def test_a_label_in_a_transactions_second_row_counts(fraudstream: Command) -> None:
    Path("day.csv").write_text(HEADER + FIRST.replace("FRAUD,2026-01-06T08:00:00Z", ",") + OTHER + FIRST)
    ran = fraudstream("backtest", "--rules", RULES, "--data", "day.csv", "--json")
    assert '"fraud": 1' in ran.out
    assert '"repeated": 1' in ran.out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.split()[0])
def test_a_row_that_is_there_twice_is_no_fault(fraudstream: Command, command: str) -> None:
    Path("day.csv").write_text(HEADER + FIRST + OTHER + FIRST)
    assert "again" not in fraudstream(*command.format("day.csv").split(), RULES).err

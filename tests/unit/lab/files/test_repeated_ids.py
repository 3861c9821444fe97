"""An id that two rows have is named by their lines: it is no label that came too early, and no row is lost by it."""

from pathlib import Path

import pytest

from fraudstream.detection.judge import Judge
from fraudstream_tools.lab.evaluation.ordered import OrderedFile
from fraudstream_tools.lab.files.examples import KnowledgeCutoff, from_transactions
from fraudstream_tools.rules.folder import RulesFolder
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
    assert "column transactionId" not in fraudstream(*command.format("day.csv").split(), RULES).err


@pytest.mark.parametrize("second", ["FRAUD,2026-01-06T08:00:00Z", ","])
def test_a_transaction_that_is_there_twice_counts_once(fraudstream: Command, tmp_path: Path, second: str) -> None:
    """As a join of payments with their disputes gives them."""
    again = FIRST.replace("FRAUD,2026-01-06T08:00:00Z", second)
    (tmp_path / "day.csv").write_text(HEADER + again + OTHER + FIRST)
    with OrderedFile(tmp_path / "day.csv", None) as ordered:
        found = {each.transaction.transaction_id: each.fraud for each in ordered}
    assert (ordered.rows, ordered.frauds, ordered.repeated) == (2, 1, 1)
    assert found == {"t-1": True, "t-2": False}
    learnt = from_transactions(
        tmp_path / "day.csv", None, Judge(RulesFolder(RULES).load()), KnowledgeCutoff(label_delay_days=0)
    )
    assert (learnt.labels.tolist(), learnt.left_out.repeated) == ([True, False], 1)
    ran = fraudstream("train", "--output", "m.json", "--data", tmp_path / "day.csv", "--rules", RULES)
    assert "1 row gives a transaction again: it counts once" in ran.err

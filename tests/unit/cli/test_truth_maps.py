"""Labels of another program, in a file of their own, beside transactions; a decision log has its own."""

import json
from pathlib import Path

import pytest

from tests.cli_harness import Command, clean_environment

RULES = Path("rules").resolve()


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"t-{n},{1_767_600_000_000 + n * 60_000},100,EUR,PAYMENT,c-1\n" for n in range(4))
    Path("day.csv").write_text(f"transactionId,timestamp,amountMinor,currency,type,customerId\n{rows}")
    Path("chargebacks.csv").write_text("Order;Verdict\nt-1;chargeback\nt-2;won\n")
    Path("chargebacks.yaml").write_text(
        "fields:\n  transactionId: Order\n"
        "  label: {column: Verdict, optional: true, values: {chargeback: FRAUD, won: LEGITIMATE}}\n"
    )
    return Command(capsys)


def test_a_backtest_reads_labels_through_a_map(fraudstream: Command) -> None:
    given = ("--data", "day.csv", "--truth", "chargebacks.csv", "--truth-map", "chargebacks.yaml")
    ran = fraudstream("backtest", "--rules", RULES, *given, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["known"]["fraud"] == 1


def test_training_reads_labels_through_a_map(fraudstream: Command) -> None:
    given = ("--data", "day.csv", "--truth", "chargebacks.csv", "--truth-map", "chargebacks.yaml")
    ran = fraudstream("train", "--rules", RULES, *given, "--label-delay", "0", "-o", "model.json")
    assert "4 transactions, 1 of them fraud" in ran.err


@pytest.mark.parametrize(
    "command",
    ["backtest --rules rules", "train -o model.json", "promote model.json --to ."],
    ids=lambda c: c.split()[0],
)
def test_a_map_of_no_file_is_refused(fraudstream: Command, command: str) -> None:
    (Path("rules")).symlink_to(RULES)
    Path("model.json").write_bytes(next((RULES.parent / "models").glob("*.json")).read_bytes())
    ran = fraudstream(*command.split(), "--data", "day.csv", "--truth-map", "chargebacks.yaml")
    assert ran.code == 1
    assert "name it with --truth" in ran.err


@pytest.mark.parametrize(
    "options",
    ["--truth chargebacks.csv", "--truth chargebacks.csv --truth-map chargebacks.yaml", "--time-zone Asia/Tokyo"],
)
@pytest.mark.parametrize("command", ["backtest --data", "train -o model.json --log"], ids=lambda c: c.split()[0])
def test_what_a_decision_log_has_itself_is_refused(fraudstream: Command, command: str, options: str) -> None:
    Path("log").mkdir()
    ran = fraudstream(*command.split(), "log", "--rules", RULES, *options.split())
    assert ran.code == 1
    assert f"{' and '.join(options.split()[::2])} " in ran.err
    assert "for a file of transactions" in ran.err


def test_a_sample_is_of_a_decision_log(fraudstream: Command) -> None:
    ran = fraudstream("train", "-o", "model.json", "--data", "day.csv", "--sample", "100", "--rules", RULES)
    assert "--sample is for a decision log" in ran.err


def test_a_backtest_by_athena_refuses_them_too(fraudstream: Command) -> None:
    days = ("--since", "2026-01-05", "--until", "2026-01-06", "--truth", "chargebacks.csv")
    assert "--truth is for a file" in fraudstream("backtest", "--rules", RULES, "--engine", "athena", *days).err

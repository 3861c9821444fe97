"""A file that is not one of transactionIds is refused before anything is done, and nothing of it is repeated."""

from pathlib import Path

import pytest

from tests.cli_harness import Command, point_at


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    point_at("http://127.0.0.1:1", monkeypatch, transactionsTable="table-transactions-test")
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


@pytest.mark.parametrize(
    "content",
    [
        "order-1\n\nAnn Example, ann@example.com, 12 High Street\norder-2\n",
        "order-1\n\norder-2 order-3\n",
        f"order-1\n\n{'x' * 65}\n",
        "order-1\n\n..\n",
    ],
)
def test_a_wrong_line_is_named_by_its_number_alone(fraudstream: Command, content: str) -> None:
    Path("customers.csv").write_text(content)
    ran = fraudstream("redrive", "--file", "customers.csv")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: customers.csv: line 3 is no transactionId; nothing was done\n"


def test_a_report_whose_bytes_were_damaged_is_none(fraudstream: Command) -> None:
    Path("report.json").write_bytes(b'{"date": "2026-11-\xff2"}')
    ran = fraudstream("redrive", "--report", "report.json")
    assert (ran.code, ran.err) == (1, "error: report.json: not a fraudstream report in JSON\n")


def test_of_a_wholly_wrong_file_one_line_is_named(fraudstream: Command) -> None:
    Path("customers.csv").write_text("Ann Example\nBob Example\nCy Example\n")
    ran = fraudstream("redrive", "--file", "customers.csv")
    assert ran.err == "error: customers.csv: line 1 is no transactionId, and 2 more are not; nothing was done\n"


def test_blank_lines_and_the_line_ends_of_windows_are_passed_over(fraudstream: Command) -> None:
    Path("ids.txt").write_bytes(b"\r\n \r\n")
    ran = fraudstream("redrive", "--file", "ids.txt")
    assert (ran.code, ran.out) == (0, "ids.txt lists nothing to redrive\n")

"""What files tell to be true of transactions: in whatever code, from when on, and never before it happened."""

from pathlib import Path

import pytest

from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.truths import Told, read_truths
from fraudstream_tools.lab.files.writing import write_rows

NOW = 1_767_600_000_000
DELAY = 86_400_000


@pytest.mark.parametrize("yes", [True, 1, 1.0, "1", "1.0", "true", "TRUE", "Yes", "t"])
@pytest.mark.parametrize("no", [False, 0, 0.0, "0", "false", "No", "F"])
def test_fraud_is_read_in_the_codes_that_programs_write(tmp_path: Path, yes: object, no: object) -> None:
    write_rows(tmp_path / "a.jsonl", [{"transactionId": "a", "fraud": yes}, {"transactionId": "b", "fraud": no}])
    told = read_truths(tmp_path / "a.jsonl").told({"a": NOW, "b": NOW}, DELAY)
    assert told == {"a": Told(True, NOW + DELAY), "b": Told(False, NOW + DELAY)}


def test_the_newest_label_known_by_then_counts(tmp_path: Path) -> None:
    rows = [
        {"transactionId": "a", "label": "FRAUD", "labeledAt": NOW + 5},
        {"transactionId": "a", "label": "LEGITIMATE", "labeledAt": NOW + 9},
        {"transactionId": "a", "label": "FRAUD", "labeledAt": NOW + 9},
        {"transactionId": "b", "fraud": True},
        {"transactionId": "elsewhere", "label": "FRAUD", "labeledAt": 1},
    ]
    write_rows(tmp_path / "a.jsonl", rows[:4])
    truths = read_truths(tmp_path / "a.jsonl")
    times = {"a": NOW, "b": NOW}
    assert truths.told(times, DELAY) == {"a": Told(True, NOW + 9), "b": Told(True, None)}
    assert truths.told(times, DELAY, until=NOW + 8)["a"] == Told(True, NOW + 5)
    write_rows(tmp_path / "b.jsonl", rows)
    with pytest.raises(FileProblemError, match=r"b\.jsonl, line 5, column labeledAt: milliseconds are needed"):
        read_truths(tmp_path / "b.jsonl")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([("FRAUD", 1, "customer"), ("FRAUD", 25, "chargeback")], Told(True, NOW + 1, None, "customer")),
        ([("FRAUD", 25, "chargeback"), ("FRAUD", 1, "customer")], Told(True, NOW + 1, None, "customer")),
        (
            [("FRAUD", 1, "customer"), ("LEGITIMATE", 3, "analyst"), ("FRAUD", 25, "chargeback")],
            Told(True, NOW + 25, None, "chargeback"),
        ),
        ([("FRAUD", 1, "customer"), ("LEGITIMATE", 3, "analyst")], Told(False, NOW + 3, None, "analyst")),
    ],
)
def test_what_is_said_again_is_known_since_the_first_time(
    tmp_path: Path, labels: list[tuple[str, int, str]], told: Told
) -> None:
    rows = [
        {"transactionId": "a", "label": label, "labeledAt": NOW + at, "source": source} for label, at, source in labels
    ]
    write_rows(tmp_path / "a.jsonl", rows)
    assert read_truths(tmp_path / "a.jsonl").told({"a": NOW}, DELAY) == {"a": told}


def test_truths_of_another_program_are_read_through_a_map(tmp_path: Path) -> None:
    (tmp_path / "chargebacks.csv").write_text("Order;Verdict;Filed\na;chargeback;06.01.2026 08:00\nb;;\nc;won;\n")
    file_map = read_map(
        b"""
fields:
  transactionId: Order
  label: {column: Verdict, optional: true, values: {chargeback: FRAUD, won: LEGITIMATE}}
  labeledAt: {column: Filed, optional: true, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
""",
        "chargebacks.yaml",
    )
    told = read_truths(tmp_path / "chargebacks.csv", file_map).told({"a": NOW, "b": NOW, "c": NOW}, DELAY)
    assert told == {"a": Told(True, NOW + DELAY - 3_600_000), "c": Told(False, NOW + DELAY)}

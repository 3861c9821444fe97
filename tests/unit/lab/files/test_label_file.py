"""A file of labels: what it says, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream_tools.lab.files.labels import LabelFile, read_label_file
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.writing import write_rows
from fraudstream_tools.outcomes import PaymentKey, PaymentOutcome

NOW = 1_767_600_000_000
GOOD = {"transactionId": "t-1", "label": "FRAUD", "source": "chargeback", "labeledAt": NOW}


def read(path: Path) -> LabelFile:
    return read_label_file(path, "analyst", NOW)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet"])
def test_every_format_says_the_same(tmp_path: Path, ending: str) -> None:
    rows: list[dict[str, Any]] = [
        GOOD,
        {"transactionId": "t-2", "label": "LEGITIMATE", "labeledAt": NOW - 5},
        {"transactionId": "t-1", "label": "LEGITIMATE", "labeledAt": NOW - 1, "source": "analyst"},
        {"transactionId": "t-3", "fraud": False},
    ]
    file = tmp_path / f"labels{ending}"
    write_rows(file, rows)
    assert read(file) == LabelFile(
        told={
            PaymentKey("t-1"): PaymentOutcome(
                label=Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=NOW)
            ),
            PaymentKey("t-2"): PaymentOutcome(
                label=Label(label=Truth.LEGITIMATE, label_source="analyst", labeled_at=NOW - 5)
            ),
        },
        rows=3,
        unlabelled=1,
    )


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("transactionId", None, "transactionId: must be 1 to 64 letters"),
        ("transactionId", "a b", "transactionId: must be 1 to 64 letters"),
        ("transactionId", True, "transactionId: is not a text"),
        ("label", None, "label: must be FRAUD or LEGITIMATE"),
        ("label", "maybe", "label: must be FRAUD or LEGITIMATE"),
        ("source", "she told me", "source: must be a code"),
        ("labeledAt", None, "labeledAt: must be a date"),
        ("labeledAt", "soon", "labeledAt: must be a date"),
        ("labeledAt", True, "labeledAt: must be a date"),
        ("labeledAt", -1, "labeledAt: milliseconds are needed"),
        ("labeledAt", "2026-01-01T10:00:00", "labeledAt: must be a date, a date and time with its zone"),
        ("labeledAt", NOW + 3_600_000, "labeledAt: is in the future"),
        ("labeledAt", "2036-01-01", "labeledAt: is in the future"),
    ],
)
def test_a_wrong_value_is_named_by_line_and_field_and_not_shown(
    tmp_path: Path, field: str, value: object, complaint: str
) -> None:
    row = {name: each for name, each in {**GOOD, field: value}.items() if each is not None}
    file = tmp_path / "labels.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n\n{json.dumps(row)}\n")
    with pytest.raises(FileProblemError) as raised:
        read(file)
    assert f"labels.jsonl, line 3, column {complaint}" in str(raised.value)
    assert "line 1" not in str(raised.value)
    assert not isinstance(value, str) or value not in str(raised.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (str(NOW), NOW),
        ("2026-01-05", 1_767_657_599_999),
        ("2026-01-05T01:00:00+01:00", 1_767_571_200_000),
        ("2026-01-05T00:00:00Z", 1_767_571_200_000),
    ],
)
def test_a_time_can_be_written_in_several_ways(tmp_path: Path, written: str, expected: int) -> None:
    (tmp_path / "labels.csv").write_text(f"transactionId,label,labeledAt\nt-1,FRAUD,{written}\n")
    label = read(tmp_path / "labels.csv").told[PaymentKey("t-1")].label
    assert label is not None
    assert label.labeled_at == expected


def test_many_wrong_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("transactionId,label,labeledAt\n" + "t-1,FRAUD,x\n" * 25)
    with pytest.raises(
        FileProblemError, match=r"line 21, column labeledAt(?s:.*)… and 5 more\nnothing was written"
    ) as raised:
        read(tmp_path / "labels.csv")
    assert str(raised.value).count("labels.csv, line") == 20


def test_a_file_with_other_headings_is_refused_once_by_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "payments.csv"
    file.write_text("payment_ref,outcome\n" + "p-1,fraud\n" * 100)
    with pytest.raises(FileProblemError) as refused:
        read_label_file(file, "analyst", NOW)
    assert "there is no column transactionId or networkReference, label or actionTaken or fraud" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1

"""Transactions in files: whatever the format, what comes out is what went in."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.formats import FORMATS
from fraudstream_tools.lab.files.transactions import count_transactions, read_transactions
from fraudstream_tools.lab.files.writing import write_rows

ROWS: list[dict[str, Any]] = [
    {
        "transactionId": "a-1",
        "timestamp": 1_767_599_530_100,
        "amountMinor": 1250,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "cust-1",
        "cardBin": "012345",
        "latitude": 41.5,
        "metadata": {"basket": "17"},
    },
    {
        "transactionId": "a-2",
        "amountMinor": 0,
        "currency": "JPY",
        "type": "TRANSFER",
        "customerId": 'comma, "quote"\nü',
    },
]


@pytest.mark.parametrize("ending", FORMATS)
def test_what_was_written_is_read_again(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"day{ending}"
    assert write_rows(file, ROWS) == 2
    assert list(read_transactions(file)) == ROWS
    assert count_transactions(file) in {2, None}


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, ending: str) -> None:
    one, other = tmp_path / f"one{ending}", tmp_path / f"other{ending}"
    write_rows(one, ROWS)
    write_rows(other, ROWS)
    assert one.read_bytes() == other.read_bytes()


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text == text.strip())


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({"customerId": texts, "amountMinor": st.integers(0, 10**12)}), min_size=1))
def test_any_text_survives_any_format(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    for ending in FORMATS:
        file = tmp_path / f"any{ending}"
        write_rows(file, rows)
        assert list(read_transactions(file)) == rows


def test_numbers_are_read_from_csv_as_what_the_field_is(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("transactionId,amountMinor,latitude,cardLast4\n007,1250,41.5,0042\n", encoding="utf-8")
    row = {"transactionId": "007", "amountMinor": 1250, "latitude": 41.5, "cardLast4": "0042"}
    assert list(read_transactions(file)) == [row]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("day.csv", "amountMinor\n12.50\n", "line 2, column amountMinor: is not an integer"),
        ("day.csv", "latitude\nnorth\n", "line 2, column latitude: is not a number"),
        ("day.csv", "currency,type\nEUR\n", "line 2: 1 column, and the first line has 2"),
        ("day.csv", "currency,type\nEUR,PAYMENT,x\n", "line 2: 3 columns, and the first line has 2"),
        ("day.jsonl", '{"amountMinor": 1}\n\nnonsense\n', "line 3: not JSON"),
        ("day.jsonl", "1\n", "line 1: not a JSON object"),
        ("day.jsonl", "[1]\n", "is a JSON array: JSON Lines has one object on each line"),
        ("day.parquet", "PAR0", "not a Parquet file"),
        ("day.jsonl.gz", "{}", "cannot be read"),
        ("day.xlsx", "", r"has to end in \.jsonl"),
        ("day.json", "[]", r"has to end in \.jsonl.*: \.jsonl is JSON Lines, which has one object on each line"),
        ("Day.JSON.gz", "", "JSON Lines"),
    ],
)
def test_a_file_that_holds_no_transactions_is_refused_by_name_and_line(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(FileProblemError, match=complaint):
        list(read_transactions(file))


@pytest.mark.parametrize("name", ["gone.csv", "gone", "gone.xlsx"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileProblemError, match="no such file"):
        list(read_transactions(tmp_path / name))


@pytest.mark.parametrize("name", ["folder", "folder.csv"])
def test_a_folder_is_no_file_with_a_wrong_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(FileProblemError, match="it is a folder: name a file in it"):
        list(read_transactions(tmp_path / name))


def test_a_compressed_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"amountMinor": 1}\n' * 1000)[:-20])
    with pytest.raises(FileProblemError, match="cannot be read"):
        list(read_transactions(file))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileProblemError, match="cannot be written"):
        write_rows(tmp_path / "file" / "day.jsonl", ROWS)

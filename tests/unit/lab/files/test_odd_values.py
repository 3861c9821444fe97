"""A value that no field can take is named with its row; it never ends a command by a fault."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudstream_tools.lab.evaluation.columns import read_columns
from fraudstream_tools.lab.files.checking import check_file
from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.mapping.suggest import suggest
from fraudstream_tools.lab.files.problems import FileProblemError

NOW = 1_790_000_000_000
DAY = 86_400_000
INFINITE = float("inf")
MAP = read_map(
    b"""fields:
  timestamp: {column: at}
  currency: {column: money, otherwise: {value: EUR}}
  label: {column: fraud, values: {"1": FRAUD, "0": LEGITIMATE}}
learn: [seen]
""",
    "own",
)


def table(path: Path, **others: Any) -> Path:
    columns = {
        "transactionId": ["a1", "a2"],
        "amountMinor": [100, 100],
        "currency": ["EUR", "EUR"],
        "type": ["PAYMENT", "PAYMENT"],
        "customerId": ["c1", "c1"],
        "timestamp": [NOW, NOW],
    }
    pq.write_table(pa.table(columns | others), path / "day.parquet")
    return path / "day.parquet"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("merchantId", [12.0, INFINITE]),
        ("merchantId", [12.0, -INFINITE]),
        ("latitude", [12.0, INFINITE]),
        ("metadata", [{"opened": None}, {"opened": dt.date(2026, 1, 1)}]),
        ("metadata", [{"share": None}, {"share": INFINITE}]),
    ],
)
def test_a_value_that_no_field_takes_is_named_with_its_row(tmp_path: Path, field: str, values: list[Any]) -> None:
    found = check_file(table(tmp_path, **{field: values}), None, now=NOW)
    named = found.wrong.lines()[-1]
    assert f"day.parquet, row 2, column {field}: " in named


def test_a_time_without_end_is_named_with_its_row(tmp_path: Path) -> None:
    whole = read_map(
        b"fields:\n  transactionId: transactionId\n  amountMinor: amountMinor\n  currency: currency\n  type: type\n"
        b"  customerId: customerId\n  timestamp: {column: timestamp, unit: seconds}\n",
        "own",
    )
    found = check_file(table(tmp_path, timestamp=[NOW / 1000, INFINITE]), whole, now=NOW)
    assert "day.parquet, row 2, column timestamp: is not a number" in found.wrong.lines()[0]


def test_a_first_map_is_written_for_a_file_with_objects(tmp_path: Path) -> None:
    rows = "".join(
        f'{{"customer": {{"ref": "c{n}"}}, "amount": 12.5, "created": "2026-11-01T10:00:0{n % 2}Z"}}\n'
        for n in range(6)
    )
    (tmp_path / "day.jsonl").write_text(rows)
    assert "transactionId: {columns: [" in suggest(tmp_path / "day.jsonl").text


def own_columns(path: Path, seen: list[Any], money: list[str | None]) -> Path:
    many = {"at": [NOW + n * DAY for n in range(3)], "fraud": ["1", "0", "0"], "seen": seen}
    pq.write_table(pa.table(many | {"money": pa.array(money, pa.string())}), path / "own.parquet")
    return path / "own.parquet"


def test_a_model_learns_of_dates_that_they_lie_apart(tmp_path: Path) -> None:
    dates = [dt.date(2026, 1, day) for day in (1, 2, 4)]
    learnt = read_columns(own_columns(tmp_path, dates, [None] * 3), MAP, 1).vectors[:, 0]
    assert [float(each - learnt[0]) for each in learnt] == [0, 1, 3]


@pytest.mark.parametrize(
    ("seen", "money", "named"),
    [
        ([{"a": 1}] * 3, None, "row 1, column seen: is neither a number nor a text"),
        ([dt.timedelta(1)] * 3, None, "row 1, column seen: is neither a number nor a text"),
        ([1.0] * 3, "XYZ", "row 2, column money: must be a currency code of ISO 4217, such as EUR"),
    ],
)
def test_a_value_that_no_model_learns_is_named_with_its_row(
    tmp_path: Path, seen: list[Any], money: str | None, named: str
) -> None:
    with pytest.raises(FileProblemError, match=named):
        read_columns(own_columns(tmp_path, seen, [None, money, None]), MAP, 1)

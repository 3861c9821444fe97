"""Files as other programs write them: encodings, separators, quotes, types; every complaint has its line and column."""

import gzip
import json
import re
import shlex
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.problems import FileProblemError, Row
from fraudstream_tools.lab.files.reading import REQUIRED, MappedFile
from fraudstream_tools.lab.files.tables.delimited import SEPARATORS

HEADER = ("transactionId", "amountMinor", "currency", "type", "customerId", "merchantId")
ROW = ("t-1", "1250", "EUR", "PAYMENT", "cust-1", "Bäckerei Müller")
EXPECTED = {
    "transactionId": "t-1",
    "amountMinor": 1250,
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "cust-1",
    "merchantId": "Bäckerei Müller",
}
NOW = 1_767_600_000_000


def read(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in MappedFile(path, needs=REQUIRED).sound_rows()]


def written(tmp_path: Path, content: str, encoding: str = "utf-8", name: str = "day.csv") -> Path:
    (tmp_path / name).write_bytes(content.encode(encoding))
    return tmp_path / name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_encoding_separator_and_line_end_is_found_out(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    content = end.join(separator.join(values) for values in (HEADER, ROW, ROW)) + end
    assert read(written(tmp_path, content, encoding)) == [EXPECTED, EXPECTED]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_hold_separators_line_breaks_and_quotes(tmp_path: Path, quote: str) -> None:
    def quoted(values: tuple[str, ...]) -> str:
        return ";".join(f"{quote}{each.replace(quote, quote * 2)}{quote}" for each in values)

    name = f"a;b{quote}c\nd"
    path = written(tmp_path, f"{quoted(HEADER)}\n{quoted((*ROW[:-1], name))}\n{quoted(ROW)}\n")
    assert read(path) == [EXPECTED | {"merchantId": name}, EXPECTED]


texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Cf"]), min_size=1, max_size=20)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(SEPARATORS))
def test_any_value_survives_any_separator(tmp_path: Path, names: list[str], separator: str) -> None:
    lines = [
        separator.join(f'"{each.replace(chr(34), chr(34) * 2)}"' for each in values)
        for values in (HEADER, *((*ROW[:-1], name) for name in names))
    ]
    assert [row["merchantId"] for row in read(written(tmp_path, "\n".join(lines)))] == names


def test_what_spreadsheets_add_does_no_harm(tmp_path: Path) -> None:
    content = (
        "\ufeffsep=;\r\n" + ";".join(["", *HEADER, ""]) + "\r\n" + ";".join(["0", *ROW, "", ""]) + "\r\n;;;;;;;\r\n\r\n"
    )
    file = MappedFile(written(tmp_path, content, name="EXPORT.CSV"))
    assert list(file.rows()) == [Row(3, EXPECTED)]


def test_columns_that_are_no_fields_are_passed_over_and_named(tmp_path: Path) -> None:
    file = MappedFile(written(tmp_path, ",".join([*HEADER, "note", "Unnamed: 0"]) + "\n" + ",".join([*ROW, "x", "0"])))
    assert [row.values for row in file.sound_rows()] == [EXPECTED]
    assert file.notices == ["passed over columns that are no fields: note, Unnamed: 0"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", ["cp1252", "utf-8"])
def test_a_mark_at_a_files_beginning_decides_whatever_its_map_declares(
    tmp_path: Path, encoding: str, declared: str
) -> None:
    path = written(tmp_path, "Händler,b\nBäckerei,1\n", encoding)
    found = MappedFile(
        path, read_map(f"file: {{encoding: {declared}}}\nfields: {{merchantId: Händler}}\nignore: [b]".encode(), "m")
    )
    assert [row.values for row in found.rows()] == [{"merchantId": "Bäckerei"}]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        # Half of a pair, and half of a character, both in the line of names.
        ("transactionId,\ud800amount\n1,2\n".encode("utf-16-le", "surrogatepass"), "utf-16-le"),
        (b"\xff\xfet\x00r\x00a", "utf-16"),
        (b"t\x00r\x00a\x00n\x00s\x00a\x00c\x00t\x00i\x00o\x00n\x00I\x00d\x00\n\x00\x01\xdc\n\x00", "utf-16-le"),
    ],
)
def test_a_first_line_that_is_no_text_is_refused(tmp_path: Path, content: bytes, encoding: str) -> None:
    file = tmp_path / "day.csv"
    file.write_bytes(content)
    with pytest.raises(FileProblemError, match=rf"line 1 or soon after: not {encoding}; say its encoding"):
        read(file)


@pytest.mark.parametrize("content", ['""\n', '"";""\n', "sep=;\n;\n"])
def test_a_file_without_names_of_columns_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileProblemError, match="it has no line with the names of columns"):
        read(written(tmp_path, content))


def test_a_guessed_encoding_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, f"{','.join(HEADER)}\n{','.join(ROW)}\n", "cp1252")
    assert "read as cp1252" in MappedFile(path).notices[0]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", "transactionId,amountMinr\nt,1\n", "a.csv, column amountMinr: did you mean amountMinor?"),
        ("a.csv", "transaction_id,amountMinor\nt,1\n", "a.csv, column transaction_id: did you mean transactionId?"),
        ("a.csv", "amountMinor,note\n1,x\n", "there is no column transactionId, currency, type, customerId"),
        ("a.csv", "currency,currency\n", "line 1: two columns are called currency"),
        ("a.csv", "", "there is nothing in it"),
        ("a.csv", f'{",".join(HEADER)}\n{",".join(ROW[:-1])},"open\n', "line 2: a quote is not closed"),
        ("a.csv", f"{','.join(HEADER)}\n{','.join(ROW)}\na,b\n", "line 3: 2 columns, and the first line has 6"),
        ("a.csv", f"{','.join(HEADER)}\n\nt,12.50,EUR,PAYMENT,c,m\n", "line 3, column amountMinor: is not an integer"),
        ("a.csv", f"{';'.join(HEADER)}\nt;12,50;EUR;PAYMENT;c;m\n", "line 2, column amountMinor: is not an integer"),
        ("a.jsonl", '{"transactionId": "t"}\n{"a": NaN}\n', "line 2: not JSON"),
        ("a.jsonl", '{"amountMinr": 1}\n', "line 1, column amountMinr: did you mean amountMinor?"),
        (
            "a.jsonl",
            '{"timestamp": 1767600000}\n',
            "line 1, column timestamp: milliseconds are needed, these look like",
        ),
        ("a.parquet", "PAR1", "not a Parquet file"),
        ("a.xlsx", "", "save the sheet as CSV"),
    ],
)
def test_a_complaint_names_file_line_and_column(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    with pytest.raises(FileProblemError) as raised:
        read(written(tmp_path, content, name=name))
    assert complaint in str(raised.value)


@pytest.mark.parametrize("row", [("Ann", "ann@example.com", "4111111111111111"), ("x", "x")])
def test_values_in_the_place_of_names_are_not_shown(tmp_path: Path, row: tuple[str, ...]) -> None:
    path = written(tmp_path, ",".join([*row, *row]) + "\n")
    with pytest.raises(FileProblemError) as raised:
        read(path)
    assert "4111" not in str(raised.value)
    assert "@" not in str(raised.value)


def test_a_wrong_value_is_never_shown(tmp_path: Path) -> None:
    lines = [",".join(HEADER), "4111111111111111,secret,EUR,PAYMENT,c,m"]
    with pytest.raises(FileProblemError) as raised:
        read(written(tmp_path, "\n".join(lines)))
    assert "secret" not in str(raised.value)
    assert "4111" not in str(raised.value)


def test_bytes_that_are_not_in_the_encoding_are_named_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"transactionId": "a"}\n{"transactionId": "\xfc"}\n')
    with pytest.raises(FileProblemError, match=r"a\.jsonl, line \d or soon after: not UTF-8"):
        read(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (gzip.compress(b"a,b"), "is compressed: its name has to end in .gz"),
        (b"PK\x03\x04" + bytes(30), "save the sheet as CSV"),
        (b"PAR1" + bytes(30), "its name has to end in .parquet"),
        (b"SQLite format 3\0" + bytes(30), "export the table as CSV"),
    ],
    ids=["gzip", "a spreadsheet", "Parquet", "SQLite"],
)
@pytest.mark.parametrize("name", ["day.csv", "day.jsonl"])
def test_a_file_of_another_format_is_known_by_its_beginning(
    tmp_path: Path, name: str, content: bytes, advice: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileProblemError, match=advice):
        read(tmp_path / name)


def test_a_json_array_is_refused_as_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileProblemError, match="is a JSON array: JSON Lines has one object on each line"):
        read(written(tmp_path, json.dumps([{"transactionId": "t-1"}], indent=1), name="day.jsonl"))


def test_a_compressed_file_that_was_cut_off_is_refused_after_what_could_be_read(tmp_path: Path) -> None:
    rows = "".join(json.dumps(EXPECTED | {"transactionId": f"t-{n}"}) + "\n" for n in range(5000))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(rows.encode())[:-200])
    found = MappedFile(tmp_path / "a.jsonl.gz").rows()
    assert next(found).values["transactionId"] == "t-0"
    with pytest.raises(FileProblemError, match="cannot be read"):
        list(found)


def parquet(tmp_path: Path, **columns: Any) -> Path:
    plain = {name: [value] for name, value in EXPECTED.items()} | columns
    pq.write_table(pa.table(plain), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_typed_times_become_milliseconds(tmp_path: Path, unit: str, zone: str | None) -> None:
    moment = datetime(2026, 1, 5, 8, tzinfo=UTC if zone else None)
    column = pa.array([moment], pa.timestamp(unit, zone))
    assert read(parquet(tmp_path, timestamp=column))[0]["timestamp"] == NOW


def test_times_finer_than_milliseconds_are_cut_off(tmp_path: Path) -> None:
    column = pa.array([NOW * 10**6 + 999_999], pa.timestamp("ns", "UTC"))
    assert read(parquet(tmp_path, timestamp=column))[0]["timestamp"] == NOW


def test_a_typed_date_is_the_end_of_its_day(tmp_path: Path) -> None:
    assert read(parquet(tmp_path, timestamp=[date(2026, 1, 5)]))[0]["timestamp"] == 1_767_657_599_999


@pytest.mark.parametrize("places", [0, 3])
def test_a_decimal_number_is_a_time_as_any_other_number_is(tmp_path: Path, places: int) -> None:
    kind = pa.decimal128(20, places)
    assert read(parquet(tmp_path, timestamp=pa.array([Decimal(NOW)], kind)))[0]["timestamp"] == NOW
    with pytest.raises(FileProblemError, match="milliseconds are needed, these look like seconds"):
        read(parquet(tmp_path, timestamp=pa.array([Decimal(NOW // 1000)], kind)))


def test_typed_columns_are_read_as_what_each_field_is(tmp_path: Path) -> None:
    row = read(
        parquet(
            tmp_path,
            customerId=pa.array([42]),
            merchantId=pa.array([b"shop-1"]),
            merchantCategoryCode=pa.array([742]),
            cardLast4=pa.array([42.0]),
            terminalId=pa.array(["a"], pa.dictionary(pa.int8(), pa.string())),
            latitude=pa.array([Decimal("41.50")]),
            longitude=pa.array([float("nan")]),
            accountOpenedAt=pa.array([1.5e12]),
            metadata=pa.array([[("basket", "17")]], pa.map_(pa.string(), pa.string())),
        )
    )[0]
    assert row == EXPECTED | {
        "customerId": "42",
        "merchantId": "shop-1",
        "merchantCategoryCode": "0742",
        "cardLast4": "0042",
        "terminalId": "a",
        "latitude": 41.5,
        "accountOpenedAt": 1_500_000_000_000,
        "metadata": {"basket": "17"},
    }


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("amountMinor", pa.array([12.0])),
        ("customerId", pa.array([1e17])),
        ("customerId", pa.array([b"\xff"])),
        ("customerId", pa.array([["a"]])),
        ("timestamp", pa.array([NOW // 1000])),
        ("timestamp", pa.array([20_260_105])),
    ],
)
def test_a_typed_value_that_would_lose_its_meaning_is_refused(tmp_path: Path, column: str, values: Any) -> None:
    with pytest.raises(FileProblemError, match=f"a.parquet, row 1, column {column}: "):
        read(parquet(tmp_path, **{column: values}))


@pytest.mark.parametrize("folder", ["day", "of a colleague"])
def test_other_columns_are_answered_by_a_command_that_can_be_pasted(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    path = written(tmp_path / folder, "a,b\n1,2\n")
    with pytest.raises(FileProblemError) as refused:
        read(path)
    found = re.search("`fraudstream (.*)`", str(refused.value))
    assert found is not None
    assert shlex.split(found[1]) == ["files", "suggest", str(path)]


def test_who_has_a_map_is_not_told_to_use_one(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("id,fraud\n1,yes\n")
    own = read_map(b'fields: {transactionId: id, label: {column: fraud, values: {"1": FRAUD}}}', "own")
    with pytest.raises(FileProblemError, match=r"\nput the file right, or the map$"):
        list(MappedFile(path, own).sound_rows())
    without = written(tmp_path, f"{','.join(HEADER)}\n1,x,EUR,PAYMENT,c,m\n")
    with pytest.raises(FileProblemError, match="put the file right, or use a map: `fraudstream files suggest"):
        read(without)

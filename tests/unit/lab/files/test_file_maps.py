"""Maps: which column is which field, and what becomes of its values."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudstream.detection.rules.strict_yaml import DocumentError
from fraudstream_tools.lab.files.mapping.file_map import FileMap, load_map, read_map, shipped_maps
from fraudstream_tools.lab.files.problems import FileProblemError, Row
from fraudstream_tools.lab.files.reading import MappedFile


def mapped(text: str) -> FileMap:
    return read_map(text.encode(), "m.yaml")


def rows(tmp_path: Path, content: str, text: str) -> list[Row]:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    return list(MappedFile(tmp_path / "a.csv", mapped(text)).rows())


def one(tmp_path: Path, value: str, field: str, source: str) -> Any:
    (row,) = rows(tmp_path, f'a\n"{value}"\n', f"fields:\n  currency: {{value: EUR}}\n  {field}: {source}\n")
    return row.problems[0] if row.problems else row.values.get(field)


@pytest.mark.parametrize(
    ("value", "decimal", "expected"),
    [
        ("12.50", ".", 1250),
        ("12,50", ",", 1250),
        ("1,234.50", ".", 123_450),
        ("1.234,50", ",", 123_450),
        ("1 234,50", ",", 123_450),
        ("1'234.50", ".", 123_450),
        ("12,34,567.5", ".", 123_456_750),
        ("$134.09", ".", 13_409),
        ("12,50 €", ",", 1250),
        ("EUR 7", ".", 700),
        ("1.25E+2", ".", 12_500),
        ("0", ".", 0),
        (".5", ".", 50),
    ],
)
def test_amounts_are_read_exactly(tmp_path: Path, value: str, decimal: str, expected: int) -> None:
    assert one(tmp_path, value, "amountMinor", f'{{column: a, unit: major, decimal: "{decimal}"}}') == expected


@pytest.mark.parametrize(
    ("value", "decimal", "expected"),
    [("1250.0", ".", 1250), ("1250,00", ",", 1250), ("1250", ".", 1250), ("-7.0", ".", 7)],
)
def test_minor_units_that_were_written_with_a_zero_are_read_if_the_map_says_it(
    tmp_path: Path, value: str, decimal: str, expected: int
) -> None:
    source = f'{{column: a, unit: minor, decimal: "{decimal}", negative: absolute}}'
    assert one(tmp_path, value, "amountMinor", source) == expected
    unsaid = one(tmp_path, "1250.0", "amountMinor", "{column: a}")
    assert "1250.0 one with `unit: minor`" in unsaid, "it may be euros: nothing is guessed"


@pytest.mark.parametrize("value", ["12.50", "1,250", "12 €", "1.25E+3", "nan"])
def test_minor_units_are_nothing_but_whole_numbers(tmp_path: Path, value: str) -> None:
    problem = one(tmp_path, value, "amountMinor", "{column: a, unit: minor}")
    assert "is not a whole number of minor units" in problem


def test_minor_units_of_parquet_are_whole_numbers_of_any_type(tmp_path: Path) -> None:
    columns = {
        "float": pa.array([1250.0, None], pa.float64()),
        "decimal": pa.array([Decimal(1250), None], pa.decimal128(18, 0)),
        "places": pa.array([Decimal("1250.00"), None], pa.decimal128(18, 2)),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")

    def read(source: str) -> list[Any]:
        text = f"fields: {{amountMinor: {source}, currency: {{value: EUR}}}}\nignore: others"
        return [row.values.get("amountMinor") for row in MappedFile(tmp_path / "a.parquet", mapped(text)).rows()]

    assert read("decimal") == [1250, None], "a decimal without places is an integer"
    assert read("{column: float, unit: minor}") == read("{column: places, unit: minor}") == [1250, None]
    assert read("float") == read("places") == [None, None], "these may be euros"


@pytest.mark.parametrize(
    ("value", "decimal"),
    [
        *(("12,50", "."), ("1.234.5", ","), ("1,23,4", "."), ("12.5.0", ".")),
        *(("ten", "."), ("12.345", "."), ("--1", "."), ("1-2", ".")),
    ],
)
def test_an_amount_that_can_be_read_in_two_ways_is_refused(tmp_path: Path, value: str, decimal: str) -> None:
    problem = one(tmp_path, value, "amountMinor", f'{{column: a, unit: major, decimal: "{decimal}"}}')
    assert str(problem).startswith("column a: amountMinor ")
    assert value not in str(problem)


@pytest.mark.parametrize("value", ["-12.50", "12.50-", "(12.50)", "$-12.50", "-$12.50", "\u221212.50"])
def test_a_minus_is_found_wherever_it_stands(tmp_path: Path, value: str) -> None:
    source = "{column: a, unit: major, negative: absolute}"
    assert one(tmp_path, value, "amountMinor", source) == 1250
    assert one(tmp_path, value, "type", "{column: a, sign: {positive: DEPOSIT, negative: TRANSFER}}") == "TRANSFER"
    assert "is negative" in one(tmp_path, value, "amountMinor", "{column: a, unit: major}")


@pytest.mark.parametrize(("currency", "expected"), [("JPY", 12), ("EUR", 1200), ("BHD", 12_000), ("CLF", 120_000)])
def test_major_units_are_counted_by_the_currencys_exponent(tmp_path: Path, currency: str, expected: int) -> None:
    text = "fields: {amountMinor: {column: a, unit: major}, currency: c}"
    assert rows(tmp_path, f"a,c\n12.0,{currency.lower()}\n", text)[0].values["amountMinor"] == expected


def test_minor_units_of_others_are_counted_anew(tmp_path: Path) -> None:
    text = "fields: {amountMinor: {column: a, exponents: {ISK: 2, IDR: 0}}, currency: c}"
    found = rows(tmp_path, "a,c\n279000,ISK\n500,IDR\n500,EUR\n150,ISK\n", text)
    assert [row.values.get("amountMinor") for row in found] == [2790, 50_000, 500, None]


def test_an_amount_without_its_currency_is_refused(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "a\n12\n", "fields: {amountMinor: {column: a, unit: major}}")
    assert "needs its currency" in row.problems[0]


def test_a_wrong_currency_is_named_by_its_own_column(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "a,c\n12,EUX\n", "fields: {amountMinor: {column: a, unit: major}, currency: c}")
    assert row.problems == ("column c: currency must be a currency code of ISO 4217, such as EUR",)
    (row,) = rows(tmp_path, "a,c\n12,\n", "fields: {amountMinor: {column: a, unit: major}, currency: c}")
    assert row.problems[0].startswith("column a: amountMinor needs its currency")


@pytest.mark.parametrize(
    ("value", "source", "expected"),
    [
        ("05.01.2026 09:00", '{column: a, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}', 1_767_600_000_000),
        ("1/5/2026 8:00", '{column: a, format: ["%Y", "%m/%d/%Y %H:%M"], zone: UTC}', 1_767_600_000_000),
        ("2026-01-05 09:00:00", "{column: a, zone: Europe/Berlin}", 1_767_600_000_000),
        ("2026-01-05T08:00:00Z", "{column: a, zone: Europe/Berlin}", 1_767_600_000_000),
        ("05.01.26", '{column: a, format: "%d.%m.%y"}', 1_767_657_599_999),
        ("05.01.26", '{column: a, format: "%d.%m.%y", zone: Europe/Berlin}', 1_767_653_999_999),
        ("1767600000", "{column: a, unit: seconds}", 1_767_600_000_000),
        ("1767600000.5", "{column: a, unit: seconds}", 1_767_600_000_500),
        ("1767600000000000", "{column: a, unit: microseconds}", 1_767_600_000_000),
        ("46027.375", "{column: a, unit: spreadsheet-days, zone: Europe/Berlin}", 1_767_600_000_000),
        ("8", '{column: a, unit: hours, since: "2026-01-05T00:00:00Z"}', 1_767_600_000_000),
        ("1767600000000", "{column: a, plus_days: 1}", 1_767_686_400_000),
        ("20260105", '{column: a, format: "%Y%m%d"}', 1_767_657_599_999),
    ],
)
def test_times_are_read_as_the_map_says(tmp_path: Path, value: str, source: str, expected: int) -> None:
    assert one(tmp_path, value, "timestamp", source) == expected


@pytest.mark.parametrize(
    ("value", "source", "complaint"),
    [
        ("1767600000", "a", "milliseconds are needed, these look like seconds"),
        ("1767600000000", "{column: a, unit: seconds}", "read as seconds it is no time between 1990 and 2100"),
        ("05.13.2026", '{column: a, format: "%d.%m.%Y"}', "is not written as %d.%m.%Y"),
        ("2026-01-05 09:00", "a", "must be a date, a date and time with its zone, or epoch milliseconds"),
    ],
)
def test_a_time_that_is_written_otherwise_is_refused(tmp_path: Path, value: str, source: str, complaint: str) -> None:
    assert one(tmp_path, value, "timestamp", source) == f"column a: timestamp {complaint}"


def test_codes_become_codes(tmp_path: Path) -> None:
    text = """
fields:
  label: {column: isFraud, values: {"1": FRAUD, "0": LEGITIMATE, unknown: null}}
  channel: {column: how, values: {web: ECOMMERCE, "*": POS}, otherwise: {value: ATM}}
"""
    found = rows(tmp_path, "isFraud,how\n1,WEB\n0,till\nunknown,\nmaybe,web\n", text)
    assert found[0].values == {"label": "FRAUD", "channel": "ECOMMERCE"}
    assert found[1].values == {"label": "LEGITIMATE", "channel": "POS"}
    assert found[2].values == {"channel": "ATM"}
    assert found[3].problems == ("column isFraud: label holds a code that the map does not know",)


def test_an_id_is_made_of_columns(tmp_path: Path) -> None:
    text = """
fields:
  transactionId: {columns: [a, b], join: ":", prefix: x-}
  originalTransactionId: {columns: [a, b], as: digest}
  cardToken: {column: b, as: token}
  merchantId: {columns: [a, c]}
"""
    first, second = rows(tmp_path, "a,b,c\n1,2,\n1,3,\n", text)
    assert first.values["transactionId"] == "x-1:2"
    assert first.values["originalTransactionId"] != second.values["originalTransactionId"]
    assert first.values["originalTransactionId"].isalpha()
    assert first.values["cardToken"].isalpha()
    assert "merchantId" not in first.values
    assert rows(tmp_path, "a,b,c\n1,2,\n", text)[0] == first, "the same again"


def test_one_persons_token_is_the_same_on_both_sides(tmp_path: Path) -> None:
    text = "fields: {customerId: {column: a, as: token}, counterpartyToken: {column: b, as: token}}"
    first, second = rows(tmp_path, "a,b\nDE1,DE2\nDE2,DE1\n", text)
    assert first.values["customerId"] == second.values["counterpartyToken"] != second.values["customerId"]


def test_columns_are_mapped_or_ignored_and_never_lost_in_silence(tmp_path: Path) -> None:
    with pytest.raises(FileProblemError, match=r"a\.csv, column b: the map m\.yaml neither maps nor ignores it"):
        rows(tmp_path, "a,b\n1,2\n", "fields: {customerId: a}")
    with pytest.raises(FileProblemError, match=r"the map m\.yaml needs a column amount; is it Amount\?"):
        rows(tmp_path, "Amount\n1\n", "fields: {amountMinor: amount}")
    assert rows(tmp_path, "a,b\n1,2\n", "fields: {customerId: a}\nignore: [b]")[0].values == {"customerId": "1"}
    assert rows(tmp_path, "a,b\n1,2\n", "fields: {customerId: a}\nignore: others")[0].values == {"customerId": "1"}
    assert rows(tmp_path, "customerId,merchant\n1,2\n", "ignore: [merchant]")[0].values == {"customerId": "1"}


def test_a_file_can_be_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("Umsätze\n\na|b\n'x|\\'ä'|1\n".encode("cp850"))
    text = (
        "file: {encoding: cp850, separator: '|', quote: \"'\", escape: '\\', header_line: 3}\n"
        "fields: {customerId: a, merchantId: b}"
    )
    found = list(MappedFile(tmp_path / "a.csv", mapped(text)).rows())
    assert found == [Row(4, {"customerId": "x|'ä", "merchantId": "1"})]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fields: {amount: a}", "amount is no field"),
        ("fields: {customerId: {colum: a}}", "fields.customerId: there is no key colum: did you mean column?"),
        ("fields: {customerId: {column: a, value: b}}", "fields.customerId: give one of column, columns and value"),
        ("fields: {customerId: {column: a, unit: major}}", "fields.customerId: there is no key unit"),
        ('fields: {timestamp: {column: a, format: "%d.%m.%Y %H:%M"}}', "needs the zone of the file's clock"),
        ("fields: {timestamp: {column: a, format: x, zone: Mars}}", "zone must be an IANA name"),
        ('fields: {timestamp: {column: a, format: "%Y-%m-%d %Q", zone: UTC}}', "format has a letter behind %"),
        ('fields: {timestamp: {column: a, format: ["%Y-%m-%d", "%s"], zone: UTC}}', "format has a letter behind %"),
        ('fields: {timestamp: {column: a, format: "%Y-%m-%", zone: UTC}}', "format has a letter behind %"),
        ("fields: {timestamp: {column: a, unit: hours, since: soon}}", "fields.timestamp"),
        ("fields: {customerId: {column: a, matching: '('}}", "matching is no regular expression"),
        ("ignore: everything", "ignore must be a list of columns, or the word others"),
        ("file: {separator: ';;'}", "file.separator must be one character"),
        ("feilds: {}", "there is no key feilds: did you mean fields?"),
        ("fields: [a]", "fields"),
        ("[", "it is no YAML"),
    ],
)
def test_a_wrong_map_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(DocumentError) as raised:
        mapped(text)
    assert complaint in str(raised.value)


def test_maps_are_found_by_name_or_file(tmp_path: Path) -> None:
    assert load_map("paysim").fields
    (tmp_path / "m.yaml").write_text("fields: {customerId: a}")
    assert set(load_map(str(tmp_path / "m.yaml")).fields) == {"customerId"}
    for name, complaint in (("nothing", shipped_maps()[0]), (str(tmp_path / "gone.yaml"), "No such file")):
        with pytest.raises(FileProblemError, match=complaint):
            load_map(name)

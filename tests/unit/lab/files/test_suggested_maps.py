"""A first map, from what a file's columns are called and hold: it reads that file, and says what is not sure."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.mapping.suggest import suggest
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import REQUIRED, MappedFile


def test_a_german_export_is_read_by_its_first_map(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        "Bestellung Nr;Order ID;Date;Betrag;Währung;Customer;Card Number;Email;is_fraud\n"
        "1;A 1;23/04/2026 10:00;1.234,50;eur;k1;4111 1111 1111 1111;a@example.com;0\n"
        "1;A 2;24/04/2026 11:00;2,00;eur;k2;5555 5555 5555 4444;b@example.com;1\n".encode("cp1252")
    )
    found = suggest(path)
    first, second = MappedFile(path, read_map(found.text.encode(), "m"), needs=REQUIRED).sound_rows()
    assert first.values["amountMinor"] == 123_450
    assert first.values["timestamp"] == 1_776_938_400_000
    assert (first.values["currency"], first.values["type"]) == ("EUR", "PAYMENT")
    assert (first.values["label"], second.values["label"]) == ("LEGITIMATE", "FRAUD")
    assert first.values["cardToken"].isalpha()
    assert first.values["transactionId"].isalpha(), "a space is not allowed in an id"
    assert "Email  # personal" in found.text
    assert "encoding: cp1252" in found.text
    assert any(point.startswith("type: no column") for point in found.to_do)
    assert "4111" not in found.text


def test_what_is_ambiguous_or_missing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("place,date,amount,shop\n1,03/04/2026,-5,a\n2,05/04/2026,7,b\n")
    found = suggest(path)
    assert "timestamp: day first, or month first?" in found.to_do
    assert "customerId: no column seems to have it; it is required" in found.to_do
    assert any("negative amounts" in point for point in found.to_do)
    with pytest.raises(FileProblemError, match="says nothing of customerId"):
        MappedFile(path, read_map(found.text.encode(), "m"), needs=REQUIRED)


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("1767600000", "unit: seconds"),
        ("1767600000123456", "unit: microseconds"),
        ("1767600000000", "timestamp: ts"),
        ("2026-01-05T08:00:00Z", "timestamp: ts"),
        ("2026-01-05 08:00:00", 'format: "%Y-%m-%d %H:%M:%S", zone: UTC'),
        ("20260105", 'format: "%Y%m%d"'),
        ("05.01.26", 'format: "%d.%m.%y"'),
        ("46027.375", "unit: spreadsheet-days"),
    ],
)
def test_how_times_are_written_is_found_out(tmp_path: Path, value: str, keys: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,ts,amount,customer\n1,{value},12.50,c\n")
    assert keys in suggest(path).text


@pytest.mark.parametrize(
    ("columns", "day", "time"),
    [
        ("Tran Date,Tran Time", "05.01.2026", "08:00:00"),
        ("date,time", "2026-01-05", "08:00"),
        ("Buchungstag,Uhrzeit", "05.01.26", "08:00:00"),
        ("Time,Date", "01/15/2026", "8:00:00 AM"),
        ("TransactionDate,TransactionTime", "20260105", "080000"),
    ],
)
def test_a_day_and_the_time_beside_it_are_one_time(tmp_path: Path, columns: str, day: str, time: str) -> None:
    path = tmp_path / "a.csv"
    moment = f"{time},{day}" if columns.startswith("Time") else f"{day},{time}"
    path.write_text(f"Reference,{columns},Amount,Customer\nr-1,{moment},12.50,c\nr-2,{moment},7.50,d\n")
    found = suggest(path)
    first, _ = MappedFile(path, read_map(found.text.encode(), "m"), needs=REQUIRED).sound_rows()
    assert datetime.fromtimestamp(first.values["timestamp"] / 1000, UTC).strftime("%m %H:%M:%S") == "01 08:00:00"
    assert "timestamp: which zone did the file's clock run in?" in found.to_do
    assert "ignore" not in found.text


def test_other_times_beside_a_day_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,date,time to answer,settled time,amount,customer\n1,2026-01-05,17,,12.50,c\n")
    assert "timestamp: date" in suggest(path).text


@pytest.mark.parametrize("content", ["", "a,b\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(FileProblemError, match="there is n"):
        suggest(tmp_path / "a.csv")


def test_an_unknown_column_with_a_value_of_its_own_in_each_row_is_the_id(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("E-Mail;Stand;Wann;Vorgang\na@b.de;1,50;23.04.2026;E-1\nc@d.de;2,50;24.04.2026;E-2\n")
    found = suggest(path)
    assert "transactionId: Vorgang" in found.text
    assert "transactionId: Vorgang has a different value in every row; is it that?" in found.to_do


def test_an_id_is_made_of_what_no_later_export_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    names = "date;amount;customer;card number;is_fraud;reported at"
    path.write_text(
        f"{names}\n23.04.2026;1,50;k;4111111111111111;1;24.04.2026\n24.04.2026;1,50;k;4111111111111111;0;\n"
    )
    assert "transactionId: {columns: [date, amount, customer], as: digest}" in suggest(path).text
    path.write_text(f"{names}\n" + "23.04.2026;1,50;k;4111111111111111;0;\n" * 2)
    found = suggest(path)
    assert 'transactionId: {columns: [date, amount, customer, "#row"], as: digest}' in found.text
    assert any("another file gives the same payment another id" in point for point in found.to_do)


def test_values_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"{n};2026-04-{n % 28 + 1:02};{n},50;EUR;c\n" for n in range(1, 999))
    path.write_text(f"id;date;amount;currency;customer\n{rows}7;total;see below;none;c\n")
    found = suggest(path)
    assert 'amountMinor: {column: amount, unit: major, decimal: ","}' in found.text
    assert {point for point in found.to_do if " of the first 999 values of " in point} == {
        "transactionId: 1 of the first 999 values of id repeat an earlier one",
        "timestamp: 1 of the first 999 values of date are written otherwise, or are no times",
        "amountMinor: 1 of the first 999 values of amount cannot be read as such",
        "currency: 1 of the first 999 values of currency cannot be read as such",
    }


def test_codes_of_labels_are_listed_and_none_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,date,amount,customer,label\n1,2026-04-23,1.50,c,ok\n2,2026-04-23,2.50,c,chargeback\n")
    label = read_map(suggest(path).text.encode(), "m").fields["label"]
    assert label.values == {"chargeback": None, "ok": None}
    path.write_text("id,date,amount,customer,label\n1,2026-04-23,1.50,c,ja\n2,2026-04-23,2.50,c,nein\n")
    label = read_map(suggest(path).text.encode(), "m").fields["label"]
    assert label.values == {"ja": "FRAUD", "nein": "LEGITIMATE"}


@pytest.mark.parametrize("currency", ["Währung", "Wa\u0308hrung", "WÄHRUNG", "Waehrung", "Devise", "Einheit"])
def test_currencies_of_a_column_are_never_taken_for_another(tmp_path: Path, currency: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id;Datum;Betrag;Kunde;{currency}\n1;23.04.2026;1,50;c;USD\n2;23.04.2026;2,50;c;USD\n")
    found = read_map(suggest(path).text.encode(), "m").fields["currency"]
    assert (found.column, found.value) == (currency, None)


def test_german_names_of_columns_are_known(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    names = "Transaktionsnummer;Buchungszeit;Betrag;Währung;Kundennummer;Kartennummer;Händler;Betrug"
    path.write_text(f"{names}\n1;23.04.2026 10:00;1,50;EUR;k;4111111111111111;h;nein\n", encoding="utf-8")
    fields = read_map(suggest(path).text.encode(), "m").fields
    columns = {name: source.column for name, source in fields.items() if name != "type"}
    assert list(columns.values()) == names.split(";")
    assert list(columns)[4:] == ["customerId", "cardToken", "merchantId", "label"]


@pytest.mark.parametrize(
    ("column", "value", "unit"),
    [("amount_cents", "1250.0", "minor"), ("amountMinor", "1250", "minor"), ("amount_cents", "12.50", "major")],
)
def test_cents_that_were_written_with_a_zero_stay_cents(tmp_path: Path, column: str, value: str, unit: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,ts,{column},currency,customer\n1,2026-01-05T08:00:00Z,{value},EUR,c\n")
    found = suggest(path)
    assert f"column: {column}, unit: {unit}" in found.text
    (row,) = MappedFile(path, read_map(found.text.encode(), "m"), needs=REQUIRED).sound_rows()
    assert row.values["amountMinor"] == 1250


def test_whole_numbers_with_a_zero_may_be_of_either_unit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,ts,amount,currency,customer\n1,2026-01-05T08:00:00Z,1250.0,EUR,c\n")
    assert "amountMinor: are the whole numbers of amount major units, or minor ones?" in suggest(path).to_do


def test_columns_that_are_called_like_fields_are_these(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "id,timestamp,amountMinor,currency,customerId,channel,authorizationResult,entryMode,label,fraud,source\n"
        "1,1767600000,1250,EUR,c,POS,DECLINED,by hand,FRAUD,true,web\n"
        "2,1767600060,1250,EUR,c,ECOMMERCE,APPROVED,by hand,,false,app\n"
    )
    found = suggest(path)
    fields = read_map(found.text.encode(), "m").fields
    own = ["channel", "authorizationResult", "label", "fraud"]
    assert [fields[name].column for name in own] == own, "what was declined is no honest payment"
    assert not fields.keys() & {"entryMode", "source"}
    assert "entryMode: entryMode has other values than this field, and is passed over" in found.to_do
    (declined, _) = MappedFile(path, read_map(found.text.encode(), "m"), needs=REQUIRED).sound_rows()
    assert declined.values["authorizationResult"] == "DECLINED"


def test_a_column_of_types_is_the_type_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;Datum;Betrag;Kunde;Art\n1;23.04.2026;1,50;c;TRANSFER\n2;23.04.2026;2,50;c;PAYMENT\n")
    found = suggest(path)
    assert read_map(found.text.encode(), "m").fields["type"].column == "Art"
    assert "type: Art holds types of transactions; is it that?" in found.to_do

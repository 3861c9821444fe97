"""A first map, from what a file's columns are called and hold: it reads that file, and says what is not sure."""

from pathlib import Path

import pytest

from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.mapping.suggest import suggest
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import REQUIRED, MappedFile


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


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


@pytest.mark.parametrize("content", ["", "a,b\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(FileProblemError, match="there is n"):
        suggest(tmp_path / "a.csv")

"""A first map is always one that can be read, whatever the file's columns are called and hold."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.mapping.suggest import suggest
from fraudstream_tools.lab.files.reading import MappedFile

NAMES = ("id", "date", "Betrag", "Währung", "type", "kind", "Customer", "card", "is_fraud", "reported_at", "#row")
ODD = ("*", "", "no", "~", "null", "a: b", "- a", "a\u200bb", "a\nb", "\ud800", '"\\', "x" * 70, "# a", "<<", "\x85")
texts = st.sampled_from(ODD) | st.text(max_size=8) | st.sampled_from(("1", "12,50", "-3", "EUR", "23.04.2026", "ja"))


@given(rows=st.lists(st.dictionaries(st.sampled_from(NAMES) | texts, texts, min_size=1), min_size=1, max_size=5))
def test_what_is_written_can_be_read(rows: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        file_map = read_map(suggest(path).text.encode(), "m")
        assert "transactionId" in file_map.fields
        assert not [row for row in MappedFile(path, file_map).rows() if any("neither maps" in p for p in row.problems)]


@pytest.mark.parametrize(
    "content",
    [
        "A;B\nE-1;100,00\nE-2;5,00\n",
        "A;B\nE-1;100,00\nE-1;5,00\n",
        "sep=\\\na\\b\n1\\2\n",
        "a\u00adb,type\n1,*\n2,Kauf\n",
    ],
)
def test_a_table_that_says_little_has_a_map_that_can_be_read(tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd \u200b.csv"
    path.write_text(content)
    MappedFile(path, read_map(suggest(path).text.encode(), "m"))

"""Each decision record has its parts, and the index lists it."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs/adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
PARTS = ["Context", "Decision", "Alternatives", "Consequences"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_status_date_and_all_parts_with_something_in_them(record: Path) -> None:
    text = record.read_text()
    assert re.match(rf"# {record.stem[:4]}\. .+\n\nStatus: .+  \nDate: \d{{4}}-\d\d-\d\d\n", text)
    parts = dict(re.findall(r"^## ([^\n]+)\n\n(.+?)(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(parts) == PARTS
    assert all(part.strip() for part in parts.values())


def test_the_index_lists_every_record_as_it_is() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| (.+?) \| (.+?) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    heads = (re.match(r"# (\d{4})\. (.+)\n\nStatus: (.+)  \nDate: (.+)\n", record.read_text()) for record in RECORDS)
    listed = [(head[1], record.name, *head.groups()[1:]) for head, record in zip(heads, RECORDS, strict=True) if head]
    assert rows == listed


def test_numbers_have_no_gap() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))

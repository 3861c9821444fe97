"""The documents use the field's words, and words of our own only as the glossary defines them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
INSTEAD = {
    "the house": "the repository",
    "the door": "the API, or the transaction processor",
    "in force": "active",
    "into force": "active",
    "the books": "reconciliation",
    "rooms": "packages",
    "lies in": "is stored in",
    "lie in": "are stored in",
    "lies under": "is stored under",
    "lies beside": "is stored beside",
    "stands in the": "is in the",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_says_it_in_plain_words(page: Path) -> None:
    text = " ".join(page.read_text().lower().split())
    found = {words: plain for words, plain in INSTEAD.items() if re.search(rf"\b{words}\b", text)}
    assert found == {}


def test_the_glossary_defines_each_word_once() -> None:
    glossary = (ROOT / "docs/architecture.md").read_text().partition("## Glossary")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", glossary, re.MULTILINE)[2:]
    words = [word for row in rows for word in row[0].split(", ")]
    assert len(words) == len(set(words)) > 25

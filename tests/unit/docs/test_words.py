"""Documents and code use the field's words, and words of our own only as the glossary defines them."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
MODULES = sorted(
    path for folder in ("src", "infra", "policy", "proofs", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
LONGEST_TEST_NAME = 75
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


def prose(module: str) -> Iterator[str]:
    """Yield the comments and docstrings of a module."""
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(module).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def test_code_is_described_in_plain_words() -> None:
    found: list[str] = []
    for path in MODULES:
        module = path.read_text()
        if not re.search(
            rf"\b(?:{'|'.join(INSTEAD)})\b|\"\"\"gives?\b", " ".join(module.lower().replace("#", "").split())
        ):
            continue
        for text in prose(module):
            words = " ".join(text.lower().split())
            found += [f"{path.relative_to(ROOT)}: {figure}" for figure in INSTEAD if re.search(rf"\b{figure}\b", words)]
            if re.match(r"gives?\b", words):
                found.append(f"{path.relative_to(ROOT)}: begins with give: say return, write or build")
    assert found == []


def test_names_of_tests_can_be_read_at_once() -> None:
    names = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert {name for name in names if len(name) > LONGEST_TEST_NAME} == set()


def test_the_glossary_defines_each_word_once() -> None:
    glossary = (ROOT / "docs/architecture.md").read_text().partition("## Glossary")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", glossary, re.MULTILINE)[2:]
    words = [word for row in rows for word in row[0].split(", ")]
    assert len(words) == len(set(words)) > 25

"""Every path that the documents name exists, and every link between them leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")],
)
MADE = {".venv", ".local", ".build", "decision-log"}
"""What commands make in a working copy; in pages these names may be keys of the bucket."""
TOP = {entry.name for entry in ROOT.iterdir() if entry.name not in MADE}
PLACEHOLDER = re.compile(r"[A-Z]{4}|…|\*|<|\$")
"""In a name that stands for many, such as `RULE-ID.yaml`."""


def text_of(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def named(page: Path) -> Iterator[str]:
    """Yield the paths from the repository's root that a page names as code."""
    for code in re.findall(r"`([^`\n]+)`", text_of(page)):
        if re.fullmatch(r"\.?[\w.-]+(/[\w.*…<>$-]*)+", code) and code.partition("/")[0] in TOP:
            yield code


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the files and anchors that a page links to within the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    missing = [path for path in named(page) if not PLACEHOLDER.search(path) and not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_title(page: Path) -> None:
    broken = [
        f"{path}#{anchor}"
        for path, anchor in links(page)
        if not (target := page.parent / path if path else page).exists() or (anchor and anchor not in anchors(target))
    ]
    assert broken == []


def test_the_recipes_name_enough_paths_to_be_checked() -> None:
    assert len(set(named(ROOT / "CONTRIBUTING.md"))) > 60


def test_functions_and_classes_are_in_the_files_that_recipes_name() -> None:
    rows = re.findall(r"`(\w+)` in `((?:src|infra)/[\w/]+\.py)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(rows) > 10
    unknown = [
        f"{name} in {path}"
        for name, path in rows
        if not re.search(rf"^\s*(?:class |def )?{name}\b", (ROOT / path).read_text(), re.MULTILINE)
    ]
    assert unknown == []

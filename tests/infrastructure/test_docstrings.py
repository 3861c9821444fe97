"""Docstrings begin with plain verbs, and a public class name means one thing in the whole tree."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTED = ("src", "infra", "policy", "benchmarks", "proofs")
NAMED = (*DOCUMENTED, "accessibility")
UNCLEAR_VERBS = frozenset({"Bring", "Give", "Let", "Put", "Say", "Take", "Tell"})


def _trees(folders: tuple[str, ...]) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def _unclear(text: str) -> bool:
    return text.split(maxsplit=1)[0].rstrip(".,:;") in UNCLEAR_VERBS if text.strip() else False


@pytest.mark.parametrize("folder", DOCUMENTED)
def test_no_docstring_begins_with_an_unclear_verb(folder: str) -> None:
    unclear = [
        f"{path}:{line}: {text.splitlines()[0]}"
        for path, tree in _trees((folder,))
        for line, text in _docstrings(tree)
        if _unclear(text)
    ]
    assert unclear == []


def test_a_public_class_name_occurs_once() -> None:
    classes = Counter(
        node.name
        for _, tree in _trees(NAMED)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in classes.items() if count > 1] == []


def test_every_folder_has_modules_to_check() -> None:
    assert all(any(True for _ in _trees((folder,))) for folder in NAMED)

"""Docstrings that refer to a name of another module, such as `breaker.most_flagged`, name one that is there."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("src", "infra", "policy", "benchmarks", "proofs", "accessibility")
MODULES = {
    tuple(file.relative_to(ROOT).with_suffix("").parts): file
    for folder in FOLDERS
    for file in sorted((ROOT / folder).rglob("*.py"))
}
_REFERENCE = re.compile(r"`([a-z_]+(?:\.[a-z_]+)*)\.([A-Za-z_]+)`")
_ENDINGS = {"py", "com"}
"""Of files and hosts."""


def references(file: Path) -> Iterator[tuple[str, str]]:
    """Yield what a file's docstrings refer to elsewhere: a module, as far as it is named, and a name in it."""
    tree = ast.parse(file.read_text())
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                for dotted, name in _REFERENCE.findall(text):
                    if dotted not in own and name not in _ENDINGS and not is_of_others(dotted):
                        yield dotted, name


def is_of_others(dotted: str) -> bool:
    first = dotted.partition(".")[0]
    return first in sys.stdlib_module_names or any(first == name for name in packages_distributions())


def modules_named(dotted: str) -> list[tuple[str, ...]]:
    parts = tuple(dotted.split("."))
    packages = *parts, "__init__"
    return [each for each in MODULES if parts == each[-len(parts) :] or packages == each[-len(packages) :]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_docstrings_refer_to_is_there(folder: str) -> None:
    missing: list[str] = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        for dotted, name in references(file):
            found = modules_named(dotted)
            is_module = any(modules_named(f"{dotted}.{name}"))
            is_there = any(re.search(rf"\b{name}\b", MODULES[module].read_text()) for module in found)
            if not is_module and not is_there:
                missing.append(f"{file.relative_to(ROOT)}: `{dotted}.{name}`")
    assert missing == []

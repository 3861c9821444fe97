"""The embedded AWS knows nothing of what runs in it: it could be cut out and used elsewhere."""

import ast
from pathlib import Path

import fraudstream_tools.local as package

FOLDER = Path(str(package.__file__)).parent


def imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_it_imports_nothing_of_the_product_and_nothing_of_the_other_tools() -> None:
    modules = {name for file in FOLDER.rglob("*.py") for name in imported(file)}
    foreign = {name for name in modules if name.split(".")[0] in {"fraudstream", "infra", "policy"}}
    siblings = {
        name
        for name in modules
        if name.split(".")[0] == "fraudstream_tools" and not name.startswith("fraudstream_tools.local")
    }
    assert foreign == set()
    assert siblings == set()

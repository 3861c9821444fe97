"""The embedded AWS knows nothing of what runs in it: it could be cut out and used elsewhere."""

import ast
from pathlib import Path

import embedded_aws as package

FOLDER = Path(str(package.__file__)).parent


def imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_the_embedded_aws_imports_nothing_of_this_repository() -> None:
    modules = {name.split(".")[0] for file in FOLDER.rglob("*.py") for name in imported(file)}
    assert modules & {"fraudstream", "fraudstream_tools", "infra", "policy", "tests", "benchmarks"} == set()

"""Imports go one way, as CONTRIBUTING says: a layer knows only the layers below it."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("aws", "transactions", "detection", "reporting", "functions")
"""Packages of the functions' code from the lowest to the highest; every single module beside them is below all."""
OWN = (
    *("fraudstream", "fraudstream_tools", "embedded_aws", "infra", "policy", "proofs", "tests", "benchmarks"),
    "accessibility",
)
OF_INFRA = {
    "fraudstream.contract",
    "fraudstream.settings",
    "fraudstream.reporting.log.columns",
    "fraudstream.reporting.log.keys",
}
"""What the Pulumi program may know of the functions' code."""
CHECK_OF_RULES = {
    "fraudstream.detection.models.model",
    "fraudstream.detection.models.selection",
    "fraudstream.detection.rules.ruleset",
    "fraudstream_tools.rules.written",
    "fraudstream_tools.rules.folder",
}
"""What one module of it may know too: it checks the rules that are uploaded."""
SIDE_BY_SIDE = (
    "src/fraudstream/reporting/log",
    "src/fraudstream/detection/stores",
    "src/fraudstream_tools/cli",
    "src/fraudstream_tools/cli/support",
    "src/fraudstream_tools/lab/training",
)
"""Folders whose sub-packages know each other in one direction only."""
TRAINING = {"lightgbm", "numpy", "pandas", "pyarrow", "sklearn", "scipy"}


def imported(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each module of a folder with the name of each module that it imports."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield file, node.module


def wrong(folder: str, allowed: set[str]) -> list[str]:
    """Return the imports of this repository's packages that a folder may not have."""
    return [
        f"{file.relative_to(ROOT)} imports {name}"
        for file, name in imported(ROOT / folder)
        if name.split(".")[0] in OWN and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_layers_below_it_and_plain_modules(layer: str) -> None:
    plain = {f"fraudstream.{file.stem}" for file in (ROOT / "src/fraudstream").glob("*.py")}
    below = {f"fraudstream.{each}" for each in LAYERS[: LAYERS.index(layer) + 1]}
    assert wrong(f"src/fraudstream/{layer}", plain | below) == []


@pytest.mark.parametrize("folder", SIDE_BY_SIDE)
def test_packages_side_by_side_import_each_other_in_one_direction(folder: str) -> None:
    own = folder.removeprefix("src/").replace("/", ".")
    packages = {file.parent.name for file in (ROOT / folder).glob("*/__init__.py")}
    knows: dict[str, set[str]] = {package: set() for package in packages}
    for package in packages:
        for _, name in imported(ROOT / folder / package):
            other = name.removeprefix(f"{own}.").partition(".")[0]
            if name.startswith(f"{own}.") and other != package:
                knows[package].add(other)
    assert any(knows.values())
    TopologicalSorter(knows).prepare()  # raises where there is a cycle


def test_plain_modules_import_no_layer() -> None:
    layers = {f"fraudstream.{layer}" for layer in LAYERS}
    files = {*(ROOT / "src/fraudstream").glob("*.py")}
    found = [(file.name, name) for file, name in imported(ROOT / "src/fraudstream") if file in files]
    assert found
    assert [each for each in found if any(each[1].startswith(layer) for layer in layers)] == []


def test_the_pulumi_program_imports_names_columns_and_one_check_of_rules() -> None:
    assert wrong("infra", {"infra", *OF_INFRA, *CHECK_OF_RULES}) == []
    checking = wrong("infra", {"infra", *OF_INFRA})
    assert {each.partition(" ")[0] for each in checking} == {"infra/data/program_rules.py"}


def test_the_policies_import_nothing_of_what_they_check() -> None:
    assert wrong("policy", {"policy"}) == []


def test_the_functions_code_needs_no_training_library() -> None:
    assert [name for _, name in imported(ROOT / "src/fraudstream") if name.split(".")[0] in TRAINING] == []


def test_whoever_reads_many_items_looks_at_what_was_left_out() -> None:
    """A busy table answers with status 200 and leaves keys out: who takes them for missing takes a wrong decision."""
    readers = [file for file in sorted((ROOT / "src").rglob("*.py")) if "batch_get_item(" in file.read_text()]
    assert readers
    assert [str(file) for file in readers if "UnprocessedKeys" not in file.read_text()] == []

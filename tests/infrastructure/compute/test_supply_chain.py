"""What a package carries is what its lock says, under a licence that allows it, and imports nothing else."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.compute.lambda_packages import Target, build_package

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
BILLS = ROOT / ".venv-supply-chain/bin/cyclonedx-py"
HOST = Target(kind="host", architecture="arm64", runtime="python3.11")
ALLOWED = re.compile(r"\b(MIT|MIT-0|Apache|BSD|PSF|Python Software Foundation|ISC)\b", re.IGNORECASE)
FORBIDDEN = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|General Public)", re.IGNORECASE)
SECRETS = {
    "an AWS access key": re.compile(rb"\bA(?:KIA|SIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "a Slack token": re.compile(rb"\bxox[abpr]-[A-Za-z0-9-]{10,}"),
}


@pytest.fixture(scope="module", params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def archive(function: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(build_package(function, HOST).path)


def requirements(lock: str) -> list[Requirement]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return [Requirement(line.rstrip(" \\")) for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]


def locked(function: str) -> dict[str, str]:
    """What the lock names for this machine, with its version."""
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements(function)
        if each.marker is None or each.marker.evaluate()
    }


def carried_by(archive: zipfile.ZipFile) -> dict[str, str]:
    """What a package holds, with its version."""
    names = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    carried = dict(name.removesuffix(".dist-info").rsplit("-", 1) for name in names)
    return {canonicalize_name(name): version for name, version in carried.items()}


def test_what_the_code_imports_has_one_version_on_every_python() -> None:
    """Types are checked as Python 3.11 has them: annotations for a newer one are unknown to it."""
    names = Counter(canonicalize_name(each.name) for each in requirements("development"))
    forked = {name for name, versions in names.items() if versions > 1}
    folders = ("src", "infra", "policy", "proofs", "benchmarks", "accessibility", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    imported = {
        module.partition(".")[0] for path in files for module in imports(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert imported & forked == set()


def test_a_package_holds_what_its_lock_says_and_nothing_else(function: str, archive: zipfile.ZipFile) -> None:
    assert carried_by(archive) == locked(function)


@pytest.mark.skipif(not BILLS.exists(), reason="make sbom brings the tool along")
def test_a_bill_of_materials_names_what_the_package_holds(
    function: str, archive: zipfile.ZipFile, tmp_path: Path
) -> None:
    bill = tmp_path / "bill.json"
    command = [BILLS, "requirements", "--output-reproducible", "--output-format", "JSON", "--output-file", bill]
    subprocess.run([*command, ROOT / "requirements" / f"{function}.txt"], check=True)
    named = {
        canonicalize_name(each["name"]): each["version"]
        for each in json.loads(bill.read_text(encoding="utf-8"))["components"]
    }
    assert named == carried_by(archive)


def test_no_function_writes_traces_of_its_own(function: str, archive: zipfile.ZipFile) -> None:
    """A segment might hold anything: Lambda and API Gateway write theirs, and nobody else does."""
    assert not {"aws-xray-sdk", "opentelemetry-api"} & carried_by(archive).keys()
    own = [name for name in archive.namelist() if name.startswith("fraudstream/") and name.endswith(".py")]
    assert len(own) > 20, function
    assert [name for name in own if re.search(rb"xray|opentelemetry|Tracer\b", archive.read(name))] == []


def test_every_licence_allows_what_is_done_with_it(archive: zipfile.ZipFile) -> None:
    files = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    assert files
    for name in files:
        metadata = HeaderParser().parsestr(archive.read(name).decode())
        said = [metadata.get("License-Expression", ""), (metadata.get("License") or "")[:100]]
        said += [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
        assert ALLOWED.search(" ".join(said)), (name, said)
        assert not FORBIDDEN.search(" ".join(said)), (name, said)


def test_a_function_imports_only_what_its_package_holds(function: str, archive: zipfile.ZipFile) -> None:
    seen, lacking = imported_modules(function, archive)
    assert lacking == []
    assert len(seen) > 20


def test_a_function_that_imports_what_its_package_lacks_is_told(
    function: str, archive: zipfile.ZipFile, tmp_path: Path
) -> None:
    handler = f"fraudstream/functions/{function.replace('-', '_')}.py"
    with zipfile.ZipFile(tmp_path / "changed.zip", "w") as changed:
        for name in archive.namelist():
            if name.endswith(".py") or ".dist-info/" in name:
                late = b"\ndef later() -> None:\n    import pandas\n" if name == handler else b""
                changed.writestr(name, archive.read(name) + late)
    with zipfile.ZipFile(tmp_path / "changed.zip") as changed:
        _, lacking = imported_modules(function, changed)
    assert lacking == [f"fraudstream.functions.{function.replace('-', '_')} imports pandas"]


def imported_modules(function: str, archive: zipfile.ZipFile) -> tuple[set[str], list[str]]:
    """Give the modules of ours that a function reaches, and what they import that its package does not hold."""
    names = set(archive.namelist())
    carried = {name.partition("/")[0].removesuffix(".py").partition(".")[0] for name in names}
    waiting, seen, lacking = [f"fraudstream.functions.{function.replace('-', '_')}"], set[str](), list[str]()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = module.replace(".", "/")
        file = next(each for each in (f"{path}.py", f"{path}/__init__.py") if each in names)
        for found in imports(ast.parse(archive.read(file))):
            top = found.partition(".")[0]
            if top == "fraudstream":
                own = found.replace(".", "/")
                # A name of a module, or a name in it.
                waiting.append(found if {f"{own}.py", f"{own}/__init__.py"} & names else found.rpartition(".")[0])
            elif top not in sys.stdlib_module_names and top not in carried:
                lacking.append(f"{module} imports {found}")
    return seen, lacking


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported when the code runs, in functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)
        else:
            yield from imports(node)


def test_no_secret_is_in_the_tree() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    found = {
        (name, what)
        for name in listed.stdout.decode().split("\0")
        if name and (ROOT / name).is_file()
        for what, pattern in SECRETS.items()
        for match in pattern.findall((ROOT / name).read_bytes())
        if b"EXAMPLE" not in match
    }
    assert found == set()

"""The functions' packages: complete, small, for the right machine, and the same bytes every time."""

import base64
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.compute import lambda_packages
from infra.compute.lambda_packages import Package, PackagingError, Target, build_package
from infra.settings import Architecture

FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
LAMBDA = Target(kind="lambda", architecture="arm64", runtime="python3.11")
HOST = Target(kind="host", architecture="arm64", runtime="python3.11")
ELF_MACHINES = {0xB7: "arm64", 0x3E: "x86_64"}
REQUIREMENTS = Path(__file__).parents[3] / "requirements"
LIMIT = 50_000_000
"""What Lambda takes in a direct upload, in bytes."""


@pytest.fixture(scope="module", params=FUNCTIONS)
def package(request: pytest.FixtureRequest) -> Package:
    """Each function's package for Lambda."""
    return build_package(request.param, LAMBDA)


def contents(package: Package) -> dict[str, bytes]:
    with zipfile.ZipFile(package.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_package_is_well_below_what_lambda_takes(package: Package) -> None:
    assert package.path.stat().st_size < LIMIT * 0.6


def test_its_hash_is_that_of_the_file_as_lambda_gives_it(package: Package) -> None:
    assert package.sha256 == base64.b64encode(hashlib.sha256(package.path.read_bytes()).digest()).decode()


def test_it_holds_our_code_as_it_stands(package: Package) -> None:
    held = contents(package).items()
    found = {name: body for name, body in held if name.startswith("fraudstream/") and not name.endswith(".pyc")}
    source = lambda_packages.SOURCE
    assert found == {
        f"fraudstream/{path.relative_to(source).as_posix()}": path.read_bytes()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_compiled_parts_are_for_arm_and_for_the_c_library_of_the_runtime(package: Package) -> None:
    compiled = {name: body for name, body in contents(package).items() if body[:4] == b"\x7fELF"}
    assert {"msgspec", "httptools"} <= {name.split("/")[0] for name in compiled}
    for name, body in compiled.items():
        (machine,) = struct.unpack_from("<H", body, 18)
        assert ELF_MACHINES.get(machine) == "arm64", name
        versions = {int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", body)}
        assert max(versions) <= 26, f"{name} wants glibc 2.{max(versions)}"
        # A part for one Python names it; one for the stable interface of all does not.
        assert "cpython-311-" in name or "abi3" in name or "cpython" not in name, name


def test_it_holds_nothing_that_no_function_needs(package: Package) -> None:
    names = contents(package).keys()
    unneeded = re.compile(r"(^|/)(tests|bin)/|\.pyi$|/RECORD$|^fraudstream_tools/|^boto3/examples/")
    assert [name for name in names if unneeded.search(name)] == []
    services = {name.split("/")[2] for name in names if re.match(r"botocore/data/[^/]+/", name)}
    assert services == {"dynamodb", "s3"}


def test_each_module_is_compiled_where_this_python_is_that_of_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "function.txt").write_text("")
    monkeypatch.setattr(lambda_packages, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(lambda_packages, "_prune", lambda _: None)
    monkeypatch.setattr(lambda_packages, "_install", lambda _lock, _target, folder: folder.mkdir())
    source = tmp_path / "fraudstream"
    source.mkdir()
    (source / "__init__.py").write_text("NUMBER = 1\n")
    monkeypatch.setattr(lambda_packages, "SOURCE", source)
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for runtime, is_compiled in ((here, True), ("python3.99", False)):
        target = Target(kind="lambda", architecture="arm64", runtime=runtime)
        held = contents(build_package("function", target, tmp_path / "build"))
        compiled = [name for name in held if name.endswith(".pyc")]
        assert compiled == (
            [f"fraudstream/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"] if is_compiled else []
        )
        for name in compiled:
            # Its flags: by the hash of the source (1), which nobody compares (not 2), whatever the time of the file.
            assert held[name][4:8] == (1).to_bytes(4, "little")


def test_a_functions_modules_and_libraries_are_compiled() -> None:
    held = contents(build_package("transaction-processor", HOST))
    modules = {name for name in held if name.endswith(".py")}
    compiled = {
        re.sub(r"__pycache__/(.+)\.cpython-\d+\.pyc$", r"\1.py", name) for name in held if name.endswith(".pyc")
    }
    assert compiled == modules


def test_no_function_carries_or_locks_what_only_training_needs(package: Package) -> None:
    assert not [name for name in contents(package) if re.match(r"(lightgbm|numpy|scipy|sklearn|pyarrow)/", name)]
    for function in FUNCTIONS:
        lock = (REQUIREMENTS / f"{function}.txt").read_text(encoding="utf-8")
        assert not re.search(r"^(lightgbm|numpy|scipy|scikit-learn|pyarrow)\b", lock, re.MULTILINE)


def test_only_the_reporter_carries_duckdb() -> None:
    carriers = {
        function
        for function in FUNCTIONS
        if any(name.startswith("duckdb/") for name in contents(build_package(function, LAMBDA)))
    }
    assert carriers == {"report-generator"}


def test_entries_are_in_order_and_without_time_or_owner(package: Package) -> None:
    with zipfile.ZipFile(package.path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_same_content_gives_the_same_bytes_in_another_checkout(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_package(function, HOST, tmp_path / "one")
    checkout = tmp_path / "a checkout with a longer path"
    shutil.copytree(lambda_packages.SOURCE, checkout / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(lambda_packages.REQUIREMENTS, checkout / "requirements")
    monkeypatch.setattr(lambda_packages, "SOURCE", checkout / "src")
    monkeypatch.setattr(lambda_packages, "REQUIREMENTS", checkout / "requirements")
    second = build_package(function, HOST, checkout / "build")
    assert first.path.name == second.path.name
    assert first.path.read_bytes() == second.path.read_bytes()


def test_other_code_gives_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_package("transaction-processor", HOST, tmp_path / "build")
    source = tmp_path / "fraudstream"
    source.mkdir()
    (source / "__init__.py").write_text("")
    monkeypatch.setattr(lambda_packages, "SOURCE", source)
    after = build_package("transaction-processor", HOST, tmp_path / "build")
    assert after.path != before.path
    assert after.sha256 != before.sha256


def test_what_was_built_once_is_taken_again_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_package("transaction-processor", HOST, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be installed")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert build_package("transaction-processor", HOST, tmp_path) == first


def test_runs_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        built = [*pool.map(lambda _: build_package("transaction-processor", HOST, tmp_path), range(4))]
    assert len({package.sha256 for package in built}) == 1
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".zip"], "nothing unfinished stays behind"


def test_a_dependency_without_a_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "function.txt").write_text("no-such-package-of-fraudstream==1.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(lambda_packages, "REQUIREMENTS", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(PackagingError, match=r"(?s)function\.txt could not be installed for host-.*no-such-package"):
        build_package("function", HOST, tmp_path / "build")
    assert [*(tmp_path / "build").iterdir()] == []


@pytest.mark.parametrize(
    ("runtime", "architecture", "newest"),
    [
        ("python3.11", "arm64", "manylinux_2_26_aarch64"),
        ("python3.11", "x86_64", "manylinux_2_26_x86_64"),
        ("python3.13", "arm64", "manylinux_2_34_aarch64"),
    ],
)
def test_wheels_are_asked_for_by_runtime_and_architecture(
    runtime: str, architecture: Architecture, newest: str
) -> None:
    target = Target(kind="lambda", architecture=architecture, runtime=runtime)
    command = lambda_packages._installer(Path("lock.txt"), target, Path("folder"))
    tags = [command[index + 1] for index, word in enumerate(command) if word == "--platform"]
    assert tags[0] == newest
    assert tags[-1].startswith("manylinux2014_")
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(command)


CLIENTS = """
import boto3, sys
from botocore.exceptions import EndpointConnectionError
for service, call in (("dynamodb", "describe_limits"), ("s3", "list_buckets")):
    client = boto3.client(service, endpoint_url="http://127.0.0.1:9")
    assert client.meta.region_name == "us-east-2"
    try:
        getattr(client, call)()
    except EndpointConnectionError:
        print(service, "speaks")
import aws_lambda_powertools, httptools, msgspec, fraudstream.aws.endpoint
print(all(library.__file__.startswith(sys.path[0]) for library in (httptools, msgspec)))
"""


def test_clients_work_from_the_pruned_package(tmp_path: Path) -> None:
    package = build_package("fraud-analyzer", HOST)
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(tmp_path)
    environment = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-2",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_MAX_ATTEMPTS": "1",
        "PATH": os.environ["PATH"],
    }
    code = (
        f"import sys; sys.path[:] = [{str(tmp_path)!r}, *[p for p in sys.path if 'site-packages' not in p]]\n{CLIENTS}"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=60,
    )
    assert run.stdout.split("\n")[:3] == ["dynamodb speaks", "s3 speaks", "True"], run.stderr

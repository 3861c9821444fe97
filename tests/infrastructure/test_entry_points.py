"""What Pulumi runs can be run: the program's folder, and the policy pack's."""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc

from infra.setting_reader import NAMESPACE, StackSettingsError
from infra.settings import read_settings
from policy.pack import resource_rules, stack_rules
from tests.infrastructure.pulumi_graph_harness import capture
from tests.waiting_harness import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_program_runs_as_pulumi_runs_it() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    folder = ROOT / project["main"]
    path = [*sys.path]

    def run() -> None:
        runpy.run_path(str(folder), run_name="__main__")

    try:
        graph = capture(run, {"fraudstream:packageFor": "host"})
    finally:
        sys.path[:] = path
    assert "apiUrl" in graph.outputs
    package = graph.one("aws:lambda/function:Function", "lambda-fraud-analyzer-test")["code"]["path"]
    assert Path(package).is_file()


def test_loading_the_program_speaks_to_nobody() -> None:
    code = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(refuse)
import infra.program
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("folder", ["infra", "policy"])
def test_no_module_hides_a_library_while_pulumi_has_their_folder_on_the_path(folder: str) -> None:
    libraries = [entry for entry in sys.path if "site-packages" in entry]
    names = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__", "__main__"}
    assert [name for name in names if name in sys.stdlib_module_names or PathFinder.find_spec(name, libraries)] == []


def test_the_shipped_stack_file_holds_settings_that_exist() -> None:
    given = {
        name.removeprefix(f"{NAMESPACE}:"): str(value)
        for name, value in yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"].items()
    }
    assert read_settings(given.get, "dev", given).cost_center == given["costCenter"]
    with pytest.raises(StackSettingsError, match="fraudstream:costCentre is not a setting; did you mean costCenter"):
        read_settings(given.get, "dev", {*given, "costCentre"})


@pytest.fixture
def policy_pack(tmp_path: Path) -> Iterator[int]:
    """The pack in a process of its own, as Pulumi starts it; the port that it listens on."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "policy")],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_policy_pack_serves_every_rule(policy_pack: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{policy_pack}") as channel:
        info = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(empty_pb2.Empty(), timeout=PATIENCE_SECONDS)
    assert {policy.name for policy in info.policies} == {rule.name for rule in (*resource_rules(), *stack_rules())}
    assert all(policy.description for policy in info.policies)

"""The workflows and hooks run what the repository has, and nothing that can change under them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_workflows_hold_no_secret_and_may_only_read_by_default(workflow: Path) -> None:
    assert "secrets." not in workflow.read_text()
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


def test_ci_runs_the_tests_on_every_supported_python() -> None:
    workflow = ROOT / ".github/workflows/ci.yml"
    assert ".ci/run" in [step.get("run") for step in steps(workflow)]
    matrix = yaml.safe_load(workflow.read_text())["jobs"]["test"]["strategy"]["matrix"]
    settings = (ROOT / "docs/settings.md").read_text()
    runtimes = re.findall(
        r"`python(3\.\d+)`", next(row for row in settings.splitlines() if row.startswith("| `runtime`"))
    )
    assert matrix["python"] == sorted(set(runtimes))


def test_hooks_run_the_tools_of_the_lock_file() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    locked = (ROOT / "requirements/development.txt").read_text()
    for hook in config["repos"][0]["hooks"]:
        tool = re.match(r"\.venv/bin/(\w+)", hook["entry"])
        assert tool
        assert re.search(rf"^{tool[1]}==", locked, re.MULTILINE)

"""`fraudstream local` and `fraudstream demo`, as somebody at a terminal has them: real processes, real signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path.cwd()
COMMAND = str(Path(sys.executable).parent / "fraudstream")
PARTS = ("Pulumi.yaml", "infra", "rules", "src", "requirements", "pyproject.toml", "docs")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own, so that a demo or a local run in the real one is not in the way."""
    for part in PARTS:
        (tmp_path / part).symlink_to(CHECKOUT / part)
    return tmp_path


def processes_of(group: int) -> list[int]:
    """The processes that a session leader's session still has."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(session: int) -> list[int]:
    deadline = time.monotonic() + 10
    while (left := processes_of(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.fixture
def local(checkout: Path) -> Iterator["subprocess.Popen[bytes]"]:
    # Into a file: nobody reads a pipe while the test looks elsewhere.
    with (checkout / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [COMMAND, "local"], cwd=checkout, stdout=printed, stderr=printed, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while b"Ctrl-C stops it" not in (checkout / "printed").read_bytes():
            assert process.poll() is None, (checkout / "printed").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield process
    finally:
        process.kill()
        process.wait()


def fraudstream(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([COMMAND, *arguments], cwd=checkout, capture_output=True, text=True, check=True, timeout=60)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes that are left in /proc")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_what_runs_locally_is_found_by_the_other_commands_and_leaves_nothing_behind(
    checkout: Path, local: "subprocess.Popen[bytes]", ending: signal.Signals
) -> None:
    outputs = checkout / ".local" / "outputs.json"
    assert outputs.stat().st_mode & 0o077 == 0

    submitted = fraudstream(checkout, "submit", "--amount", "12.50", "--currency", "EUR", "--id", "t-1", "--json")
    assert json.loads(submitted.stdout)["decision"] == "APPROVE"
    fraudstream(checkout, "label", "t-1", "--fraud")
    assert json.loads(fraudstream(checkout, "get", "t-1", "--json").stdout)["label"] == "FRAUD"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    report: Any = json.loads(fraudstream(checkout, "report", "--date", today, "-f", "json", "-o", "-").stdout)
    assert report["date"] == today

    os.kill(local.pid, ending)
    local.wait(timeout=30)
    assert wait_until_gone(local.pid) == []
    assert not (checkout / ".local").exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes that are left in /proc")
def test_two_local_runs_do_not_get_into_each_others_way(checkout: Path, local: "subprocess.Popen[bytes]") -> None:
    second = subprocess.run([COMMAND, "local"], cwd=checkout, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 1
    assert "error: another local cloud runs in" in second.stderr
    assert local.poll() is None
    assert (checkout / ".local" / "outputs.json").exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes that are left in /proc")
def test_the_demo_loses_nothing_and_says_so_in_its_last_line(checkout: Path) -> None:
    with subprocess.Popen(
        [COMMAND, "demo"], cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as demo:
        printed, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0, printed.decode()
    last = printed.decode().splitlines()[-1]
    found = re.fullmatch(r"demo: received=(\d+) stored=\1 decided=\1 logged=\1 lost=0 report=(\S+)", last)
    assert found, last
    assert int(found[1]) >= 5000
    assert (checkout / found[2]).read_text().startswith("<!doctype html>")
    assert {path.name for path in (checkout / ".local").iterdir()} == {"demo-report"}
    assert wait_until_gone(demo.pid) == []

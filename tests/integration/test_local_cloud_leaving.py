"""What is left when the embedded AWS ends, and where it listens while it runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from local_shop import write_package

RUNS_A_CLOUD = """
import sys, time
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1])))
from local_shop import shop
from fraudstream_tools.local.cloud import LocalCloud
cloud = LocalCloud(
    program=shop(Path(sys.argv[2])), project="shop", stack="s", config={"shop:owner": "Ada"}, folder=Path(sys.argv[3])
)
with cloud:
    cloud.invoke("clerk", {})
    print("ready", flush=True)
    time.sleep(60)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's tables")


def stat(process_id: int) -> list[str]:
    """A process's state, parent and so on; nothing where it is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(process_id: int) -> set[int]:
    """A process and everything that it has started."""
    parents = {int(entry.name): stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = {process_id}
    while True:
        more = {each for each, fields in parents.items() if fields and int(fields[1]) in found} - found
        if not more:
            return found
        found |= more


def wait_until_gone(process_ids: set[int]) -> None:
    deadline = time.monotonic() + 15
    while alive := {each for each in process_ids if (fields := stat(each)) and fields[0] != "Z"}:
        assert time.monotonic() < deadline, f"{len(alive)} processes live on"
        time.sleep(0.05)


def listening_addresses(process_id: int) -> set[str]:
    """The addresses that a process listens on, as the kernel writes them."""
    sockets = {os.readlink(each) for each in Path(f"/proc/{process_id}/fd").iterdir()}  # noqa: PTH115 (sockets are no paths)
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/{process_id}/net/{table}").read_text().splitlines()[1:]
        found |= {f[1].split(":")[0] for f in map(str.split, lines) if f[3] == "0A" and f"socket:[{f[9]}]" in sockets}
    return found


@contextmanager
def running(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    package = write_package(folder / "package")
    here = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", RUNS_A_CLOUD, here, str(package), str(folder / "work" / "cloud")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_from_outside_leaves_no_process_and_no_folder(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path) as process:
        processes = family(process.pid)
        assert len(processes) >= 3  # itself, ministack and the function's
        # What a terminal does: the signal reaches everyone in the foreground.
        os.killpg(process.pid, how)
        process.wait(20)
        wait_until_gone(processes)
    assert process.returncode != 0
    assert [each.name for each in tmp_path.iterdir()] == ["package"]


def test_even_a_kill_leaves_no_process_and_the_folder_can_be_used_again(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        processes = family(process.pid)
        process.kill()
        process.wait(20)
        wait_until_gone(processes)
    (tmp_path / "package").rename(tmp_path / "old")
    with running(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    assert not (tmp_path / "work" / "cloud").exists() or not list((tmp_path / "work" / "cloud").iterdir())


def test_everything_listens_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        listening = {each: listening_addresses(each) for each in family(process.pid)}
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert len([each for each in listening.values() if each]) >= 2  # ministack; the gateway and the Runtime API
    assert set().union(*listening.values()) == {"0100007F"}

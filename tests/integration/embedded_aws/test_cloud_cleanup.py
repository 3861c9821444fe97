"""What is left when the embedded AWS ends: nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.embedded_aws.process_harness import family, needs_proc, wait_until_gone
from tests.integration.embedded_aws.shop_harness import write_package
from tests.waiting_harness import PATIENCE_SECONDS

RUNS_A_CLOUD = """
import sys, time
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1])))
from tests.integration.embedded_aws.shop_harness import shop
from embedded_aws.cloud import LocalCloud
cloud = LocalCloud(
    program=shop(Path(sys.argv[2])), project="shop", stack="s", config={"shop:owner": "Ada"}, folder=Path(sys.argv[3]),
    on_progress=lambda what: print(what.split()[0], flush=True),
)
with cloud:
    cloud.invoke("clerk", {})
    print("ready", flush=True)
    time.sleep(60)
"""

pytestmark = needs_proc


@contextmanager
def running(folder: Path, until: str = "ready", started_by: Sequence[str] = ()) -> Iterator["subprocess.Popen[str]"]:
    package = write_package(folder / "package")
    here = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [*started_by, sys.executable, "-c", RUNS_A_CLOUD, here, str(package), str(folder / "work" / "cloud")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert any(line == f"{until}\n" for line in process.stdout), process.stderr.read()
            yield process
        finally:
            process.kill()


IGNORES_CTRL_C = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")  # as some runners of jobs and tests start what they run


@pytest.mark.parametrize("started_by", [(), IGNORES_CTRL_C])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_end_from_outside_leaves_no_process_and_no_folder(
    tmp_path: Path, how: signal.Signals, started_by: Sequence[str]
) -> None:
    with running(tmp_path, started_by=started_by) as process:
        processes = family(process.pid)
        assert len(processes) >= 3  # itself, ministack and the function's
        # What a terminal does: the signal reaches everyone in the foreground.
        os.killpg(process.pid, how)
        process.wait(PATIENCE_SECONDS)
        wait_until_gone(processes)
    assert process.returncode != 0
    assert [each.name for each in tmp_path.iterdir()] == ["package"]


def test_an_end_in_the_middle_of_the_deployment_leaves_nothing_either(tmp_path: Path) -> None:
    with running(tmp_path, until="creating") as process:
        processes = family(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
        wait_until_gone(processes)
    assert process.returncode != 0
    assert [each.name for each in tmp_path.iterdir()] == ["package"]


def test_even_a_kill_leaves_no_process_and_the_folder_can_be_used_again(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        processes = family(process.pid)
        process.kill()
        process.wait(PATIENCE_SECONDS)
        wait_until_gone(processes)
    (tmp_path / "package").rename(tmp_path / "old")
    with running(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
    assert not (tmp_path / "work" / "cloud").exists() or not list((tmp_path / "work" / "cloud").iterdir())

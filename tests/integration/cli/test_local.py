"""`fraudstream local` and `fraudstream demo`, as somebody at a terminal has them: real processes, real signals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from embedded_aws.ministack.server import free_port
from proofs.running.deployed import WEBHOOK_SECRET
from proofs.running.webhook import Receiver, receiver
from tests.integration.embedded_aws.process_harness import family, needs_proc, wait_until_gone
from tests.waiting_harness import PATIENCE_SECONDS

CHECKOUT = Path.cwd()
COMMAND = str(Path(sys.executable).parent / "fraudstream")
PARTS = ("Pulumi.yaml", "infra", "rules", "src", "requirements", "pyproject.toml", "docs")


@dataclass(frozen=True)
class LocalRun:
    """A `fraudstream local` that has said that it is there."""

    process: "subprocess.Popen[bytes]"
    checkout: Path
    port: int
    webhook: Receiver

    def printed(self) -> str:
        """Return what it has said so far."""
        return (self.checkout / "printed").read_text()


def make_checkout(folder: Path) -> Path:
    """Return a checkout of its own, so that a demo or a local run in the real one is not in the way."""
    for part in PARTS:
        (folder / part).symlink_to(CHECKOUT / part)
    return folder


@contextmanager
def local_run(checkout: Path) -> Iterator[LocalRun]:
    port = free_port()
    with receiver() as webhook:
        told = ("--set", f"alertWebhookUrl={webhook.url}", "--set", f"alertWebhookSecret={WEBHOOK_SECRET}")
        # Into a file: nobody reads a pipe while the test looks elsewhere.
        with (checkout / "printed").open("wb") as printed:
            process = subprocess.Popen(
                [COMMAND, "local", "--port", str(port), *told],
                cwd=checkout,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        run = LocalRun(process, checkout, port, webhook)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while "Ctrl-C stops it" not in run.printed():
                assert process.poll() is None, run.printed()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield run
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


@pytest.fixture
def local(checkout: Path) -> Iterator[LocalRun]:
    """A system of a test's own, which may end it or spoil it."""
    with local_run(checkout) as run:
        yield run


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """A system that several tests use, each with ids of its own."""
    with local_run(make_checkout(tmp_path_factory.mktemp("checkout"))) as run:
        yield run


def fraudstream(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([COMMAND, *arguments], cwd=checkout, capture_output=True, text=True, check=True, timeout=60)


def test_other_commands_find_the_local_system(shared: LocalRun) -> None:
    checkout = shared.checkout
    outputs = checkout / ".local" / "outputs.json"
    assert outputs.stat().st_mode & 0o077 == 0
    assert json.loads(outputs.read_bytes())["apiUrl"].startswith(f"http://127.0.0.1:{shared.port}/")

    submitted = fraudstream(checkout, "submit", "--amount", "12.50", "--currency", "EUR", "--id", "t-1", "--json")
    assert json.loads(submitted.stdout)["decision"] == "APPROVE"
    fraudstream(checkout, "label", "t-1", "--fraud")
    assert json.loads(fraudstream(checkout, "get", "t-1", "--json").stdout)["label"] == "FRAUD"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    report: Any = json.loads(fraudstream(checkout, "report", "--date", today, "-f", "json", "-o", "-").stdout)
    assert report["date"] == today

    fraudstream(checkout, "lists", "add", "blocked", "customer", "mallory", "--reason", "charged back twice")
    payment = ("submit", "--amount", "12.50", "--currency", "EUR", "--customer", "mallory", "--json")
    assert json.loads(fraudstream(checkout, *payment).stdout)["decision"] == "DECLINE"

    rules = shutil.copytree(CHECKOUT / "rules", checkout / "candidate")
    (rules / "ruleset.yaml").write_text((rules / "ruleset.yaml").read_text().replace("review: 30", "review: 31"))
    fraudstream(checkout, "rules", "deploy", "candidate", "--to", "local", "--yes", "--reason", "tried here")
    versions: Any = json.loads(fraudstream(checkout, "rules", "history", "--json").stdout)
    assert [(each["standing"], each["reason"]) for each in versions] == [("active", "tried here"), ("usable", None)]


@needs_proc
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_local_system_that_has_worked(local: LocalRun, ending: signal.Signals) -> None:
    fraudstream(local.checkout, "submit", "--amount", "12.50", "--currency", "EUR", "--id", "t-1")
    started = family(local.process.pid)
    os.kill(local.process.pid, ending)
    local.process.wait(timeout=PATIENCE_SECONDS)
    wait_until_gone(started)
    assert not (local.checkout / ".local").exists()


@needs_proc
def test_a_local_system_whose_embedded_aws_ended_says_so_and_ends(local: LocalRun) -> None:
    started = family(local.process.pid)
    (database,) = (each for each in started if b"ministack" in Path(f"/proc/{each}/cmdline").read_bytes())
    os.kill(database, signal.SIGKILL)
    assert local.process.wait(timeout=PATIENCE_SECONDS) == 1
    assert "the embedded AWS has ended: start `fraudstream local` again" in local.printed()
    wait_until_gone(started)
    assert not (local.checkout / ".local").exists()


@needs_proc
def test_the_commands_that_a_local_run_proposes_work_by_themselves(shared: LocalRun) -> None:
    assert shared.process.poll() is None
    proposed = shared.printed().split("Or, in another terminal", 1)[1]
    commands = [line.split() for line in proposed.splitlines() if line.startswith("  fraudstream ")]
    tried = [command for command in commands if command[1] != "console"]
    assert [command[1] for command in tried] == ["submit", "get", "simulate", "replay", "alerts"]
    for command in tried:
        fraudstream(shared.checkout, *command[1:])


def test_events_of_a_local_run_arrive_at_a_webhook_of_this_machine(shared: LocalRun) -> None:
    fraudstream(shared.checkout, "submit", "--amount", "12.50", "--currency", "EUR", "--id", "t-told")
    fraudstream(shared.checkout, "label", "t-told", "--fraud")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "t-told:LABEL_SET" not in str(shared.webhook.got):
        assert shared.process.poll() is None
        assert time.monotonic() < deadline, shared.webhook.got
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("evnts=all", "fraudstream:evnts is not a setting; did you mean events?"),
        ("reportHour=24", "fraudstream:reportHour is '24'; allowed: a whole number from 0 to 23"),
        ("alertWebhookUrl=http://example.com/fraud", "fraudstream:alertWebhookUrl is wrong"),
        ("events", "--set events: write it as NAME=VALUE"),
        ("packageFor=lambda", "functions run on this machine here"),
    ],
)
def test_a_setting_that_the_program_would_refuse_starts_nothing(checkout: Path, assignment: str, said: str) -> None:
    ran = subprocess.run(
        [COMMAND, "local", "--set", assignment], cwd=checkout, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    assert said in ran.stderr
    assert "deploying" not in ran.stderr
    assert not (checkout / ".local").exists()


def test_a_second_local_run_is_refused_at_once(shared: LocalRun) -> None:
    second = subprocess.run(
        [COMMAND, "local"], cwd=shared.checkout, capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode == 1
    assert "error: a `fraudstream local` already runs in" in second.stderr
    assert "deploying" not in second.stderr
    assert shared.process.poll() is None
    assert (shared.checkout / ".local" / "outputs.json").exists()


def test_a_ruleset_that_the_analyzer_refuses_is_told(local: LocalRun) -> None:
    outputs = json.loads((local.checkout / ".local" / "outputs.json").read_bytes())
    s3 = boto3.Session(outputs["accessKeyId"], outputs["secretAccessKey"]).client(
        "s3", region_name=outputs["region"], endpoint_url=outputs["endpointUrl"]
    )
    broken = (CHECKOUT / "rules" / "ruleset.yaml").read_text().replace("cardCount2h >=", "cardCount2hours >=", 1)
    s3.put_object(Bucket=outputs["bucketName"], Key="rulesets/live/ruleset.yaml", Body=broken.encode())
    submitted = fraudstream(local.checkout, "submit", "--amount", "12.50", "--currency", "EUR", "--json")
    assert json.loads(submitted.stdout)["decision"] == "APPROVE"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "cardCount2hours" not in (printed := local.printed()):
        assert time.monotonic() < deadline, printed
        time.sleep(0.2)
    assert "warning: the analyzer refuses what is stored in rulesets/live/" in printed


@needs_proc
def test_the_demo_loses_nothing_and_says_so_in_its_last_line(checkout: Path) -> None:
    started = set[int]()
    with (checkout / "printed").open("wb") as printed:
        demo = subprocess.Popen([COMMAND, "demo"], cwd=checkout, stdout=printed, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 600
        while demo.poll() is None and time.monotonic() < deadline:
            started |= family(demo.pid)
            time.sleep(0.5)
    finally:
        demo.kill()
        demo.wait()
    lines = (checkout / "printed").read_text().splitlines()
    assert demo.returncode == 0, lines
    last = lines[-1]
    found = re.fullmatch(r"demo: received=(\d+) stored=\1 decided=\1 logged=\1 lost=0 report=(\S+)", last)
    assert found, last
    assert int(found[1]) >= 5000
    assert (checkout / found[2]).read_text().startswith("<!doctype html>")
    assert {path.name for path in (checkout / ".local").iterdir()} == {"demo-report"}
    wait_until_gone(started)

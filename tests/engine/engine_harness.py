"""The stack under Pulumi's real engine: the CLI, a state in files, and the recording provider in AWS's place."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import DEFAULT, patch

import pulumi
from pulumi import automation
from pulumi.automation import EngineEvent, OpType

from infra.compute.lambda_packages import Package, Target
from infra.program import main
from proofs.destroy.experiment import Change
from tests.coroutines_harness import collected_in_silence
from tests.engine.recording_provider import Account, served

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / ".build" / "pulumi-cli" / "bin"
"""Where `make pulumi-cli` puts the CLI."""
PASSPHRASE = "of a test"
LOOP_END_SECONDS = 60
LOOP_CLOSING_SECONDS = 0.2
# A step of the engine that is no change of a resource's own.
QUIET = {OpType.SAME, OpType.READ, OpType.REFRESH}


def cli() -> Path | None:
    """Return the CLI that is installed, or the one that was built here, or None."""
    found = shutil.which("pulumi", path=f"{os.environ['PATH']}{os.pathsep}{BUILT}")
    return Path(found) if found else None


@dataclass(frozen=True)
class Plan:
    """What an operation does to resources: Pulumi's names by what is done."""

    created: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()


@dataclass
class _Steps:
    """Listens to the engine."""

    names: dict[OpType, set[str]] = field(default_factory=lambda: defaultdict(set))
    messages: list[str] = field(default_factory=list)

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            if step.op not in QUIET and not step.type.startswith(("pulumi:", "fraudstream:")):
                self.names[step.op].add(step.urn.split("::")[3])
        if event.policy_event is not None and event.policy_event.enforcement_level == "mandatory":
            self.messages.append(f"{event.policy_event.policy_name}: {event.policy_event.message}")
        if event.diagnostic_event is not None and event.diagnostic_event.severity == "error":
            self.messages.append(event.diagnostic_event.message)

    def plan(self) -> Plan:
        return Plan(
            created=frozenset(self.names[OpType.CREATE]),
            updated=frozenset(self.names[OpType.UPDATE]),
            replaced=frozenset(self.names[OpType.REPLACE] | self.names[OpType.CREATE_REPLACEMENT]),
            deleted=frozenset(self.names[OpType.DELETE]),
        )


class OperationRefusedError(Exception):
    """The engine or the program stopped an operation; the text is what an operator reads."""


class Deployment:
    """One stack of the program, in an account of its own or in another's."""

    def __init__(self, stack: automation.Stack, account: Account, home: Path) -> None:
        self.account = account
        self._home = home
        self._stack = stack

    @property
    def name(self) -> str:
        """The stack's name."""
        return self._stack.name

    def configure(self, settings: Mapping[str, str]) -> None:
        """Have these settings and no others."""
        config = {f"fraudstream:{name}": value for name, value in settings.items()}
        saved = self._stack.workspace.stack_settings(self._stack.name)
        saved.config = config
        self._stack.workspace.save_stack_settings(self._stack.name, saved)

    def preview(self, **options: Any) -> Plan:
        """Return what an `up` would do."""
        return self._run(self._stack.preview, **options)

    def up(self, **options: Any) -> Plan:
        """Carry an `up` out, and return what it did."""
        return self._run(self._stack.up, **options)

    def adopt(self, file: Path) -> None:
        """Have the state know what is there, by a file of `pulumi import`."""
        found = json.loads(file.read_text(encoding="utf-8"))
        with _closed_loops():
            self._stack.import_resources(
                resources=found["resources"],
                name_table=found.get("nameTable"),
                protect=False,
                generate_code=False,
                on_output=_ignore,
            )

    def lose_state(self) -> None:
        """Lose the state; what was deployed stays."""
        self._stack.workspace.remove_stack(self.name, force=True, preserve_config=True)
        self._stack.workspace.create_stack(self.name)

    def refresh(self) -> Plan:
        """Compare the state to the account."""
        return self._run(self._stack.refresh)

    def destroy(self) -> Plan:
        """Delete everything."""
        return self._run(self._stack.destroy)

    def outputs(self) -> Mapping[str, Any]:
        """Return what the stack exports, secrets in clear text."""
        return {name: each.value for name, each in self._stack.outputs().items()}

    def state(self) -> Mapping[str, Any]:
        """Return the state as the backend stores it, where secrets are encrypted."""
        (file,) = (self._home / "state").rglob(f"stacks/fraudstream/{self.name}.json")
        return json.loads(file.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}

    def _run(self, operation: Any, **options: Any) -> Plan:
        steps = _Steps()
        # The SDK tells the engine some nine hundred things that nobody hears: a third of an operation's time.
        quiet = patch.object(pulumi.log, "debug", _unheard)
        # And it starts the CLI three times more to say how an operation ended, which the steps here have said.
        short = patch.multiple(self._stack, outputs=DEFAULT, info=DEFAULT)
        try:
            with _closed_loops(), quiet, short:
                operation(on_event=steps, on_output=_ignore, color="never", **options)
        except automation.CommandError as error:
            raise OperationRefusedError("\n".join(steps.messages) or str(error)) from None
        return steps.plan()


@contextmanager
def _closed_loops() -> Iterator[None]:
    """Close the event loops that the SDK leaves open when a program or a deployment fails."""
    loops: list[asyncio.AbstractEventLoop] = []
    new_event_loop = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        loops.append(new_event_loop())
        return loops[-1]

    try:
        with patch.object(asyncio, "new_event_loop", remembered):
            yield
    finally:
        for loop in loops:
            # The SDK's server is stopped by now, and its threads end when they can.
            _wait(partial(_has_ended, loop), LOOP_END_SECONDS)
            # A loop's own thread may be closing it at this moment, and two at once are one too many.
            _wait(loop.is_closed, LOOP_CLOSING_SECONDS)
            loop.close()


def _has_ended(loop: asyncio.AbstractEventLoop) -> bool:
    return not loop.is_running()


def _wait(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so, but no longer than some seconds."""
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.02)


def _ignore(_: str) -> None:
    """Do not print: Pulumi's progress is no test's output."""


def _unheard(*_: object, **__: object) -> None:
    """Send no message for debugging to the engine."""


@dataclass(frozen=True)
class Engine:
    """A place for stacks: one backend, one account."""

    home: Path
    account: Account
    ports: Mapping[str, int]
    package: Package

    def stack(
        self,
        name: str = "test",
        settings: Mapping[str, str] | None = None,
        change: Change | None = None,
        *,
        stores_each_step: bool = False,
    ) -> Deployment:
        """Make a stack that is not deployed yet; what the program declares may be changed.

        The engine stores the state at the end of an operation, or after each of its steps too, as it does for people:
        that takes two thirds of an `up`, and comes to the same but where an operation is stopped.
        """

        def program() -> None:
            if change:
                pulumi.runtime.register_stack_transformation(change)
            main(self._package)

        backend = f"file://{self.home}/state"
        found = cli()
        assert found is not None
        work = self.home / f"work-{name}"
        work.mkdir()
        options = automation.LocalWorkspaceOptions(
            pulumi_command=automation.PulumiCommand(root=str(found.parent.parent)),
            work_dir=str(work),
            pulumi_home=str(self.home / "home"),
            project_settings=automation.ProjectSettings(
                name="fraudstream", runtime="python", backend=automation.ProjectBackend(backend)
            ),
            env_vars={
                "PATH": f"{os.environ['PATH']}{os.pathsep}{self._language_host()}",
                "PULUMI_BACKEND_URL": backend,
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                "PULUMI_HOME": str(self.home / "home"),
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_SKIP_CHECKPOINTS": str(not stores_each_step).lower(),
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in self.ports.items()),
            },
        )
        made = automation.create_stack(stack_name=name, project_name="fraudstream", program=program, opts=options)
        deployment = Deployment(made, self.account, self.home)
        deployment.configure(settings or {})
        return deployment

    def _language_host(self) -> Path:
        """Return a folder with a language host, by which the CLI starts policy packs."""
        folder = self.home / "language-host"
        folder.mkdir(exist_ok=True)
        script = folder / "pulumi-language-python"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "language_host_harness.py"}"\n')
        script.chmod(0o755)
        return folder

    def _package(self, function: str, target: Target) -> Package:
        del function
        # What is built for another machine or another Python is another package.
        return Package(path=self.package.path, sha256=f"{target.kind}-{target.architecture}-{target.runtime}")


@contextmanager
def engine(home: Path) -> Iterator[Engine]:
    """Run an engine over a new account, with its files in a folder."""
    (home / "state").mkdir()
    empty = home / "function.zip"
    empty.write_bytes(b"")
    account = Account()
    with collected_in_silence(), served(account) as ports:
        yield Engine(home=home, account=account, ports=ports, package=Package(path=empty, sha256=""))

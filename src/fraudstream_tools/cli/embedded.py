"""The whole system on this machine: deployed for one block of code, and gone after it."""

import shutil
import signal
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream_tools.cli.checkout import enter_checkout
from fraudstream_tools.cli.steps import Steps

if TYPE_CHECKING:
    from types import FrameType

    from fraudstream_tools.local.cloud import LocalCloud

# Packages are built for this machine, and segments of the decision log need not wait for a minute's worth of records.
CONFIG = {"fraudstream:packageFor": "host", "fraudstream:segmentWindowSeconds": "1"}


@contextmanager
def deployed(stack: str, steps: Steps) -> "Generator[LocalCloud]":
    """Deploy the Pulumi program into an embedded AWS that lives as long as the block.

    Args:
        stack: the stack's name, and its environment suffix.
        steps: where deploying and stopping are shown.

    Raises:
        CommandError: this is no checkout of fraudstream.
    """
    checkout = enter_checkout()
    folder = checkout / ".local"
    folder.mkdir(exist_ok=True)
    with steps.step("starting") as step:
        step.say("reading the Pulumi program")
        from fraudstream_tools.local.cloud import LocalCloud  # noqa: PLC0415  (imports Pulumi and boto3)
        from infra.program import main  # noqa: PLC0415

    state = Path(tempfile.mkdtemp(prefix=f"{stack}-", dir=folder))
    with _terminated_like_interrupted(), ExitStack() as leaving:
        leaving.callback(shutil.rmtree, state, ignore_errors=True)
        with steps.step("deploying the Pulumi program into the embedded AWS") as step:
            cloud = leaving.enter_context(
                LocalCloud(
                    program=main, project="fraudstream", stack=stack, config=CONFIG, folder=state, on_progress=step.say
                )
            )
        yield cloud
        with steps.step("stopping it"):
            leaving.close()


@contextmanager
def _terminated_like_interrupted() -> Generator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that everything started is stopped."""

    def leave(number: int, _frame: "FrameType | None") -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""The whole system on this machine: deployed for one block of code, and gone after it."""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream_tools.cli.support.checkout import enter_checkout
from fraudstream_tools.cli.support.running.ports import refuse_taken
from fraudstream_tools.cli.support.terminal.output import CommandError
from fraudstream_tools.cli.support.terminal.steps import ProgressSteps
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from embedded_aws.cloud import LocalCloud

# Packages are built for this machine, and segments of the decision log need not wait for a minute's worth of records.
_PACKAGE_FOR = "packageFor"
_DEFAULTS = {_PACKAGE_FOR: "host", "segmentWindowSeconds": "1"}


def local_settings(assignments: "Sequence[str]", stack: str) -> "Mapping[str, str]":
    """Return a local stack's settings by their names: what it needs, and what somebody sets besides.

    Args:
        assignments: such as `events=all`; of one name, the last counts.
        stack: the stack's name.

    Raises:
        CommandError: this is no checkout of fraudstream, or the program would refuse a setting.
    """
    if not assignments:
        return _DEFAULTS
    given: dict[str, str] = {}
    for each in assignments:
        name, is_assigned, value = each.partition("=")
        if not is_assigned:
            raise CommandError(f"--set {shown(name)}: write it as NAME=VALUE")
        given[name] = value
    if _PACKAGE_FOR in given:
        raise CommandError(f"--set {_PACKAGE_FOR}: functions run on this machine here, so it is always host")
    enter_checkout()
    from infra.settings import StackSettingsError, read_settings

    settings = {**_DEFAULTS, **given}
    try:
        read_settings(settings.get, stack, settings)
    except StackSettingsError as error:
        raise CommandError(str(error)) from None
    return settings


@contextmanager
def deployed(
    stack: str, steps: ProgressSteps, port: int | None = None, settings: "Mapping[str, str]" = _DEFAULTS
) -> "Generator[LocalCloud]":
    """Deploy the Pulumi program into an embedded AWS that lives as long as the block.

    Args:
        stack: the stack's name, and its environment suffix.
        steps: where deploying and stopping are shown.
        port: the API's; None takes a free one.
        settings: as `local_settings` returns them.

    Raises:
        CommandError: this is no checkout of fraudstream, another such system runs in it, the port is taken, or the
            program cannot be deployed here.
    """
    folder = enter_checkout() / ".local" / stack
    _refuse_second(folder, stack)
    if port is not None:
        refuse_taken(port)
    with ExitStack() as leaving:
        with steps.step("deploying into the embedded AWS") as step:
            step.say("reading the Pulumi program")
            from pulumi import RunError

            from embedded_aws.cleanup import FolderInUseError
            from embedded_aws.cloud import LocalCloud
            from embedded_aws.ministack.server import ServerError
            from embedded_aws.pulumi_program import DeploymentError
            from infra.compute.lambda_packages import UNPACKED
            from infra.program import main

            resources = 0

            def progress(message: str) -> None:
                nonlocal resources
                resources += message.startswith("creating ")
                step.say(message, resources)

            cloud = LocalCloud(
                program=main,
                project="fraudstream",
                stack=stack,
                config={f"fraudstream:{name}": value for name, value in settings.items()},
                folder=folder,
                packages=UNPACKED,
                on_progress=progress,
                port=port,
            )
            try:
                leaving.enter_context(cloud)
            except (DeploymentError, FolderInUseError, RunError, ServerError) as error:
                raise CommandError(str(error)) from error
            step.say(f"{resources} resources")
        yield cloud
        with steps.step("stopping it"):
            leaving.close()


def _refuse_second(folder: Path, stack: str) -> None:
    """Refuse to start beside one that runs: that is known before Pulumi is even imported.

    Raises:
        CommandError: one runs.
    """
    from embedded_aws.cleanup import is_in_use

    if is_in_use(folder):
        raise CommandError(
            f"a `fraudstream {stack}` already runs in {folder}: use that one, or stop it with Ctrl-C in its terminal"
        )

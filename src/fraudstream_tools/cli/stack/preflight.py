"""`fraudstream preflight`: look at the AWS account before `pulumi up` does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.table import Table
from rich.text import Text

from fraudstream_tools.cli.support.checkout import enter_checkout
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import CommandError, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.cli.support.account_checks import Check
    from infra.settings import StackSettings

_STYLES = {"ok": "green", "note": "yellow", "to do": "bold red", "not checked": "bold yellow"}


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(preflight)


def preflight(
    stack: Annotated[
        str, typer.Option("--stack", metavar="NAME", help="The stack to deploy: its settings are in Pulumi.NAME.yaml.")
    ] = "dev",
    as_json: JsonOption = False,
) -> None:
    """Check that the AWS account can take a stack: quotas, account-wide settings, runtime, region.

    Changes nothing. Says what to request from AWS, with the command for it. Exits with 1 if something must be done, or
    could not be checked.

        AWS_PROFILE=fraud fraudstream preflight --stack dev
    """
    settings = stack_settings(enter_checkout() / f"Pulumi.{stack}.yaml", stack)
    import boto3

    from fraudstream_tools.cli.support.account_checks import AccountChecker, State

    session: Any = boto3.Session()
    account = AccountChecker(
        lambda service: session.client(service, region_name=settings.region), settings, datetime.now(UTC).date()
    )
    checks = list(account.checks())
    if as_json:
        print_json([{"name": c.name, "state": c.state.value, "found": c.found, "advice": c.advice} for c in checks])
    else:
        _print(checks)
    if any(check.state in {State.FIX, State.UNKNOWN} for check in checks):
        raise typer.Exit(1)


def stack_settings(file: Path, stack: str) -> "StackSettings":
    """Read a stack's settings from its file as the Pulumi program does; without a file, the defaults.

    Raises:
        CommandError: a setting is wrong.
    """
    import yaml

    from infra.settings import NAMESPACE, StackSettingsError, read_settings

    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    config: Any = cast("dict[str, Any]", content).get("config") or {} if isinstance(content, dict) else content or {}
    if not isinstance(config, dict):
        raise CommandError(f"{file}: `config:` must hold one setting on each line, as `pulumi config set` writes them")
    config = cast("dict[str, Any]", config)
    # Pulumi writes everything as text; a person who edits the file writes true and 200.
    given = {
        name.removeprefix(f"{NAMESPACE}:"): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in config.items()
        if name.startswith(f"{NAMESPACE}:")
    }
    try:
        return read_settings(given.get, stack, given.keys())
    except StackSettingsError as error:
        raise CommandError(f"{file.name}: {error}") from None


def _print(checks: "list[Check]") -> None:
    table = Table("", "", "", box=None, show_header=False, padding=(0, 2, 0, 0))
    for check in checks:
        table.add_row(Text(check.state.value, style=_STYLES[check.state.value]), check.name, check.found)
    out.print(table)
    for check in checks:
        if check.advice:
            out.print(f"\n{check.name}: {check.advice}", soft_wrap=True)

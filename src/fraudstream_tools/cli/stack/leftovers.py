"""`fraudstream leftovers`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fraudstream_tools.cli.stack.preflight import stack_settings
from fraudstream_tools.cli.support.checkout import enter_checkout
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import err, out, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(leftovers)


def leftovers(
    stack: Annotated[
        str, typer.Option("--stack", metavar="NAME", help="The destroyed stack: its settings are in Pulumi.NAME.yaml.")
    ] = "dev",
    as_json: JsonOption = False,
) -> None:
    """Look for what an AWS account still has of a stack after `pulumi destroy`.

    AWS keeps some things on its own: a backup of each deleted table for 35 days, the key for 7 days, network interfaces
    for up to 45 minutes, log groups that services made again. Nothing is changed; each line says when it goes, or how
    to remove it. Exits with 1 if something is there that does not go by itself, or could not be looked at.

        AWS_PROFILE=fraud fraudstream leftovers --stack dev
    """
    import boto3
    from botocore.exceptions import NoCredentialsError

    from fraudstream_tools.operations.leftovers import Unseen, find_leftovers

    settings = stack_settings(Path(enter_checkout()) / f"Pulumi.{stack}.yaml", stack)
    session: Any = boto3.Session()
    if session.get_credentials() is None:
        # Each search would say it once more, and none what to do.
        raise NoCredentialsError
    found = list(
        find_leftovers(
            lambda service: session.client(service, region_name=settings.region), settings.environment_suffix
        )
    )
    unseen = [each for each in found if isinstance(each, Unseen)]
    existing = [each for each in found if not isinstance(each, Unseen)]
    if as_json:
        print_json(
            {
                "found": [{"kind": each.kind, "name": each.name, "ends": each.ends} for each in existing],
                "unseen": [{"kind": each.kind, "why": each.why} for each in unseen],
            }
        )
    else:
        for each in existing:
            out.print(f"{each.kind}: {each.name}\n    {each.ends}", soft_wrap=True)
        for each in unseen:
            err.print(f"{each.kind} could not be looked at: {each.why}", soft_wrap=True)
        if not found:
            out.print(f"nothing is left of the stack {settings.environment_suffix} in {settings.region}")
    if unseen or any(each.stays for each in existing):
        raise typer.Exit(1)

"""Asking before something that runs is changed."""

import sys
from typing import Annotated

import typer

from fraudstream_tools.cli.support.terminal.output import CommandError

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only check, and show what would change.")]


def confirm(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask a person, unless the command's options say yes.

    Raises:
        CommandError: the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise CommandError("nothing was changed, because there is nobody to ask: say --yes, or --dry-run to only look")
    if not typer.confirm(question, err=True):
        raise CommandError("nothing was changed")

"""`fraudstream tokens rotate|rekey`: a new key for the tokens, without the identifiers."""

from functools import partial
from typing import TYPE_CHECKING

import typer

from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.privacy import Steps, privacy_system
from fraudstream_tools.cli.support.terminal.confirmation import DryRunOption, YesOption, confirm
from fraudstream_tools.cli.support.terminal.failures import ctrl_c_as_such
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.operations.privacy.rotation.rekeying import Rekeyed


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    tokens = typer.Typer(name="tokens", no_args_is_help=True, help="Rotate the key of the tokens.")
    tokens.command()(rotate)
    tokens.command()(rekey)
    app.add_typer(tokens)


def rotate(*, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Show how far a rotation of the token key is, and what comes next.

    A rotation takes two changes of settings, each followed by `fraudstream tokens rekey`. Nothing is interrupted: until
    the end, what is stored by earlier tokens is found too. docs/privacy.md says what it is good for. Once there is a
    second key, it reads everything that is stored, as `tokens rekey --dry-run` does, which takes hours of a large
    system.

    ```
    fraudstream tokens rotate
    ```
    """
    deployment = Deployment(stack)
    keys, number = deployment.number("tokenKeys"), deployment.number("tokenNumber")
    left = _run(deployment, dry_run=True) if keys > 1 else None
    profiles, everything = (left.counts["profiles"], sum(left.counts.values())) if left else (0, 0)
    if keys > number:
        after_keys = f"pulumi config set fraudstream:tokenNumber {keys} && pulumi up"
        step = "fraudstream tokens rekey" if profiles else after_keys
    elif everything:
        step = "fraudstream tokens rekey"
    else:
        step = f"pulumi config set fraudstream:tokenKeys {keys + 1} && pulumi up"
    if as_json:
        print_json({"keys": keys, "number": number, "earlier": left.counts if left else {}, "next": step})
        return
    out.print(f"keys: {keys}, new tokens have number {number}")
    if left:
        _print(left, "with earlier tokens in")
    idle = keys == number and not everything
    out.print(f"{'no rotation is under way; to begin one' if idle else 'next'}:  {step}", soft_wrap=True)


def rekey(
    *, yes: YesOption = False, dry_run: DryRunOption = False, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Renew the tokens of everything that is stored: tables, decision log and reports.

    Run it five minutes after the `pulumi up` that raised `tokenKeys`, and again after the one that raised
    `tokenNumber`. It may be broken off: the same again goes on.

    ```
    fraudstream tokens rekey --dry-run
    fraudstream tokens rekey --yes
    ```
    """
    deployment = Deployment(stack)
    if not dry_run:
        confirm("Give everything that is stored tokens of the newest number?", yes=yes, as_json=as_json)
    result = _run(deployment, dry_run=dry_run)
    if as_json:
        print_json({"rekeyed": result.counts, "byHand": result.by_hand, "dryRun": dry_run})
    else:
        _print(result, "to rekey in" if dry_run else "rekeyed in")
        if not sum(result.counts.values()):
            out.print("everything has tokens of the newest number")


def _run(deployment: Deployment, *, dry_run: bool) -> "Rekeyed":
    from fraudstream.reporting.log.changes.rewriting import UnreadableFileError
    from fraudstream_tools.operations.privacy.rotation.profile_items import ChangedByOthersError
    from fraudstream_tools.operations.privacy.rotation.rekeying import Rekeying
    from fraudstream_tools.operations.privacy.tokens import (
        NewestTokens,
        TokensRefusedError,
        ask_for_tokens,
    )
    from fraudstream_tools.operations.report_function import ReportFunctionError

    ask = partial(ask_for_tokens, deployment.client("lambda"), deployment["processorFunction"])
    try:
        with ctrl_c_as_such():
            return Rekeying(privacy_system(deployment), NewestTokens(ask), dry_run=dry_run, on_step=Steps()).run()
    except (ChangedByOthersError, ReportFunctionError, TokensRefusedError, UnreadableFileError) as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        if dry_run:
            raise
        raise StoppedError("stopped by Ctrl-C: what is rekeyed stays so, and the same again goes on") from None


def _print(result: "Rekeyed", change: str) -> None:
    for store, count in result.counts.items():
        if count:
            out.print(f"  {count:,} {change}: {store}")
    for key in result.by_hand:
        err.print(f"{key} has earlier tokens, which are still found: renew them where they are kept")

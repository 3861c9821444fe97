"""`fraudstream profiles rebuild`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fraudstream_tools.cli.support.files.id_files import write_ids
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from fraudstream_tools.operations.recovery.profile_rebuild import Rebuilt

_AGAIN: Final = "run it again to go on: profiles that were written are right"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(name="profiles", no_args_is_help=True, help="What is known of customers, cards and others.")
    group.command()(rebuild)
    app.add_typer(group)


def rebuild(
    entity: Annotated[
        str | None, typer.Argument(metavar="KEY", help="One profile's key, such as customer#tok_….  [default: all]")
    ] = None,
    *,
    folder: Annotated[
        Path,
        typer.Option(
            help="For what is gathered meanwhile, and to go on after a break, within a day and of the same stack."
        ),
    ] = Path(".local/profiles-rebuild"),
    unlearned: Annotated[
        Path | None, typer.Option(help="Write the ids of transactions whose label was not learnt to this file.")
    ] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make profiles again from the table of transactions.

    The analyzer is paused meanwhile: transactions are accepted and wait in the stream, which keeps them for 24 hours.
    What is older than the table of transactions cannot come back; since when an entity is known stays. Exits with 1 if
    no decided transaction has the named key.

        fraudstream profiles rebuild
        fraudstream profiles rebuild customer#tok_gX4wwmgX_cYWhX76FRHULQ
        fraudstream profiles rebuild --unlearned labels.txt
        fraudstream redrive --file labels.txt
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream.detection.stores.profiles.reads import ProfilesUnavailableError
    from fraudstream_tools.operations.recovery.stream_pause import PauseError

    if entity is not None:
        _refuse_other(entity)
    try:
        result = _rebuild(Deployment(stack), folder, entity)
    except (BotoCoreError, ClientError, PauseError, ProfilesUnavailableError) as error:
        raise CommandError(f"{explained(error)}\n{_AGAIN}") from None
    except KeyboardInterrupt:
        raise StoppedError(f"stopped by Ctrl-C: {_AGAIN}") from None
    except OSError as error:
        raise CommandError(f"{error.filename or folder}: {error.strerror}") from None
    if unlearned is not None:
        write_ids(unlearned, result.unlearned)
    _print(result, as_json=as_json)
    if entity is not None and not result.transactions:
        raise CommandError("no decided transaction has this key: nothing was rebuilt; is it the whole key?")
    if result.failed:
        raise typer.Exit(1)


def _refuse_other(key: str) -> None:
    """Refuse what is no profile's key before the analyzer is paused for it; it may be anything, and is not repeated."""
    from fraudstream.contract import EntityKind
    from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN

    kind, _, token = key.partition("#")
    if kind not in set(EntityKind) or not re.fullmatch(TOKEN_PATTERN, token):
        raise CommandError(
            f"that is no profile's key: write one of {', '.join(EntityKind)}, then # and a whole token, as in "
            "customer#tok_gX4wwmgX_cYWhX76FRHULQ"
        )


def _rebuild(deployment: Deployment, folder: Path, entity: str | None) -> "Rebuilt":
    from embedded_aws.cleanup import ended_by_signals
    from fraudstream.contract import RETENTION_DAYS
    from fraudstream_tools.cli.support.running.active_ruleset import required_ruleset
    from fraudstream_tools.operations.recovery.profile_rebuild import ProfileRebuild
    from fraudstream_tools.operations.recovery.stream_pause import paused

    rates = required_ruleset(deployment).rates
    with progress_bar("transactions read", None) as read, progress_bar("percent of profiles written", 100) as written:
        rebuild_all = ProfileRebuild(
            deployment.client("dynamodb"),
            transactions_table=deployment["transactionsTable"],
            profiles_table=deployment["profilesTable"],
            rates=rates,
            folder=folder,
            retention_days=int(deployment.get("retentionDays") or RETENTION_DAYS),
            on_read=read,
            on_written=written,
            on_checkpoint=lambda said: err.print(said, soft_wrap=True),
        )
        with ended_by_signals(), paused(deployment.client("lambda"), deployment["analyzerFunction"]):
            return rebuild_all.run(entity)


def _print(result: "Rebuilt", *, as_json: bool) -> None:
    counts = {
        "new": (len(result.new), "profiles are new"),
        "changed": (len(result.changed), "have changed"),
        "same": (len(result.same), "were right"),
        "shortened": (len(result.shortened), "of these go back less far than before: older transactions are gone"),
        "newer": (len(result.newer), "were left as a newer version of fraudstream wrote them"),
        "failed": (len(result.failed), "could not be written: run it again"),
        "transactions": (result.transactions, "decided transactions were learnt"),
        "undecided": (result.undecided, "without a decision are left to the analyzer, or to `fraudstream redrive`"),
        "expired": (result.expired, "have expired"),
        "unreadable": (result.unreadable, "cannot be read"),
        "unlearned": (len(result.unlearned), "labels were not learnt: --unlearned FILE, then redrive --file FILE"),
    }
    if as_json:
        print_json({name: number for name, (number, _) in counts.items()})
        return
    for number, description in counts.values():
        out.print(f"{number:>12,} {description}")

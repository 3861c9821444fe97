"""`fraudstream restore`."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fraudstream.contract import LISTED_PREFIX
from fraudstream.counts import counted, word_for
from fraudstream_tools.cli.support.files.id_files import write_ids
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.ages import parse_moment
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from fraudstream.transactions.storage.attributes import Item

_OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Also replace what is there and differs.")]
_KEPT: Final = "what was copied stays: run it again to go on"
_DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only count what would be done.")]


class RestorableTable(StrEnum):
    """A table whose items can be copied back."""

    TRANSACTIONS = "transactions"
    ALERTS = "alerts"
    LISTS = "lists"
    """The entries of lists in the table of profiles."""
    HOLDS = "holds"
    """The legal holds in the table of profiles."""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="restore", no_args_is_help=True, help="Bring back what was lost from a table or the bucket."
    )
    group.command()(table)
    group.command()(objects)
    app.add_typer(group)


def table(
    source: Annotated[str, typer.Argument(metavar="RESTORED_TABLE", help="The table that AWS made of the backup.")],
    *,
    into: Annotated[RestorableTable, typer.Option(help="Which table of the stack.")] = RestorableTable.TRANSACTIONS,
    overwrite: _OverwriteOption = False,
    undecided: Annotated[
        Path | None, typer.Option(help="Write the ids of transactions that come back undecided to this file.")
    ] = None,
    dry_run: _DryRunOption = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the items of a restored table back into the table of the stack.

    AWS restores a table to any second of the last 35 days, as a new table. Its items are copied with a mark: they are
    neither logged nor learnt nor told a second time. Profiles are rebuilt (`fraudstream profiles rebuild`), not copied;
    who is on a list is copied from a restored table of profiles (`--into lists`), and so is who must not be erased
    (`--into holds`): holds that were released since come back too. Who was erased after that second comes back as well:
    the command counts the receipts of such erasures; erase these people again.

        aws dynamodb restore-table-to-point-in-time \\
            --source-table-name table-transactions-dev \\
            --target-table-name restored --restore-date-time 2026-11-23T09:59:00Z
        fraudstream restore table restored --dry-run
        fraudstream restore table restored --undecided undecided.txt
        fraudstream redrive --file undecided.txt
    """
    from fraudstream_tools.operations.privacy.holds import HOLD_PREFIX
    from fraudstream_tools.operations.recovery.changed_since import has_earlier_tokens, restored_to
    from fraudstream_tools.operations.recovery.closing_again import ReopenedAlert, close_labelled_since, open_alert
    from fraudstream_tools.operations.recovery.table_copy import (
        Copied,
        SchemaMismatchError,
        copy_items,
    )

    deployment = Deployment(stack)
    # What people say of an entity is beside its profile, under keys that begin so.
    key_prefix = {RestorableTable.LISTS: LISTED_PREFIX, RestorableTable.HOLDS: HOLD_PREFIX}.get(into, "")
    target = deployment["profilesTable" if key_prefix else f"{into.value}Table"]
    ids: list[str] = []
    newest = deployment.number("tokenKeys") if deployment.get("tokenKeys") else 1
    rekeyed_since, closed_again = 0, 0
    opened: list[ReopenedAlert] = []

    def look_at(item: "Item") -> None:
        nonlocal rekeyed_since
        rekeyed_since += has_earlier_tokens(item, newest)
        if into is RestorableTable.ALERTS and (alert := open_alert(item)) is not None:
            opened.append(alert)

    with _aws_failures(f"{source} to {target}"), progress_bar("items", None) as advance:
        try:
            counts = copy_items(
                deployment.client("dynamodb"),
                source,
                target,
                overwrite=overwrite,
                dry_run=dry_run,
                key_prefix=key_prefix,
                on_item=advance,
                on_undecided=ids.append,
                on_back=look_at,
            )
            moment = restored_to(deployment.client("dynamodb"), source)
            if opened:
                closed_again = close_labelled_since(
                    deployment.client("dynamodb"), target, deployment["transactionsTable"], opened, dry_run=dry_run
                )
        except SchemaMismatchError as error:
            raise CommandError(str(error)) from None
    if undecided is not None:
        write_ids(undecided, ids)
    receipts = [] if into is RestorableTable.HOLDS else _erasures(deployment, moment)
    if as_json:
        told = {outcome.name.lower(): counts[outcome] for outcome in Copied}
        print_json(told | {"closedAgain": closed_again, "earlierTokens": rekeyed_since, "erasedSince": receipts})
    else:
        out.print(f"{source} to {target}{', not done' if dry_run else ''}:")
        for outcome in Copied:
            if outcome is not Copied.UNDECIDED or into is RestorableTable.TRANSACTIONS:
                out.print(f"  {counts[outcome]:,} {outcome.value}", soft_wrap=True)
        if closed_again:
            out.print(f"  {closed_again:,} closed again: their transactions were labelled after that second")
    _say_what_must_not_stay(rekeyed_since, receipts, moment)


def _erasures(deployment: Deployment, moment: datetime | None) -> list[str] | None:
    """Return the receipts of erasures that a restored table does not know; None where they cannot be listed."""
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream_tools.operations.recovery.changed_since import erasures_since

    bucket = deployment.get("bucketName")
    try:
        return erasures_since(deployment.client("s3"), bucket, moment) if bucket else None
    except (BotoCoreError, ClientError):
        # The items are back: what is left to do must be said all the same.
        return None


def _say_what_must_not_stay(earlier_tokens: int, receipts: list[str] | None, moment: datetime | None) -> None:
    """Name what has to be done again, since it was done after the second that a table was restored to."""
    if earlier_tokens:
        have = word_for(earlier_tokens, "has", "have")
        err.print(
            f"{counted(earlier_tokens, 'item')} of these {have} tokens of an earlier number, by which nothing is found "
            "once the API makes newer ones: run `fraudstream tokens rekey` before anything else",
            soft_wrap=True,
        )
    since = f"since {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "since the stack was made"
    if receipts is None:
        err.print(
            f"whether anybody was erased {since} is not known here, since the receipts in the bucket cannot be listed: "
            "erase those people again",
            soft_wrap=True,
        )
    elif receipts:
        # Who was erased twice, as after a break, has two.
        err.print(
            f"{counted(len(receipts), 'erasure')} ended {since}. What this table has of these people comes back: erase "
            f"them again (`fraudstream erase`). The receipts, which name nobody: {', '.join(receipts)}",
            soft_wrap=True,
        )


def objects(
    prefix: Annotated[str, typer.Argument(help="Which objects, such as decision-log/ or reports/daily/.")],
    at: Annotated[
        datetime,
        typer.Option(parser=parse_moment, metavar="MOMENT", help="The moment (UTC), such as 2026-11-23T09:59:00Z."),
    ],
    *,
    overwrite: _OverwriteOption = False,
    dry_run: _DryRunOption = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore objects of the bucket as they were at a moment.

    What was deleted since is there again; what has changed since is only replaced with --overwrite. Nothing is deleted,
    and what was replaced stays as an earlier version.

        fraudstream restore objects reports/ --at 2026-11-23T09:59:00Z --dry-run
    """
    from fraudstream_tools.operations.recovery.object_versions import restore_objects

    deployment = Deployment(stack)
    bucket = deployment["bucketName"]
    with _aws_failures(bucket), progress_bar("objects", None) as advance:
        result = restore_objects(
            deployment.client("s3"),
            bucket,
            prefix,
            at.replace(tzinfo=UTC),
            overwrite=overwrite,
            dry_run=dry_run,
            on_object=advance,
        )
    if as_json:
        print_json({"deleted": result.deleted, "changed": result.changed, "unchanged": result.unchanged})
        return
    if not (result.deleted or result.changed or result.unchanged):
        raise CommandError(_nothing_of(prefix, result.later))
    for change, keys in (("deleted", result.deleted), ("changed", result.changed)):
        for key in keys:
            err.print(f"{change}: {key}", soft_wrap=True)
    gone, changed = len(result.deleted), len(result.changed)
    back = f": {word_for(gone, 'it is', 'they are')} back"
    replaced = ": brought back too" if overwrite else ": left as they are (--overwrite brings them back)"
    nothing_done = ", and nothing was done" if dry_run else ""
    out.print(f"{counted(gone, 'object')} had been deleted{nothing_done or (back if gone else '')}")
    out.print(
        f"{counted(changed, 'object has', 'objects have')} changed since{nothing_done or (replaced if changed else '')}"
    )
    out.print(f"{counted(result.unchanged, 'object is', 'objects are')} as before")


def _nothing_of(prefix: str, later: int) -> str:
    if not later:
        return f"nothing in the bucket begins with {prefix}, and nothing did at that moment"
    came = f"{counted(later, 'object')} that {word_for(later, 'begins', 'begin')} with {prefix}"
    return f"the bucket knows {came}, and nothing of that moment: name a later one; versions end after oldVersionDays"


@contextmanager
def _aws_failures(table: str) -> Generator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream.aws.errors import error_code

    try:
        yield
    except TimeoutError as error:
        raise CommandError(f"{table}: {error}\n{_KEPT}") from None
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "ResourceNotFoundException":
            raise CommandError(
                f"{table}: there is no such table, or AWS is still making it, for which `aws dynamodb wait "
                "table-exists` waits; nothing was copied"
            ) from None
        raise CommandError(f"{table}: {explained(error)}\n{_KEPT}") from None
    except KeyboardInterrupt:
        raise StoppedError(f"stopped by Ctrl-C: {_KEPT}") from None

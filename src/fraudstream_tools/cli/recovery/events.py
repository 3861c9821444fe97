"""`fraudstream events list|resend`: what other systems were told, and once more."""

from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.counts import counted
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.ages import moment_text, parse_age
from fraudstream_tools.cli.support.terminal.confirmation import DryRunOption, YesOption, confirm
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, one_line, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.recovery.resending import StoredEvent


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(name="events", no_args_is_help=True, help="What other systems were told; send it once more.")
    group.command(name="list")(list_events)
    group.command()(resend)
    app.add_typer(group)


def list_events(
    transaction_id: Annotated[str, typer.Argument(metavar="ID", help="transactionId")],
    *,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the events of a transaction that the outbox still has: for 14 days.

    fraudstream events list order-20261123-0001
    """
    from fraudstream_tools.operations.recovery.resending import events_of

    deployment = Deployment(stack)
    events = events_of(deployment.client("dynamodb"), deployment["outboxTable"], transaction_id)
    _print_found(events, as_json=as_json)
    if not events and not as_json:
        out.print(_nothing(deployment))


def _print_found(events: "list[StoredEvent]", *, as_json: bool) -> None:
    if as_json:
        print_json(events)
        return
    for event in events:
        at = event["eventTime"]
        when = moment_text(int(at)) if at.isascii() and at.isdecimal() else at
        out.print(one_line(f"{when}  {event['eventType']}  {event['eventId']}"), soft_wrap=True)


def _nothing(deployment: Deployment) -> str:
    if deployment.get("events"):
        return "the outbox has no event of this transaction (any more)"
    return "this stack tells other systems nothing: see the setting events"


def resend(
    transaction_id: Annotated[str | None, typer.Argument(metavar="ID", help="transactionId")] = None,
    *,
    since: Annotated[
        int | None,
        typer.Option("--since", parser=parse_age, metavar="AGE", help="All events that are younger: 30m, 4h or 2d."),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send events once more, to the topic and to the webhook: those of a transaction, or all of some time.

    They keep their ids: a receiver that has one drops it.

    ```
    fraudstream events resend order-20261123-0001
    fraudstream events resend --since 2d --yes
    ```
    """
    from fraudstream.clock import epoch_milliseconds
    from fraudstream_tools.operations.recovery.resending import events_of, events_since

    if (transaction_id is None) == (since is None):
        raise CommandError("name a transaction, or give an age: --since 4h")
    deployment = Deployment(stack)
    dynamodb, outbox = deployment.client("dynamodb"), deployment["outboxTable"]
    if since is None:
        events = events_of(dynamodb, outbox, transaction_id or "")
        if not events:
            raise CommandError(_nothing(deployment))
    else:
        events = list(events_since(dynamodb, outbox, epoch_milliseconds() - since))
        if not dry_run:
            confirm(f"send {counted(len(events), 'event')} once more?", yes=yes, as_json=as_json)
    if dry_run:
        _print_found(events, as_json=as_json)
        return
    sent = _sent(dynamodb, outbox, events)
    if as_json:
        print_json({"resent": sent})
    else:
        out.print(f"{counted(len(sent), 'event is', 'events are')} sent once more")


def _sent(dynamodb: "DynamoDBClient", outbox: str, events: "list[StoredEvent]") -> list[str]:
    """Send events once more; return the ids of those that the outbox still has."""
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream_tools.operations.recovery.resending import resend as send

    sent: list[str] = []
    try:
        with progress_bar("sending", len(events)) as advance:
            for number, event in enumerate(events, start=1):
                if send(dynamodb, outbox, event):
                    sent.append(event["eventId"])
                advance(number)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{explained(error)}\n{_so_far(sent, events)}") from None
    except KeyboardInterrupt:
        raise StoppedError(f"stopped by Ctrl-C: {_so_far(sent, events)}") from None
    return sent


def _so_far(sent: list[str], events: "list[StoredEvent]") -> str:
    return (
        f"{len(sent):,} of {counted(len(events), 'event')} were sent once more; the same again sends all of them, and "
        "receivers drop what they have"
    )

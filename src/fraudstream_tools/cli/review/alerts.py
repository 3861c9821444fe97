"""`fraudstream alerts`: the review queue."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import FourEyes
from fraudstream_tools.cli.support.options import JsonOption, SourceOption, StackOption, TruthOption
from fraudstream_tools.cli.support.review.audit import audit_log, needs_two
from fraudstream_tools.cli.support.review.labelling import label_transaction, required_truth
from fraudstream_tools.cli.support.running.active_ruleset import active_ruleset, required_ruleset
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.shown.details_text import print_details
from fraudstream_tools.cli.support.shown.review.alert_table import alert_table
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.ages import parse_age
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.rules.rates import Rates
    from fraudstream.transactions.transaction import Channel
    from fraudstream_tools.operations.review.alert_summary import AlertSummary
    from fraudstream_tools.operations.review.alerts import AlertQueue


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="alerts", no_args_is_help=True, help="List, show and close alerts: transactions that a person must review."
    )
    group.command(name="list")(list_alerts)
    group.command(name="show")(show)
    group.command(name="close")(close)
    app.add_typer(group)


def list_alerts(
    *,
    status: Annotated[Literal["open", "closed"], typer.Option(case_sensitive=False)] = "open",
    rule: Annotated[
        str | None,
        typer.Option("--rule", metavar="ID", help="Of a rule: its id or reason code, `model`, or `exploration`."),
    ] = None,
    min_amount: Annotated[
        float | None, typer.Option("--min-amount", min=0, help="From this amount on, in the base currency.")
    ] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="ECOMMERCE, POS, ATM, …")] = None,
    older_than: Annotated[
        int | None, typer.Option("--older-than", parser=parse_age, metavar="AGE", help="Such as 30m, 4h or 2d.")
    ] = None,
    newer_than: Annotated[
        int | None, typer.Option("--newer-than", parser=parse_age, metavar="AGE", help="Such as 30m, 4h or 2d.")
    ] = None,
    sort: Annotated[
        Literal["newest", "oldest", "score", "amount", "loss"],
        typer.Option(
            "--sort",
            help="What comes first; loss is probability (else score) times root of amount, in the base currency.",
        ),
    ] = "newest",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts, newest first; those of one customer within an hour are together.

    ```
    fraudstream alerts list
    fraudstream alerts list --sort loss
    fraudstream alerts list --sort amount --older-than 4h
    fraudstream alerts list --rule CARD_TESTING --channel ECOMMERCE
    fraudstream alerts list --json --limit 1000 | jq '.[] | select(.score > 90)'
    ```
    """
    import msgspec

    from fraudstream_tools.operations.review.alert_summary import AlertStatus
    from fraudstream_tools.operations.review.alerts import AlertOrder, AlertQuery

    deployment = Deployment(stack)
    is_compared = min_amount is not None or sort in {"amount", "loss"}
    rates = required_ruleset(deployment).rates if is_compared else None
    now = epoch_milliseconds()
    times: dict[str, Any] = {
        **({} if newer_than is None else {"raised_from": now - newer_than}),
        **({} if older_than is None else {"raised_until": now - older_than}),
    }
    query = AlertQuery(
        status=AlertStatus(status.upper()),
        order=AlertOrder(sort),
        rule=rule,
        channel=_channel(channel),
        minimum_amount=min_amount,
        **times,
    )
    alerts = alert_queue(deployment, rates).find(query, limit)
    if len(alerts) == limit:
        err.print(f"the first {limit}; --limit shows more", style="dim")
    if as_json:
        print_json(msgspec.to_builtins(alerts))
        return
    if not alerts:
        filters = (rule, min_amount, channel, older_than, newer_than)
        out.print(f"no {status} alerts{' are like that' if any(each is not None for each in filters) else ''}")
        return
    print_whole(alert_table(alerts, now=now, base=rates.base if rates else None, together=sort == "newest"))
    if rates and (unknown := {alert.currency for alert in alerts if alert.amount_base is None and alert.currency}):
        err.print(f"without an exchange rate, and so not compared: {', '.join(sorted(unknown))}", style="dim")


def show(
    transaction_id: Annotated[str, typer.Argument(metavar="ID", help="transactionId")],
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything that is known of an alert's transaction: why it was raised, and what happened since.

    ```
    fraudstream alerts show order-20261123-0001
    ```
    """
    import msgspec

    from fraudstream.transactions.storage.item import PoisonRecordError
    from fraudstream_tools.operations.investigation.transaction_details import read_details

    deployment = Deployment(stack)
    client = deployment.client("dynamodb")
    tables = {"transactions": deployment["transactionsTable"], "alerts": deployment["alertsTable"]}
    try:
        details = read_details(
            client, **tables, transaction_id=transaction_id, ruleset=active_ruleset(deployment, quiet=as_json)
        )
    except PoisonRecordError as error:
        raise CommandError(f"{shown(transaction_id)}: {error}; restore it, or store it anew") from None
    if details is None:
        _refuse_alone(alert_queue(deployment).get(transaction_id))
        raise CommandError(f"{shown(transaction_id)}: there is no such transaction (any more)")
    if details.alert is None:
        err.print(f"{shown(transaction_id)} has no alert", style="dim")
    if as_json:
        alert, history = msgspec.to_builtins(details.alert), msgspec.to_builtins(details.history)
        print_json({**details.state, "alert": alert, "history": history, "rules": dict(details.rules)})
    else:
        print_details(details)


def close(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="transactionIds")],
    is_fraud: TruthOption = None,
    source: SourceOption = "analyst",
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Close alerts by labelling their transactions as fraud or legitimate; the analyzer learns from each label.

    What a colleague works on, or has closed otherwise, is closed all the same, and named.

    fraudstream alerts close order-20261123-0001 --fraud
    """
    is_fraud = required_truth(is_fraud)
    from fraudstream.detection.stores.decisions.alerts import close_alert

    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    audit = audit_log(deployment)
    # A label that waits for a second person closes no alert.
    waits = needs_two(deployment, FourEyes.LABELS)
    results: list[dict[str, object]] = []
    for transaction_id in ids:
        _say_who_has_it(deployment, transaction_id, audit.operator.arn)
        label = label_transaction(deployment, audit, transaction_id, is_fraud=is_fraud, source=source)
        # The analyzer closes it too when it sees the label; whoever lists the queue next need not wait for that.
        is_closed = not waits and close_alert(client, deployment["alertsTable"], transaction_id, label).shows_label
        if as_json:
            results.append({"transactionId": transaction_id, "label": label.label.value, "hadOpenAlert": is_closed})
        else:
            left = "" if is_closed or waits else " (it had no open alert)"
            out.print(f"{shown(transaction_id)}: {label.label}{left}")
    if as_json:
        print_json(results)


def _say_who_has_it(deployment: Deployment, transaction_id: str, me: str) -> None:
    """Print which colleagues have an open alert and its case, or as what it was closed.

    Raises:
        CommandError: its transaction is not stored any more.
    """
    from fraudstream_tools.operations.cases.holders import holders
    from fraudstream_tools.operations.cases.store import CaseStore
    from fraudstream_tools.operations.review.alert_summary import AlertStatus

    alert = alert_queue(deployment).get(transaction_id)
    _refuse_alone(alert)
    if alert is None:
        return
    if alert.status is AlertStatus.CLOSED:
        if alert.label is not None:
            err.print(f"{shown(transaction_id)} was closed as {alert.label} before")
        return
    case = CaseStore(deployment.client("dynamodb"), deployment["alertsTable"]).of_alert(alert)
    if having := holders(alert, case, me):
        err.print(f"{shown(transaction_id)}: {' and '.join(having)} worked on it", soft_wrap=True)


def _refuse_alone(alert: "AlertSummary | None") -> None:
    """Refuse what is about an alert's transaction where that is not stored any more.

    Raises:
        CommandError: it is not.
    """
    from fraudstream_tools.operations.review.labels import LabelError
    from fraudstream_tools.operations.review.reviews import refuse_alone

    try:
        if alert is not None:
            refuse_alone(alert)
    except LabelError as error:
        raise CommandError(str(error)) from None


def alert_queue(deployment: Deployment, rates: "Rates | None" = None) -> "AlertQueue":
    """Return the review queue of a deployment."""
    from fraudstream_tools.operations.review.alerts import AlertQueue

    return AlertQueue(
        deployment.client("dynamodb"),
        alerts=deployment["alertsTable"],
        transactions=deployment["transactionsTable"],
        rates=rates,
    )


def _channel(name: str | None) -> "Channel | None":
    from fraudstream.transactions.transaction import Channel

    if name is None:
        return None
    try:
        return Channel(name.upper())
    except ValueError:
        raise CommandError(f"--channel is one of {', '.join(Channel)}") from None

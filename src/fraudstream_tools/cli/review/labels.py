"""`fraudstream labels`: what payments turned out to be, which kind of fraud it was, and what was done with them."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.contract import TRANSACTION_TARGET
from fraudstream_tools.cli.support.files.file_problems import map_of
from fraudstream_tools.cli.support.options import (
    JsonOption,
    MapOption,
    SourceOption,
    StackOption,
    TruthOption,
    TypeOption,
)
from fraudstream_tools.cli.support.review.audit import audit_log
from fraudstream_tools.cli.support.review.case_work import case_closing, waiting_labels
from fraudstream_tools.cli.support.review.digests import shown_digest, with_digests
from fraudstream_tools.cli.support.review.labelling import fraud_type_of, label_file, label_transaction, required_truth
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, err, one_line, out, print_json
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Generator

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.review.label_approval import WaitingLabel
    from fraudstream_tools.outcomes import PaymentOutcome

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="transactionId")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="labels",
        no_args_is_help=True,
        help="""
Say what payments turned out to be, which kind of fraud it was, and what was done with them.

The analyzer learns from a label within a second, and the alert is closed. What was done with a payment changes no
decision: the daily report says by it what was really prevented.
""",
    )
    group.command(name="set")(set_label)
    group.command(name="import")(import_file)
    group.command(name="action")(set_action)
    group.command()(show)
    group.command()(waiting)
    group.command()(approve)
    app.add_typer(group)


def set_label(
    transaction_id: IdArgument,
    *,
    is_fraud: TruthOption = None,
    fraud_type: TypeOption = None,
    source: SourceOption = "analyst",
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Label a transaction as fraud or legitimate.

    ```
    fraudstream labels set order-20261123-0001 --fraud --type ACCOUNT_TAKEOVER
    fraudstream labels set order-20261123-0002 --legitimate
    ```
    """
    is_fraud = required_truth(is_fraud)
    kind = None if fraud_type is None else fraud_type_of(fraud_type, "--type")
    deployment = Deployment(stack)
    label = label_transaction(
        deployment, audit_log(deployment), transaction_id, is_fraud=is_fraud, source=source, fraud_type=kind
    )
    if as_json:
        _print(deployment, transaction_id)
        return
    out.print(f"{shown(transaction_id)} is {label.label}{f' ({kind})' if kind else ''}, says {source}")


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines or Parquet.")],
    *,
    file_map: MapOption = None,
    source: SourceOption = "analyst",
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import labels, and what was done with payments, from a file of chargebacks, issuers' alerts or your own.

    ```
    fraudstream labels import chargebacks.csv --source chargeback
    fraudstream labels import disputes.jsonl --map stripe-disputes
    fraudstream labels import reported.csv --map issuer-alerts
    ```

    A row names its payment by `transactionId` or `networkReference`. It says `label` (FRAUD or LEGITIMATE) and
    `labeledAt`, and if it is known `source` and `fraudType`; or `actionTaken` (BLOCKED, CHALLENGED, ALLOWED, REVERSED)
    and `actionAt`; or all of these. Times are a date and time with its zone, epoch milliseconds, or a date, which is
    the end of that day in UTC; not in the future, and not before the payment. Other columns need a map (--map). A file
    of which any line is wrong is refused as a whole, every wrong line named.

    What comes of it is the same in any order, and whenever it is given again:

    - the newest `labeledAt` wins; of two at the same moment, FRAUD; so does the newest `actionAt`;
    - a kind of fraud stays until a newer label names another, also if a newer one names none;
    - the same again changes nothing, so a file that was interrupted is simply given again;
    - a late one counts like any other, for as long as its transaction is stored; features look back 30 days;
    - one whose transaction is not stored (any more), or whose reference several payments have, is named: the command
      ends with 1.
    """
    label_file(file, source, stack, map_of(file_map), as_json=as_json)


def set_action(
    transaction_id: IdArgument,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="BLOCKED, CHALLENGED, ALLOWED or REVERSED.")],
    *,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record what you did with a payment, whatever was decided.

    fraudstream labels action order-20261123-0001 BLOCKED
    """
    from fraudstream.transactions.decisions.decision import Action
    from fraudstream_tools.operations.review.labels import act_now, before_action

    if action.upper() not in tuple(Action):
        raise CommandError(f"ACTION is one of {', '.join(Action)}")
    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    table, target = deployment["transactionsTable"], f"{TRANSACTION_TARGET}{transaction_id}"
    audit, done = audit_log(deployment), {"actionTaken": action.upper()}
    before = before_action(client, table, transaction_id)
    with _problems(), audit.recorded("tell-action", target, before=before, after=done):
        taken = act_now(client, table, transaction_id, Action(action.upper()))
    if as_json:
        _print(deployment, transaction_id)
        return
    out.print(f"{shown(transaction_id)} was {taken.action_taken.lower()}, you say")


def show(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Show what is known of a transaction: its label, who said so, the kind of fraud, and what was done.

    fraudstream labels show order-20261123-0001 --json
    """
    from fraudstream_tools.cli.support.terminal.ages import moment_text

    deployment = Deployment(stack)
    if as_json:
        _print(deployment, transaction_id)
        return
    found = _known(deployment, transaction_id)
    label, action = found.label, found.action
    if label is None:
        out.print("nobody has said what it turned out to be")
    else:
        kind = f" ({label.kind_of_fraud})" if label.kind_of_fraud else ""
        said = one_line(f"{label.label}{kind}, says {label.label_source}")
        waits = "; it counts once somebody else has approved it" if label.label_approved_at == 0 else ""
        out.print(f"{moment_text(label.labeled_at)}  {said}{waits}", soft_wrap=True)
    if action is not None:
        out.print(f"{moment_text(action.action_at)}  {action.action_taken.lower()} by you")


def waiting(*, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """List the labels that wait for a second person, newest first, where labels need two.

    The digest in front of each is what `labels approve` takes.

    fraudstream labels waiting --json
    """
    from fraudstream_tools.cli.support.terminal.ages import moment_text

    approval = waiting_labels(Deployment(stack))
    found = list(approval.waiting())
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    for each in found:
        said = one_line(f"{each.label.label}, says {each.label.label_source}; given by {each.by}")
        when = f"{shown_digest(each)}  {moment_text(each.label.labeled_at)}"
        out.print(f"{when}  {shown(each.transaction_id)}  {said}", soft_wrap=True)
    if not found:
        # On standard error: what reads the digests from a file would take it for some.
        err.print("no label waits for anybody")


def approve(
    digests: Annotated[list[str], typer.Argument(metavar="DIGEST…", help="Of labels that `labels waiting` shows.")],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they may count; it is recorded.")],
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve labels that somebody else has given, where labels need two people.

    ```
    fraudstream labels approve 5f0c2a9be1d47c38 --reason "the bank says so"
    fraudstream labels waiting > seen.txt    # look, then take the digests
    cut -c1-16 seen.txt | xargs fraudstream labels approve --reason "compared"
    ```

    Each of them that does not have your own mark gets it, and counts within a second. A label that somebody has changed
    since you looked has another digest, and is left alone.
    """
    from fraudstream_tools.operations.approving import ApprovalError
    from fraudstream_tools.operations.audit.change_note import ReasonError, checked_reason

    deployment = Deployment(stack)
    approval = waiting_labels(deployment)
    try:
        checked_reason(reason)
    except ReasonError as error:
        raise CommandError(str(error)) from None
    closing = case_closing(deployment, approval)
    done: list[WaitingLabel] = []
    for each in with_digests(approval.waiting(), digests, "fraudstream labels waiting"):
        try:
            closing.approve_label(each.transaction_id, each.digest, reason=reason)
            done.append(each)
        except ApprovalError as error:
            err.print(f"{shown(each.transaction_id)}: {error}", soft_wrap=True)
    if as_json:
        print_json([_as_json(each) for each in done])
    for each in () if as_json else done:
        said = f"{shown(each.transaction_id)} is {each.label.label}: it counts within a second"
        out.print(said, soft_wrap=True)
    if not done:
        raise CommandError("no label got your mark: `fraudstream labels waiting` has all that wait")


def _as_json(each: "WaitingLabel") -> dict[str, object]:
    import msgspec

    known = {"digest": each.digest, "transactionId": each.transaction_id}
    return {**known, **msgspec.to_builtins(each.label), "by": each.by}


def _print(deployment: Deployment, transaction_id: str) -> None:
    import msgspec

    found = _known(deployment, transaction_id)
    label, action = found.label, found.action
    known: dict[str, object] = {"transactionId": transaction_id}
    if label is not None:
        said = msgspec.structs.replace(label, fraud_type=label.kind_of_fraud, fraud_type_at=None)
        known |= msgspec.to_builtins(said)
    if action is not None:
        known |= msgspec.to_builtins(action)
    print_json(known)


def _known(deployment: Deployment, transaction_id: str) -> "PaymentOutcome":
    from fraudstream_tools.operations.review.labels import outcome_of

    with _problems():
        return outcome_of(deployment.client("dynamodb"), deployment["transactionsTable"], transaction_id)


@contextmanager
def _problems() -> "Generator[None]":
    from fraudstream_tools.operations.review.labels import LabelError

    try:
        yield
    except LabelError as error:
        raise CommandError(str(error)) from None

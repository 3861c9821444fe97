"""`fraudstream erase` and `fraudstream hold`: what is done about a person."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import EntityKind
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.review.audit import audit_log
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.privacy import Steps, earlier_tokens_of, privacy_system, tokens_of
from fraudstream_tools.cli.support.terminal.confirmation import DryRunOption, YesOption, confirm
from fraudstream_tools.cli.support.terminal.failures import ctrl_c_as_such
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.operations.privacy.erasure.receipt import ErasureReceipt

CustomerOption = Annotated[
    str,
    typer.Option("--customer", metavar="ID", help="The customerId, as your systems have it, or its token (tok_…)."),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(erase)
    app.command()(hold)


def erase(
    customer: CustomerOption,
    *,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a person from everything that is stored, old versions of objects too.

    Transactions, alerts, profiles, entries of lists, the decision log and names in reports go; so does the person's
    token in the transactions of others. Figures that were reported stay. A legal hold (`fraudstream hold`) refuses it.
    What cannot be erased at once is named with the day on which it ends. It may be broken off: the same again goes on,
    and finds nothing when all is done. Read docs/privacy.md first: an erasure cannot be taken back.

    ```
    fraudstream erase --customer customer-81 --dry-run
    fraudstream erase --customer tok_gX4wwmgX_cYWhX76FRHULQ --yes --json
    ```
    """
    from fraudstream.reporting.log.changes.rewriting import UnreadableFileError
    from fraudstream_tools.operations.audit.identity import operator_of
    from fraudstream_tools.operations.privacy.erasure.erasing import Erasure, Person, StillThereError
    from fraudstream_tools.operations.privacy.erasure.marks import BusyProfileError
    from fraudstream_tools.operations.privacy.erasure.old_versions import OldVersionsKeptError
    from fraudstream_tools.operations.privacy.erasure.receipt import keep_receipt
    from fraudstream_tools.operations.privacy.holds import LegalHoldError
    from fraudstream_tools.operations.report_function import ReportFunctionError

    deployment = Deployment(stack)
    tokens = tokens_of(deployment, EntityKind.CUSTOMER, customer)
    if not dry_run:
        confirm("Erase this person from everything that is stored?", yes=yes, as_json=as_json)
    system = privacy_system(deployment)
    if customer in tokens:
        tokens = [*earlier_tokens_of(deployment, system, customer), *tokens]
    person = Person(frozenset(tokens), operator_of(deployment.client("sts")).arn)
    erasure = Erasure(system, person, dry_run=dry_run, on_step=Steps())
    try:
        with ctrl_c_as_such():
            receipt = erasure.run()
        key = None if dry_run else keep_receipt(system, receipt)
    except LegalHoldError as error:
        # The oldest token leads to all others, and so to the hold whichever it is under.
        ended = f"when it has ended: fraudstream hold --customer {tokens[0]} --release"
        raise CommandError(f"{error}\n{ended}") from None
    except OldVersionsKeptError as error:
        raise CommandError(f"{error}: end what keeps them, and run the same again") from None
    except (BusyProfileError, ReportFunctionError, StillThereError, UnreadableFileError) as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        if dry_run:
            raise
        raise StoppedError("stopped by Ctrl-C: what is erased stays erased, and the same again goes on") from None
    if as_json:
        import msgspec

        print_json({**msgspec.to_builtins(receipt), "receipt": key})
    else:
        _print(receipt, key)
    if receipt.by_hand:
        raise typer.Exit(1)


def hold(
    customer: CustomerOption,
    *,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, such as a case's number.")
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="End the hold.")] = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set or release a legal hold on a person, which `fraudstream erase` respects.

    A hold does not make anything last longer: transactions still end after `retentionDays`. Who is under a hold gets no
    second one. Setting and releasing it leave records, as `fraudstream audit` shows.

    ```
    fraudstream hold --customer customer-81 --reason "case 4711"
    fraudstream hold --customer customer-81 --release
    ```
    """
    from fraudstream_tools.operations.audit.change_note import ReasonError, checked_reason
    from fraudstream_tools.operations.privacy.holds import AlreadyHeldError, Hold, is_known, release_hold, set_hold

    if release == (reason is not None):
        raise CommandError("give --reason to set a hold, or --release to end one")
    deployment = Deployment(stack)
    tokens = tokens_of(deployment, EntityKind.CUSTOMER, customer)
    dynamodb, table = deployment.client("dynamodb"), deployment["profilesTable"]
    if release:
        if not release_hold(dynamodb, table, tokens=tokens, audit=audit_log(deployment)):
            raise CommandError("the person is under no hold")
        _tell_hold("the hold has ended", tokens[-1], is_held=False, as_json=as_json)
        return
    try:
        why = checked_reason(reason or "")
    except ReasonError as error:
        raise CommandError(str(error)) from None
    audit = audit_log(deployment)
    set_at = Hold(tokens[-1], why, audit.operator.arn, epoch_milliseconds())
    try:
        set_hold(dynamodb, table, set_at, tokens=tokens, audit=audit)
    except AlreadyHeldError as error:
        raise CommandError(str(error)) from None
    if not is_known(dynamodb, table, tokens):
        err.print("there is no profile of this customer (yet): is it the id that your systems have?")
    _tell_hold("the person is under a legal hold", tokens[-1], is_held=True, as_json=as_json)


def _tell_hold(said: str, token: str, *, is_held: bool, as_json: bool) -> None:
    if as_json:
        print_json({"token": token, "held": is_held})
    else:
        out.print(said)


def _print(receipt: "ErasureReceipt", key: str | None) -> None:
    counts: dict[str, Any] = {store: count for store, count in receipt.removed.items() if count}
    if not receipt.found:
        out.print("nothing is stored of this person")
    for store, count in counts.items():
        out.print(f"  {count:,} {'found' if receipt.dry_run else 'erased'} in: {store}")
    if receipt.old_versions:
        out.print(f"  {receipt.old_versions:,} old versions removed")
    for name in receipt.by_hand:
        err.print(f"{name} names the person: take it out where it is kept, and run the same again")
    if receipt.dry_run:
        return
    out.print("what still holds something, and until when:")
    for each in receipt.remains:
        out.print(f"  {each.ends or 'until it is deleted'}  {each.what}")
    out.print(f"receipt: {key}", soft_wrap=True)

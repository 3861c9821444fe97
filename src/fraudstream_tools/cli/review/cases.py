"""`fraudstream cases`: what the console does with cases, for scripts and for those who prefer a terminal."""

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer
from rich.table import Table

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import FourEyes
from fraudstream_tools.cli.support.options import JsonOption, StackOption, TruthOption, TypeOption
from fraudstream_tools.cli.support.review.audit import needs_two
from fraudstream_tools.cli.support.review.case_work import alert_queue, case_news, reviews_of
from fraudstream_tools.cli.support.review.labelling import fraud_type_of
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.shown.alert_table import alert_table
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.ages import age_text, moment_text, parse_age
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from fraudstream_tools.operations.cases.case import ReviewCase
    from fraudstream_tools.operations.cases.queue import QueuedCase
    from fraudstream_tools.operations.cases.service_level import ServiceLevel
    from fraudstream_tools.operations.cases.store import CaseStore
    from fraudstream_tools.operations.cases.work import CaseWork
    from fraudstream_tools.operations.review.alert_summary import AlertSummary
    from fraudstream_tools.operations.review.alerts import AlertQueue

_T = TypeVar("_T")
_LOOKED_AT = 1000
"""Alerts among which cases are found; as in the console."""
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="transactionId of one of the case's alerts")]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, in a few words; it is kept.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="cases",
        no_args_is_help=True,
        help="Work on cases: alerts of one customer or card that belong together, with notes and history.",
    )
    group.command(name="list")(list_cases)
    for command in (show, take, give_back, note, snooze, wake, hand_over, decide, reopen):
        group.command()(command)
    app.add_typer(group)


def list_cases(
    *,
    state: Annotated[Literal["open", "snoozed", "expired", "closed"], typer.Option(case_sensitive=False)] = "open",
    sort: Annotated[Literal["loss", "value", "score", "oldest", "newest"], typer.Option("--sort")] = "loss",
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="ID", help="A rule's id, a reason code, `model` or `exploration`.")
    ] = None,
    min_value: Annotated[
        float | None, typer.Option("--min-value", min=0, help="Of the whole case, in the base currency.")
    ] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Those that you have.")] = False,
    free: Annotated[bool, typer.Option("--free", help="Those that nobody has.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List cases, the highest expected loss first.

    ```
    fraudstream cases list --free
    fraudstream cases list --state snoozed --json
    ```
    """
    import msgspec

    from fraudstream_tools.operations.cases.queue import CaseOrder, CaseQuery, CaseQueue, CaseState

    desk = _Desk(stack)
    query = CaseQuery(
        state=CaseState(state),
        order=CaseOrder(sort),
        rule=rule,
        minimum_value=min_value,
        assignee="" if free else desk.work.reviews.operator.arn if mine else None,
    )
    found = CaseQueue(desk.queue, desk.cases, desk.service_level).find(query, limit, among=_LOOKED_AT)
    if len(found) == limit:
        err.print(f"the first {limit}; --limit shows more", style="dim")
    if as_json:
        print_json(
            [{"case": msgspec.to_builtins(each.case), "alerts": msgspec.to_builtins(each.alerts)} for each in found]
        )
    elif found:
        print_whole(_table(found))
    else:
        out.print(f"no {state} case is like that")


def show(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Show a case: its alerts, who has it, notes and history; of one that nobody has taken, what would be in it.

    fraudstream cases show order-20261123-0001
    """
    desk = _Desk(stack)
    alert = desk.alert(transaction_id)
    if alert.case_id is None:
        _show_untaken(desk, alert, as_json=as_json)
        return
    if as_json:
        desk.tell(transaction_id, "", as_json=True)
        return
    case = desk.case(alert)
    alerts = desk.queue.by_ids(case.alerts)
    out.print(f"{case.status.lower()}, {case.assignee or 'nobody has it'}; {len(alerts)} alerts", markup=False)
    print_whole(alert_table(alerts, now=epoch_milliseconds()))
    for event in case.events:
        text = f": {event.text}" if event.text else ""
        out.print(f"{moment_text(event.at)}  {event.what} by {event.by}{text}", markup=False, soft_wrap=True)


def _show_untaken(desk: "_Desk", alert: "AlertSummary", *, as_json: bool) -> None:
    import msgspec

    from fraudstream_tools.operations.cases.beside import open_of_customer_or_card

    others = open_of_customer_or_card(desk.queue, alert)
    alerts = [alert, *(each for each in others if each.assignee is None)]
    if as_json:
        print_json({"caseId": None, "assignee": None, "alerts": msgspec.to_builtins(alerts)})
        return
    out.print(f"nobody has taken it yet; {len(alerts)} alerts")
    print_whole(alert_table(alerts, now=epoch_milliseconds()))


def take(
    transaction_id: IdArgument,
    *,
    take_over: Annotated[bool, typer.Option("--over", help="Take it over from the colleague who has it.")] = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assign a case to yourself, with what else is open of the customer or card.

    fraudstream cases take order-20261123-0001
    """
    desk = _Desk(stack)
    alert = desk.alert(transaction_id)
    case = _changed(lambda: desk.work.take(alert, instead_of=alert.assignee if take_over else None))
    desk.tell(transaction_id, f"you have the case {case.case_id} now, with {len(case.alerts)} alerts", as_json=as_json)


def give_back(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Return a case to the queue.

    fraudstream cases give-back order-20261123-0001
    """
    desk = _Desk(stack)
    alert = desk.alert(transaction_id)
    _changed(lambda: desk.work.give_back(alert))
    desk.tell(transaction_id, "the case is back in the queue", as_json=as_json)


def note(
    transaction_id: IdArgument, *, text: NoteOption, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Add a note to a case.

    fraudstream cases note order-20261123-0001 --note "called, nobody answers"
    """
    desk = _Desk(stack)
    alert = desk.alert(transaction_id)
    _changed(lambda: desk.work.note(alert, text))
    desk.tell(transaction_id, "the note is kept", as_json=as_json)


def snooze(
    transaction_id: IdArgument,
    *,
    text: NoteOption,
    duration: Annotated[int, typer.Option("--for", parser=parse_age, metavar="AGE", help="Such as 4h or 2d.")],
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a case out of the queue for a while.

    fraudstream cases snooze order-20261123-0001 --for 2d --note "customer calls back"
    """
    desk = _Desk(stack)
    alert, until = desk.alert(transaction_id), epoch_milliseconds() + duration
    _changed(lambda: desk.work.snooze(alert, until, text))
    desk.tell(transaction_id, f"it waits until {moment_text(until)}", as_json=as_json)


def wake(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Return a snoozed case to the queue.

    fraudstream cases wake order-20261123-0001
    """
    desk = _Desk(stack)
    case = desk.case(desk.alert(transaction_id))
    _changed(lambda: desk.work.wake(case))
    desk.tell(transaction_id, "it is in the queue again", as_json=as_json)


def hand_over(
    transaction_id: IdArgument,
    *,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="A colleague's ARN, or what stands last in it.")],
    text: NoteOption,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assign a case that you have to a colleague.

    fraudstream cases hand-over order-20261123-0001 --to ben --note "speaks Dutch"
    """
    from fraudstream_tools.operations.cases.colleagues import NOBODY_YET

    desk = _Desk(stack)
    case = desk.case(desk.alert(transaction_id))
    handed = _changed(lambda: desk.work.hand_over(case, to, text))
    said = f"it is {handed.to}'s now"
    desk.tell(transaction_id, said if handed.is_known else f"{said}.{NOBODY_YET}", as_json=as_json)


def decide(
    transaction_id: IdArgument,
    *,
    text: NoteOption,
    is_fraud: TruthOption = None,
    whole: Annotated[bool, typer.Option("--whole", help="Close the other alerts that you have of it alike.")] = False,
    fraud_type: TypeOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide what it was: the transaction is labelled, its alert closed, and the case with the last alert.

    fraudstream cases decide order-20261123-0001 --fraud --whole --note "customer denies it"
    """
    from fraudstream.transactions.decisions.decision import Truth

    if is_fraud is None:
        raise CommandError("what was it? Say --fraud or --legitimate")
    desk = _Desk(stack)
    alert = desk.alert(transaction_id)
    truth = Truth.FRAUD if is_fraud else Truth.LEGITIMATE
    kind = None if fraud_type is None else fraud_type_of(fraud_type, "--type")
    more = _changed(
        lambda: desk.work.decide(
            transaction_id, truth, text, alert=alert, seen=alert.label, whole=whole, fraud_type=kind
        )
    )
    desk.tell(
        transaction_id,
        f"{shown(transaction_id)}: {truth}{f', and {more} more of the case' if more else ''}{desk.waits}",
        as_json=as_json,
    )


def reopen(
    transaction_id: IdArgument, *, text: NoteOption, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Open a closed alert and its case again; its label stays until another is given.

    fraudstream cases reopen order-20261123-0001 --note "the customer called again"
    """
    desk = _Desk(stack)
    alert = desk.alert(transaction_id)
    _changed(lambda: desk.work.reopen(alert, text))
    desk.tell(transaction_id, "it is open again, and yours", as_json=as_json)


class _Desk:
    """A fraudstream and what a person may do there with cases."""

    def __init__(self, stack: str | None) -> None:
        self._deployment = Deployment(stack)

    @property
    def queue(self) -> "AlertQueue":
        return alert_queue(self._deployment)

    @property
    def cases(self) -> "CaseStore":
        from fraudstream_tools.operations.cases.store import CaseStore

        return CaseStore(self._deployment.client("dynamodb"), self._deployment["alertsTable"])

    @property
    def service_level(self) -> "ServiceLevel":
        from fraudstream_tools.operations.cases.service_level import ServiceLevel

        return ServiceLevel.of_outputs(self._deployment.get("reviewHours"), self._deployment.get("reviewExpiryDays"))

    @property
    def work(self) -> "CaseWork":
        from fraudstream_tools.operations.cases.work import CaseWork

        return CaseWork(reviews=reviews_of(self._deployment), queue=self.queue, news=case_news(self._deployment))

    @property
    def waits(self) -> str:
        """What is to be said of a label that was given here, if it waits for somebody else."""
        return ", once somebody else has approved it" if needs_two(self._deployment, FourEyes.LABELS) else ""

    def tell(self, transaction_id: str, sentence: str, *, as_json: bool) -> None:
        """Print what was done as a sentence, or as JSON the case as it is now."""
        import msgspec

        if as_json:
            case = self.case(self.alert(transaction_id))
            alerts = self.queue.by_ids(case.alerts)
            print_json({**msgspec.to_builtins(case), "alerts": msgspec.to_builtins(alerts)})
        else:
            out.print(sentence, markup=False, soft_wrap=True)

    def alert(self, transaction_id: str) -> "AlertSummary":
        alert = self.queue.get(transaction_id)
        if alert is None:
            raise CommandError(f"{shown(transaction_id)} has no alert (any more)")
        return alert

    def case(self, alert: "AlertSummary") -> "ReviewCase":
        case = self.cases.get(alert.case_id) if alert.case_id else None
        if case is None:
            raise CommandError(f"nobody has worked on the case of {shown(alert.transaction_id)} yet: take it first")
        return case


def _changed(change: "Callable[[], _T]") -> _T:
    """Make a change; say in a sentence why it was not made."""
    from fraudstream_tools.operations.audit.change_note import ReasonError
    from fraudstream_tools.operations.review.assignments import AlertTakenError
    from fraudstream_tools.operations.review.labels import LabelError

    try:
        return change()
    except (AlertTakenError, LabelError, ReasonError) as error:
        hint = " (`fraudstream cases take --over`)" if str(error).endswith("take it over") else ""
        raise CommandError(f"nothing was changed: {error}{hint}") from None


def _table(found: "list[QueuedCase]") -> Table:
    now = epoch_milliseconds()
    table = Table(box=None, header_style="bold")
    for name in ("case", "alerts", "value", "score", "waits", "rules", "state"):
        table.add_column(name)
    for each in found:
        state = each.assignee.rpartition("/")[2] if each.assignee else "open"
        value, age = f"{each.value:,.2f}", age_text(now - each.since)
        first = each.first
        cells = (first.transaction_id, len(each.alerts), value, first.score, age, ", ".join(each.rules), state)
        table.add_row(*map(str, cells))
    return table

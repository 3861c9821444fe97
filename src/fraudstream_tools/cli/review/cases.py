"""`fraudstream cases`: what the console does with cases, for scripts and for those who prefer a terminal."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fraudstream.clock import epoch_milliseconds
from fraudstream.counts import counted
from fraudstream_tools.cli.support.options import JsonOption, StackOption, TruthOption, TypeOption
from fraudstream_tools.cli.support.review.case_desk import CaseDesk, changed
from fraudstream_tools.cli.support.review.labelling import fraud_type_of, required_truth
from fraudstream_tools.cli.support.shown.review.alert_table import alert_table
from fraudstream_tools.cli.support.shown.review.case_table import case_table
from fraudstream_tools.cli.support.shown.review.case_words import given_back_words, left_words, reopened_words
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.ages import moment_text, parse_age
from fraudstream_tools.cli.support.terminal.output import err, one_line, out, print_json
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from fraudstream_tools.operations.review.alert_summary import AlertSummary

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

    desk = CaseDesk(stack)
    query = CaseQuery(
        state=CaseState(state),
        order=CaseOrder(sort),
        rule=rule,
        minimum_value=min_value,
        assignee="" if free else desk.me if mine else None,
    )
    cases = CaseQueue(desk.queue, desk.cases, desk.service_level).find(
        query, limit, among=_LOOKED_AT, on_more=lambda: _say_more(sort)
    )
    if len(cases) == limit:
        err.print(f"the first {limit}; --limit shows more", style="dim")
    if as_json:
        print_json(
            [{"case": msgspec.to_builtins(each.case), "alerts": msgspec.to_builtins(each.alerts)} for each in cases]
        )
    elif cases:
        print_whole(case_table(cases))
    else:
        out.print(f"no {state} case is like that")


def _say_more(sort: str) -> None:
    end = "oldest" if sort == "oldest" else "newest"
    err.print(
        f"cases of the {end} {_LOOKED_AT:,} alerts: others are not looked at (fraudstream alerts list --limit)",
        style="dim",
        soft_wrap=True,
    )


def show(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Show a case: its alerts, who has it, notes and history; of one that nobody has taken, what would be in it.

    fraudstream cases show order-20261123-0001
    """
    desk = CaseDesk(stack)
    alert = desk.alert(transaction_id)
    if alert.case_id is None:
        _show_untaken(desk, alert, as_json=as_json)
        return
    if as_json:
        desk.tell(transaction_id, "", as_json=True)
        return
    case = desk.case(alert)
    alerts = desk.queue.by_ids(case.alerts)
    out.print(f"{case.status.lower()}, {case.assignee or 'nobody has it'}; {counted(len(alerts), 'alert')}")
    print_whole(alert_table(alerts, now=epoch_milliseconds(), has_states=True))
    for event in case.events:
        text = f": {event.text}" if event.text else ""
        said = one_line(f"{moment_text(event.at)}  {event.what} by {event.by}{text}")
        out.print(said, soft_wrap=True)


def _show_untaken(desk: CaseDesk, alert: "AlertSummary", *, as_json: bool) -> None:
    import msgspec

    from fraudstream_tools.operations.cases.beside import open_of_customer_or_card

    others = open_of_customer_or_card(desk.queue, alert)
    alerts = [alert, *(each for each in others if each.assignee is None)]
    if as_json:
        print_json({"caseId": None, "assignee": None, "alerts": msgspec.to_builtins(alerts)})
        return
    out.print(f"nobody has taken it yet; {counted(len(alerts), 'alert')}")
    print_whole(alert_table(alerts, now=epoch_milliseconds(), has_states=True))


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
    from fraudstream_tools.operations.cases.holders import holders

    desk = CaseDesk(stack)
    alert = desk.alert(transaction_id)
    others = holders(alert, desk.cases.of_alert(alert), desk.me) if take_over else ()
    case = changed(lambda: desk.work.take(alert, instead_of=frozenset(others)))
    desk.tell(
        transaction_id,
        f"you have the case {case.case_id} now, with {counted(len(case.alerts), 'alert')}",
        as_json=as_json,
    )


def give_back(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Return a case to the queue.

    fraudstream cases give-back order-20261123-0001
    """
    desk = CaseDesk(stack)
    alert = desk.alert(transaction_id)
    colleague = changed(lambda: desk.work.give_back(alert))
    desk.tell(transaction_id, given_back_words(colleague), as_json=as_json)


def note(
    transaction_id: IdArgument, *, text: NoteOption, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Add a note to a case.

    fraudstream cases note order-20261123-0001 --note "called, nobody answers"
    """
    desk = CaseDesk(stack)
    alert = desk.alert(transaction_id)
    changed(lambda: desk.work.note(alert, text))
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

    fraudstream cases snooze order-1 --for 2d --note "customer calls back"
    """
    desk = CaseDesk(stack)
    alert, until = desk.alert(transaction_id), epoch_milliseconds() + duration
    changed(lambda: desk.work.snooze(alert, until, text))
    desk.tell(transaction_id, f"it waits until {moment_text(until)}", as_json=as_json)


def wake(transaction_id: IdArgument, *, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Return a snoozed case to the queue.

    fraudstream cases wake order-20261123-0001
    """
    desk = CaseDesk(stack)
    case = desk.case(desk.alert(transaction_id))
    changed(lambda: desk.work.wake(case))
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

    fraudstream cases hand-over order-1 --to ben --note "speaks Dutch"
    """
    from fraudstream_tools.operations.cases.colleagues import NOBODY_YET

    desk = CaseDesk(stack)
    case = desk.case(desk.alert(transaction_id))
    handed = changed(lambda: desk.work.hand_over(case, to, text))
    said = f"it is {handed.to}'s now"
    desk.tell(transaction_id, said if handed.is_known else f"{said}.{NOBODY_YET}", as_json=as_json)


def decide(
    transaction_id: IdArgument,
    *,
    text: NoteOption,
    is_fraud: TruthOption = None,
    whole: Annotated[bool, typer.Option("--whole", help="Close the other alerts that you have of it alike.")] = False,
    fraud_type: TypeOption = None,
    decide_over: Annotated[bool, typer.Option("--over", help="Decide anew what is closed already.")] = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide what it was: the transaction is labelled, its alert closed, and the case with the last alert.

    fraudstream cases decide order-1 --fraud --whole --note "he denies it"
    """
    from fraudstream.transactions.decisions.decision import Truth

    is_fraud = required_truth(is_fraud)
    desk = CaseDesk(stack)
    alert = desk.alert(transaction_id)
    if not decide_over:
        desk.refuse_closed(alert)
    truth = Truth.FRAUD if is_fraud else Truth.LEGITIMATE
    kind = None if fraud_type is None else fraud_type_of(fraud_type, "--type")
    alike = changed(
        lambda: desk.work.decide(
            transaction_id, truth, text, alert=alert, seen=alert.label, whole=whole, fraud_type=kind
        )
    )
    if left := left_words(alike):
        err.print(left)
    more = f", and {alike.closed} more of the case" if alike.closed else ""
    desk.tell(transaction_id, f"{shown(transaction_id)}: {truth}{more}{desk.waits}", as_json=as_json)


def reopen(
    transaction_id: IdArgument, *, text: NoteOption, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Open a closed alert and its case again; its label stays until another is given.

    fraudstream cases reopen order-1 --note "the customer called again"
    """
    desk = CaseDesk(stack)
    alert = desk.alert(transaction_id)
    case = changed(lambda: desk.work.reopen(alert, text))
    desk.tell(transaction_id, reopened_words(case, desk.me), as_json=as_json)

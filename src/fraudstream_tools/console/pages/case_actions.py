"""What a person does about a case: each form of its page."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import EntityKind, FourEyes
from fraudstream.counts import counted, word_for
from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.decisions.decision import Action, FraudType, Truth
from fraudstream_tools.cli.support.shown.review.case_words import given_back_words, left_words, reopened_words
from fraudstream_tools.cli.support.terminal.ages import moment_text
from fraudstream_tools.console.changes import changed
from fraudstream_tools.console.queue_place import QueuePlace
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.cases.beside import CUSTOMERS_ALERTS, open_beside, open_of_card_elsewhere
from fraudstream_tools.operations.cases.case import ReviewCase
from fraudstream_tools.operations.cases.colleagues import NOBODY_YET
from fraudstream_tools.operations.cases.deciding import Alike
from fraudstream_tools.operations.lists.entries import check_list, check_token
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.assignments import AlertTakenError

_LONGEST_NUMBER: Final = 4


def take(request: Request) -> Response:
    """Assign a case to yourself, with what else is open of the customer or card."""

    def change(system: ConsoleSystem, alert: AlertSummary, form: Mapping[str, str]) -> str:
        case = system.work.take(alert, instead_of=frozenset(form.get("instead-of", "").split()))
        return f"You have this case now, with {counted(len(case.alerts), 'alert')}."

    return _done_to_case(request, change)


def give_back(request: Request) -> Response:
    """Return a case to the queue."""

    def change(system: ConsoleSystem, alert: AlertSummary, _: Mapping[str, str]) -> str:
        return given_back_words(system.work.give_back(alert))

    return _done_to_case(request, change)


def decide(request: Request) -> Response:
    """Label a transaction and close its alert; if asked, the other ones of the case too."""
    system, form = _asked(request)
    transaction_id, note = form.get("id", ""), form.get("note", "")
    alert = system.queue.get(transaction_id)
    try:
        truth = Truth(form.get("label", ""))
    except ValueError:
        raise HTTPException(400, "say whether it was fraud or legitimate") from None
    kind = form.get("kind", "")
    if kind and kind not in tuple(FraudType):
        raise HTTPException(400, "say which kind of fraud it was by one of the page's")

    def change() -> str:
        alike = system.work.decide(
            transaction_id,
            truth,
            note,
            alert=alert,
            seen=form.get("seen") or None,
            also=form.get("also", "").split(),
            # The field says "if it is one", and holds the kind that was told before.
            fraud_type=FraudType(kind) if kind and truth is Truth.FRAUD else None,
        )
        return _decided(system, truth, alert, alike)

    return changed(request, _back(form, transaction_id), change)


def _decided(system: ConsoleSystem, truth: Truth, alert: AlertSummary | None, alike: Alike) -> str:
    """Return what came of a decision, and how much of its case is left."""
    more, left = alike.closed, left_words(alike)
    others = f" So {word_for(more, 'is', 'are')} {more} more of this case." if more else ""
    others += f" {left}" if left else ""
    if FourEyes.LABELS in system.four_eyes:
        return f"It is labelled {truth.value}, which counts once somebody else has approved it.{others}"
    if alert is None:
        return f"It is labelled {truth.value}."
    remaining = _still_open(system, system.queue.get(alert.transaction_id) or alert)
    return f"It is labelled {truth.value}, and its alert is closed.{others} Of this case, {remaining}."


def _still_open(system: ConsoleSystem, alert: AlertSummary) -> str:
    """Return how much is open of an alert's case, and of its card where that is in no case with it."""
    beside = open_beside(system.queue, system.cases, alert)
    still = len(beside)
    more_open = f"{counted(still, 'more alert is', 'more alerts are')} still open"
    remaining = more_open if still else "nothing is open any more"
    if still >= CUSTOMERS_ALERTS:
        remaining = f"at least {remaining}"
    # What was decided alike just now may still stand among them, since the index may be a moment behind.
    names = [each.transaction_id for each in open_of_card_elsewhere(system.queue, alert, beside)]
    of_card = [each for each in system.queue.by_ids(names) if each.status is AlertStatus.OPEN]
    customers = word_for(len({each.customer for each in of_card}), "another customer", "other customers")
    elsewhere = f"; {counted(len(of_card), 'alert of its card is', 'alerts of its card are')} open at {customers}"
    return f"{remaining}{elsewhere}" if of_card else remaining


def approve_label(request: Request) -> Response:
    """Write the person's mark for the label of a transaction that somebody else has given."""
    system, form = _asked(request)
    transaction_id = form.get("id", "")

    def change() -> str:
        system.closing.approve_label(transaction_id, form.get("digest", ""), reason=form.get("reason", ""))
        return "You have approved the label. It counts within a second."

    return changed(request, _back(form, transaction_id), change)


def tell_action(request: Request) -> Response:
    """Record what was done with a payment, whatever was decided."""
    system, form = _asked(request)
    transaction_id, action = form.get("id", ""), form.get("action", "")
    if action not in tuple(Action):
        raise HTTPException(400, "say what was done by one of the page's choices")

    def change() -> str:
        system.reviews.tell_action(transaction_id, Action(action), seen=form.get("seen") or None)
        return f"It is noted that it was {action.lower()}. The report says what was really prevented."

    return changed(request, _back(form, transaction_id), change)


def note(request: Request) -> Response:
    """Add a note to a case."""

    def change(system: ConsoleSystem, alert: AlertSummary, form: Mapping[str, str]) -> str:
        system.work.note(alert, form.get("text", ""))
        return "The note is kept."

    return _done_to_case(request, change)


def snooze(request: Request) -> Response:
    """Keep a case out of the queue for some hours."""

    def change(system: ConsoleSystem, alert: AlertSummary, form: Mapping[str, str]) -> str:
        until = epoch_milliseconds() + _number(form, "hours") * HOUR
        system.work.snooze(alert, until, form.get("text", ""))
        return f"The case waits until {moment_text(until)}, and comes back into the queue then."

    return _done_to_case(request, change)


def wake(request: Request) -> Response:
    """Return a snoozed case to the queue."""

    def change(system: ConsoleSystem, alert: AlertSummary, _: Mapping[str, str]) -> str:
        system.work.wake(_case(system, alert))
        return "The case is in the queue again."

    return _done_to_case(request, change)


def close(request: Request) -> Response:
    """Close a case that was left open behind its last alert."""

    def change(system: ConsoleSystem, alert: AlertSummary, _: Mapping[str, str]) -> str:
        system.closing.close_left_open(alert)
        return "The case is closed."

    return _done_to_case(request, change)


def hand_over(request: Request) -> Response:
    """Assign a case to a colleague."""

    def change(system: ConsoleSystem, alert: AlertSummary, form: Mapping[str, str]) -> str:
        handed = system.work.hand_over(_case(system, alert), form.get("to", ""), form.get("text", ""))
        return f"The case is {handed.to}'s now.{'' if handed.is_known else NOBODY_YET}"

    return _done_to_case(request, change)


def reopen(request: Request) -> Response:
    """Open a closed alert and its case again."""

    def change(system: ConsoleSystem, alert: AlertSummary, form: Mapping[str, str]) -> str:
        case = system.work.reopen(alert, form.get("text", ""))
        return reopened_words(case, system.operator.arn)

    return _done_to_case(request, change)


def add_to_list(request: Request) -> Response:
    """Add an entity of a transaction to a list."""
    system, form = _asked(request)
    kind, _, token = form.get("entity", "").partition("#")
    until = epoch_milliseconds() + _number(form, "days") * DAY if form.get("days") else None
    name = form.get("list", "")

    def change() -> str:
        ruleset = system.ruleset
        check_list(name, ruleset.lists.names if ruleset else ())
        check_token(token)
        came_of_it = system.listing.add_to_list(
            name, EntityKind(kind), token, reason=form.get("reason", ""), until=until
        )
        if FourEyes.LISTS in system.four_eyes:
            return f"The {kind} is on the list {name} once somebody else has approved it, on the page of the lists."
        return f"The {kind} is on the list {name} now ({came_of_it.value}). The next transaction sees it."

    if kind not in set(EntityKind):
        raise HTTPException(400, "say which entity is meant")
    return changed(request, _back(form, form.get("id", "")), change)


def _asked(request: Request) -> tuple[ConsoleSystem, Mapping[str, str]]:
    return request.app.state.system, request.state.form


def _back(form: Mapping[str, str], transaction_id: str) -> str:
    """Return where a transaction's page is, with the place in the queue that its form carries."""
    return QueuePlace.carried(form).case_url(transaction_id)


def _done_to_case(
    request: Request, change: Callable[[ConsoleSystem, AlertSummary, Mapping[str, str]], str]
) -> Response:
    """Make a change of the case of an alert that the form names, and lead back to its page."""
    system, form = _asked(request)
    alert = _alert(system, form)
    return changed(request, _back(form, alert.transaction_id), lambda: change(system, alert, form))


def _alert(system: ConsoleSystem, form: Mapping[str, str]) -> AlertSummary:
    alert = system.queue.get(form.get("id", ""))
    if alert is None:
        raise HTTPException(404, "this transaction has no alert (any more)")
    return alert


def _case(system: ConsoleSystem, alert: AlertSummary) -> ReviewCase:
    case = system.cases.get(alert.case_id) if alert.case_id else None
    if case is None:
        raise AlertTakenError("nobody has worked on this case yet: take it first")
    return case


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise HTTPException(400, f"{name}: that is no number")
    return int(text)

"""A case: a transaction in words, what else is known of its customer, and what a person does about it."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudstream.detection.profiles.entities import EntityKind
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.item import PoisonRecordError
from fraudstream.transactions.transaction import FIELDS
from fraudstream_tools.cli.support.terminal.ages import moment_text
from fraudstream_tools.console.rendering import page
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.alerts import AlertStatus, AlertSummary
from fraudstream_tools.operations.assignments import AlertTakenError
from fraudstream_tools.operations.audit.change_note import ReasonError
from fraudstream_tools.operations.field_words import SHOWN_ELSEWHERE, field_words
from fraudstream_tools.operations.labels import LabelError
from fraudstream_tools.operations.lists.entity_lists import ListError, check_list, check_token
from fraudstream_tools.operations.transaction_details import TransactionDetails, read_details

OTHERS: Final = 50
"""A customer's alerts that the page shows; own choice."""
ENDS: Final = (
    ("1", "for a day"),
    ("7", "for a week"),
    ("30", "for 30 days"),
    ("90", "for 90 days"),
    ("", "without end"),
)
_ENTITY_FIELDS: Final = {field.public_name: field.spec.identifies for field in FIELDS if field.spec.identifies}


@dataclass(frozen=True, kw_only=True)
class InvolvedEntity:
    """A customer, card or other that the transaction touches."""

    role: str
    """What it is to the transaction: a counterparty is a customer too."""
    kind: EntityKind
    token: str
    listed: Sequence[str]
    """On which lists it is now."""

    @property
    def key(self) -> str:
        """Such as `card#tok_…`."""
        return f"{self.kind.value}#{self.token}"


def show(request: Request) -> Response:
    """Answer with the page of a transaction."""
    system: ConsoleSystem = request.app.state.system
    details = _details(system, request.query_params.get("id", ""))
    customer = str(details.state["customerId"])
    alerts = system.queue.of_customer(customer, OTHERS)
    ruleset = system.ruleset
    return page(
        request,
        "case",
        details=details,
        # What is not known of a transaction is not there.
        state=defaultdict(lambda: None, details.state),
        alert=details.alert,
        facts=_facts(details.state),
        alerts=alerts,
        free=[each for each in alerts if each.status is AlertStatus.OPEN and each.assignee is None],
        mine=[
            each
            for each in alerts
            if each.status is AlertStatus.OPEN
            and each.assignee == system.operator.arn
            and each.transaction_id != details.state["transactionId"]
        ],
        involved=_involved(system, details.state),
        lists=ruleset.lists.names if ruleset else (),
        ends=ENDS,
        is_mine=details.alert is not None and details.alert.assignee == system.operator.arn,
        is_open=details.alert is not None and details.alert.status is AlertStatus.OPEN,
    )


def take(request: Request) -> Response:
    """Assign an alert to the operator, with the customer's other open ones that nobody has.

    If it is taken over from somebody, so are that person's others.
    """
    system, form = _asked(request)
    alert = _alert(system, form)
    instead_of = form.get("instead-of") or None

    def change() -> str:
        case_id = system.reviews.take(alert, instead_of=instead_of)
        others = [each for each in _others(system, alert) if each.assignee in (None, instead_of)]
        taken = 1 + _as_far_as_possible(
            lambda other: system.reviews.take(other, case_id=case_id, instead_of=instead_of), others
        )
        return f"You have {taken} {'alert' if taken == 1 else 'alerts'} of this customer now."

    return _done(request, alert.transaction_id, change)


def give_back(request: Request) -> Response:
    """Return an alert to the queue."""
    system, form = _asked(request)
    alert = _alert(system, form)

    def change() -> str:
        system.reviews.give_back(alert)
        return "The alert is back in the queue."

    return _done(request, alert.transaction_id, change)


def decide(request: Request) -> Response:
    """Label a transaction and close its alert; if asked, the operator's other ones of its customer too."""
    system, form = _asked(request)
    transaction_id, note = form.get("id", ""), form.get("note", "")
    alert = system.queue.get(transaction_id)
    try:
        truth = Truth(form.get("label", ""))
    except ValueError:
        raise HTTPException(400, "say whether it was fraud or legitimate") from None

    def change() -> str:
        system.reviews.decide(transaction_id, truth, note, alert=alert, seen=form.get("seen") or None)
        others = _others(system, alert) if alert and form.get("whole") else []
        closed = _as_far_as_possible(
            lambda other: system.reviews.decide(other.transaction_id, truth, note, alert=other, seen=None),
            [each for each in others if each.assignee == system.operator.arn],
        )
        more = f" So are {closed} more of this customer that you had." if closed else ""
        return f"It is labelled {truth.value}{', and its alert is closed' if alert else ''}.{more}"

    return _done(request, transaction_id, change)


def add_to_list(request: Request) -> Response:
    """Add an entity of a transaction to a list."""
    system, form = _asked(request)
    kind, _, token = form.get("entity", "").partition("#")
    days = form.get("days", "")
    until = int(time.time() * 1000) + int(days) * DAY if days.isdecimal() and len(days) <= len("9999") else None
    name = form.get("list", "")

    def change() -> str:
        ruleset = system.ruleset
        check_list(name, ruleset.lists.names if ruleset else ())
        check_token(token)
        came_of_it = system.reviews.add_to_list(
            name, EntityKind(kind), token, reason=form.get("reason", ""), until=until
        )
        return f"The {kind} is on the list {name} now ({came_of_it.value}). The next transaction sees it."

    if kind not in set(EntityKind):
        raise HTTPException(400, "say which entity is meant")
    return _done(request, form.get("id", ""), change)


def case_url(transaction_id: str) -> str:
    """Return where a transaction's page is."""
    return f"/case?{urlencode({'id': transaction_id})}"


def _asked(request: Request) -> tuple[ConsoleSystem, Mapping[str, str]]:
    return request.app.state.system, request.state.form


def _done(request: Request, transaction_id: str, change: Callable[[], str]) -> Response:
    """Make a change, and lead back to the page, which says what came of it."""
    try:
        said = change()
    except (AlertTakenError, LabelError, ListError, ReasonError) as error:
        said = f"Nothing was changed: {error}."
    request.app.state.session.notices.append(said)
    return RedirectResponse(case_url(transaction_id), status_code=303)


def _details(system: ConsoleSystem, transaction_id: str) -> TransactionDetails:
    if not transaction_id:
        raise HTTPException(404, "which transaction? Its id is missing")
    try:
        details = read_details(
            system.dynamodb,
            transactions=system.transactions,
            alerts=system.alerts,
            transaction_id=transaction_id,
            ruleset=system.ruleset,
        )
    except PoisonRecordError as error:
        raise HTTPException(500, f"what is stored of this transaction cannot be read: {error}") from None
    if details is None:
        raise HTTPException(404, "no transaction with this id is stored (any more)")
    return details


def _alert(system: ConsoleSystem, form: Mapping[str, str]) -> AlertSummary:
    alert = system.queue.get(form.get("id", ""))
    if alert is None:
        raise HTTPException(404, "this transaction has no alert (any more)")
    return alert


def _others(system: ConsoleSystem, alert: AlertSummary) -> list[AlertSummary]:
    """Return the customer's other open alerts."""
    return [
        each
        for each in system.queue.of_customer(alert.customer, OTHERS)
        if each.transaction_id != alert.transaction_id and each.status is AlertStatus.OPEN
    ]


def _as_far_as_possible(change: Callable[[AlertSummary], object], alerts: Sequence[AlertSummary]) -> int:
    """Change alerts one by one, leave those that somebody else was faster with, and return how many were changed."""
    changed = 0
    for alert in alerts:
        with suppress(AlertTakenError, LabelError):
            change(alert)
            changed += 1
    return changed


def _facts(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the transaction's other fields, in words."""
    facts = [
        (field_words(name), moment_text(value) if name.endswith("At") else str(value))
        for name, value in state.items()
        if name not in SHOWN_ELSEWHERE and name not in _ENTITY_FIELDS and value is not None
    ]
    metadata: Mapping[str, Any] = state.get("metadata") or {}
    return [*facts, *((f"metadata: {name}", str(value)) for name, value in metadata.items())]


def _involved(system: ConsoleSystem, state: Mapping[str, Any]) -> list[InvolvedEntity]:
    found = {
        f"{kind.value}#{state[name]}": (field_words(name), kind, str(state[name]))
        for name, kind in _ENTITY_FIELDS.items()
        if state.get(name) is not None
    }
    listed = system.lists.of_entities(found)
    now = time.time() * 1000
    return [
        InvolvedEntity(
            role=role,
            kind=kind,
            token=token,
            listed=[name for name, entry in listed.get(key, {}).items() if now < entry.end],
        )
        for key, (role, kind, token) in found.items()
    ]

"""A case: a transaction in words, what else is known of its customer, and what a person does about it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import EntityKind, FourEyes
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.stores.approvals.label_approvals import label_digest
from fraudstream.transactions.decisions.decision import Action, FraudType
from fraudstream.transactions.storage.item import PoisonRecordError
from fraudstream.transactions.transaction import FIELDS
from fraudstream_tools.cli.support.terminal.ages import moment_text
from fraudstream_tools.console.queue_place import QueuePlace
from fraudstream_tools.console.rendering import page
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.cases.beside import CUSTOMERS_ALERTS, open_of_card_elsewhere
from fraudstream_tools.operations.cases.case import ReviewCase, closer_of, open_among
from fraudstream_tools.operations.cases.closing import is_left_open
from fraudstream_tools.operations.cases.holders import holders
from fraudstream_tools.operations.investigation.field_words import SHOWN_ELSEWHERE, field_words
from fraudstream_tools.operations.investigation.transaction_details import TransactionDetails, closed_at, read_details
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.label_approval import waits

OTHERS: Final = 50
"""A customer's alerts that the page shows; own choice."""
ENDS: Final = (
    ("1", "for a day"),
    ("7", "for a week"),
    ("30", "for 30 days"),
    ("90", "for 90 days"),
    ("", "without end"),
)
KINDS: Final = {
    FraudType.STOLEN_CARD: "stolen or lost card",
    FraudType.COUNTERFEIT_CARD: "counterfeit card",
    FraudType.STOLEN_CARD_DATA: "stolen card data",
    FraudType.ACCOUNT_TAKEOVER: "account taken over",
    FraudType.APPLICATION_FRAUD: "opened under a false name",
    FraudType.AUTHORIZED_SCAM: "scam that the customer paid",
    FraudType.FIRST_PARTY: "the customer's own fraud",
    FraudType.OTHER: "another kind",
}
ACTIONS: Final = {
    Action.BLOCKED: "blocked: no money moved",
    Action.CHALLENGED: "challenged, and the money moved",
    Action.ALLOWED: "allowed: the money moved",
    Action.REVERSED: "reversed: the money came back",
}
SNOOZES: Final = (("4", "4 hours"), ("24", "a day"), ("72", "3 days"), ("168", "a week"))
_ENTITY_FIELDS: Final = {field.public_name: field.spec.identifies for field in FIELDS if field.spec.identifies}


@dataclass(frozen=True, kw_only=True)
class InvolvedEntity:
    """A customer, card or other that the transaction touches."""

    role: str
    """What it is to the transaction, in words."""
    kind: EntityKind
    token: str
    listed: Sequence[str]
    """On which lists it is now."""

    @property
    def key(self) -> str:
        """Such as `card#tok_…`."""
        return self.kind.key(self.token)


def show(request: Request) -> Response:
    """Answer with the page of a transaction."""
    system: ConsoleSystem = request.app.state.system
    transaction_id = request.query_params.get("id", "")
    details = _details(system, transaction_id)
    if details is None:
        return _alert_alone(request, transaction_id)
    customer, alert = str(details.state["customerId"]), details.alert
    cases = system.cases.of_entity(EntityKind.CUSTOMER.key(customer))
    case = _case_of(system, alert, cases)
    # What is raised later belongs to the customer's open case before anybody has worked on it.
    joins = open_among(cases) if alert and alert.case_id is None else case
    alerts = _alerts(system, customer, alert, case)
    me = system.operator.arn
    owner = (alert.assignee if alert else None) or (case.assignee if case else None)
    beside = [
        each
        for each in alerts
        if alert and each.status is AlertStatus.OPEN and each.transaction_id != alert.transaction_id
    ]
    own = {None, joins.case_id if joins else None}
    # Asked for where it can be taken: taking takes them, too.
    can_take = alert is not None and alert.status is AlertStatus.OPEN and owner != me
    of_card = open_of_card_elsewhere(system.queue, alert, alerts) if alert and can_take else []
    ruleset, digest = system.ruleset, _digest(system, details.state)
    return page(
        request,
        "case",
        details=details,
        office=system.office_link(str(details.state["transactionId"])),
        # What is not known of a transaction is not there.
        state=defaultdict(lambda: None, details.state),
        alert=alert,
        case=case,
        earlier=[each for each in cases if case is None or each.case_id != case.case_id],
        closer=closer_of(case, alert) if alert else None,
        closed_at=closed_at(details.state, alert) if alert else None,
        is_left_open=case is not None and is_left_open(case, alerts),
        is_snoozed=case is not None and case.is_snoozed(epoch_milliseconds()),
        facts=_facts(details.state),
        alerts=alerts,
        place=QueuePlace.carried(request.query_params),
        # What is in another case is taken with that one.
        free=[each for each in (*beside, *of_card) if each.assignee is None and each.case_id in own],
        of_card=of_card,
        # What a colleague has is not decided along with it.
        alike=[each for each in beside if each.assignee in (None, me)],
        beside=beside,
        most_beside=CUSTOMERS_ALERTS,
        digest=digest,
        has_my_mark=digest is not None and system.approver(FourEyes.LABELS).has_marked(digest),
        involved=_involved(system, details.state, ruleset),
        lists=ruleset.lists.names if ruleset else (),
        ends=ENDS,
        snoozes=SNOOZES,
        kinds=KINDS,
        actions=ACTIONS,
        owner=owner,
        holders=holders(alert, joins, me) if alert else (),
        is_mine=owner == me,
        is_open=alert is not None and alert.status is AlertStatus.OPEN,
    )


def _alert_alone(request: Request, transaction_id: str) -> Response:
    """Answer with an alert whose transaction is gone: both expire, and AWS deletes each when it likes."""
    system: ConsoleSystem = request.app.state.system
    alert = system.queue.get(transaction_id)
    if alert is None:
        raise HTTPException(404, "no transaction with this id is stored (any more)")
    case = _case_of(system, alert, ())
    alerts = _alerts(system, alert.customer, alert, case)
    return page(request, "alert_alone", alert=alert, alerts=alerts, place=QueuePlace.carried(request.query_params))


def _alerts(
    system: ConsoleSystem, customer: str, alert: AlertSummary | None, case: ReviewCase | None
) -> list[AlertSummary]:
    """Return a customer's newest alerts; with an alert all open ones, and with a case all of it."""
    alerts = system.queue.of_customer(customer, OTHERS)
    if alert is not None:
        alerts += _unknown(alerts, system.queue.open_of_customer(customer, CUSTOMERS_ALERTS + 1))
    if case is not None:
        known = {each.transaction_id for each in alerts}
        alerts += system.queue.by_ids([name for name in case.alerts if name not in known])
    return alerts


def _unknown(known: Sequence[AlertSummary], alerts: Sequence[AlertSummary]) -> list[AlertSummary]:
    names = {each.transaction_id for each in known}
    return [each for each in alerts if each.transaction_id not in names]


def _digest(system: ConsoleSystem, state: Mapping[str, Any]) -> str | None:
    """Return by what a label is approved that waits for a second person; None where none waits."""
    if FourEyes.LABELS not in system.four_eyes or not waits(state):
        return None
    return label_digest(state["transactionId"], state["label"], state["labeledAt"])


def _details(system: ConsoleSystem, transaction_id: str) -> TransactionDetails | None:
    if not transaction_id:
        raise HTTPException(404, "which transaction? Its id is missing")
    try:
        return read_details(
            system.dynamodb,
            transactions=system.transactions,
            alerts=system.alerts,
            transaction_id=transaction_id,
            ruleset=system.ruleset,
        )
    except PoisonRecordError as error:
        raise HTTPException(500, f"what is stored of this transaction cannot be read: {error}") from None


def _case_of(system: ConsoleSystem, alert: AlertSummary | None, cases: Sequence[ReviewCase]) -> ReviewCase | None:
    if alert is None or alert.case_id is None:
        return None
    # Where a card's alerts belong together, it may be another customer's.
    return next((each for each in cases if each.case_id == alert.case_id), None) or system.cases.get(alert.case_id)


def _facts(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the transaction's other fields, in words."""
    facts = [
        (field_words(name), moment_text(value) if name.endswith("At") else str(value))
        for name, value in state.items()
        if name not in SHOWN_ELSEWHERE and name not in _ENTITY_FIELDS and value is not None
    ]
    metadata: Mapping[str, Any] = state.get("metadata") or {}
    return [*facts, *((f"metadata: {name}", str(value)) for name, value in metadata.items())]


def _involved(system: ConsoleSystem, state: Mapping[str, Any], ruleset: Ruleset | None) -> list[InvolvedEntity]:
    entities = {
        kind.key(state[name]): (field_words(name), kind, str(state[name]))
        for name, kind in _ENTITY_FIELDS.items()
        if state.get(name) is not None
    }
    listed = system.lists.of_entities(entities)
    now = epoch_milliseconds()
    return [
        InvolvedEntity(
            role=role,
            kind=kind,
            token=token,
            listed=[
                *(
                    f"{name} (waits)" if waits else name
                    for name, entry in listed.get(key, {}).items()
                    if (waits := system.lists.waits(key, name, entry, now)) or now < entry.end
                ),
                *(
                    f"{name} (lists.yaml)"
                    for name, end in (ruleset.lists.of_entity(kind, token) if ruleset else {}).items()
                    if now < end
                ),
            ],
        )
        for key, (role, kind, token) in entities.items()
    ]

from typing import Any

import msgspec
import pytest

from fraudstream.transactions.api.answer import Problem, Status, present_state
from fraudstream.transactions.decisions.decision import ActionTaken, Decision, Label, Reason, Truth, Verdict
from fraudstream.transactions.decisions.reasons import SENTENCES, sentence
from fraudstream.transactions.storage.item import StoredTransaction
from fraudstream.transactions.transaction import Transaction, TransactionType

TRANSACTION = Transaction(
    transaction_id="order-1",
    timestamp=1_000,
    received_at=2_000,
    amount_minor=4999,
    currency="EUR",
    type=TransactionType.PAYMENT,
    customer_id="tok_AAAAAAAAAAAAAAAAAAAAAA",
)
DECISION = Decision(
    decision=Verdict.DECLINE,
    score=93,
    reasons=(Reason(code="CARD_VELOCITY", source="card-velocity", points=41.5), Reason(code="MY_OWN_CODE", source="x")),
    features=b"\x01\x02",
    shadow_hits=("card-testing",),
    ruleset_version="0123456789ab",
    decided_at=3_000,
)


def as_read(answer: msgspec.Struct) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(answer))


def test_an_undecided_transaction_says_so() -> None:
    state = as_read(present_state(StoredTransaction(TRANSACTION), failed_before=2_000))
    assert state == {
        "transactionId": "order-1",
        "timestamp": 1_000,
        "receivedAt": 2_000,
        "amountMinor": 4999,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "tok_AAAAAAAAAAAAAAAAAAAAAA",
        "status": "PENDING",
        "decision": None,
        "score": None,
        "reasons": [],
        "rulesetVersion": None,
        "modelVersion": None,
        "decidedAt": None,
        "decisionStage": None,
    }


def test_a_transaction_that_no_decision_came_for_in_time_has_failed() -> None:
    assert present_state(StoredTransaction(TRANSACTION), failed_before=2_001).status is Status.FAILED


def test_a_late_decision_counts() -> None:
    assert present_state(StoredTransaction(TRANSACTION, DECISION), failed_before=2_001).status is Status.DECIDED


def test_a_decision_comes_with_its_reasons_in_sentences() -> None:
    state = as_read(present_state(StoredTransaction(TRANSACTION, DECISION), failed_before=0))
    assert state["status"] == "DECIDED"
    assert state["decision"] == "DECLINE"
    assert state["score"] == 93
    assert state["reasons"] == [
        {"code": "CARD_VELOCITY", "message": SENTENCES["CARD_VELOCITY"], "source": "card-velocity", "points": 41.5},
        {"code": "MY_OWN_CODE", "message": "My own code.", "source": "x", "points": 0.0},
    ]
    assert not {"features", "shadowHits", "unevaluableRules"} & state.keys()


def test_a_label_is_shown_when_there_is_one() -> None:
    label = Label(label=Truth.FRAUD, label_source="chargeback", labeled_at=9_000)
    state = as_read(present_state(StoredTransaction(TRANSACTION, DECISION, label), failed_before=0))
    assert (state["label"], state["labelSource"], state["labeledAt"]) == ("FRAUD", "chargeback", 9_000)


@pytest.mark.parametrize("told", ["4111111111111111", "DE89370400440532013000", "Ms. Doe of 5 Elm St said so"])
def test_what_somebody_wrote_beside_a_label_is_not_shown_if_it_is_no_code(told: str) -> None:
    label = Label(label=Truth.FRAUD, label_source=told, labeled_at=9_000, fraud_type=told, fraud_type_at=9_000)
    action = ActionTaken(action_taken=told, action_at=9_000)
    stored = StoredTransaction(TRANSACTION, DECISION, label, action=action)
    shown = present_state(stored, failed_before=0)
    assert (shown.label, shown.label_source, shown.fraud_type, shown.action_taken) == (Truth.FRAUD, None, None, None)


@pytest.mark.parametrize("code", [*SENTENCES, "SOMETHING_NEW", "x", ""])
def test_every_code_has_a_sentence(code: str) -> None:
    assert sentence(code).endswith(".")


def test_a_problem_has_every_member_that_its_standard_names() -> None:
    problem = as_read(Problem(title="Conflict", status=409, detail="Why.", request_id="r1"))
    members = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Why."}
    assert problem == members | {"errors": [], "requestId": "r1"}

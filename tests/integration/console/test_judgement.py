"""What a decision saw: how a transaction differs from its customer's habit, and what spoke for each reason."""

import msgspec
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.judge import Judge
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Decision
from fraudstream.transactions.storage.item import StoredTransaction
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.operations.investigation.evidence import DecisionEvidence, judgement_of
from fraudstream_tools.operations.investigation.habits import habits_of
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command, point_at
from tests.console_harness import RULES, Browser, words
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System

RULESET = RulesFolder(RULES).load()
CUSTOMER, DEVICE, STRANGE = (f"tok_{letter * 22}" for letter in "cdx")


def paid(name: str, at: int, amount_minor: int, device: str = DEVICE) -> Transaction:
    return Transaction(
        transaction_id=name,
        timestamp=at,
        received_at=at,
        amount_minor=amount_minor,
        currency="EUR",
        type=TransactionType.PAYMENT,
        customer_id=CUSTOMER,
        device_id=device,
        ip_country="DE",
    )


def judged(last: Transaction) -> Decision:
    """Judge a transaction after ten days of small payments from one device, by the shipped rules."""
    judge, profiles = Judge(RULESET), dict[str, Profile]()
    history = [paid(f"t-{day}", NOW - (10 - day) * DAY, 2000 + 100 * day) for day in range(10)]
    for transaction in history:
        profiles |= judge.judge(transaction, profiles, transaction.timestamp + 400).profiles
    return judge.judge(last, profiles, last.timestamp + 400).decision


@pytest.fixture(scope="module")
def theft() -> tuple[Transaction, Decision]:
    transaction = paid("t-theft", NOW, 250_000, STRANGE)
    return transaction, judged(transaction)


def test_a_strange_payment_differs_in_words(theft: tuple[Transaction, Decision]) -> None:
    habits = judgement_of(StoredTransaction(*theft), RULESET).habits
    unusual = [habit.text for habit in habits if habit.is_unusual]
    assert any("They usually spend 24" in text and "of 10 earlier amounts" in text for text in unusual)
    assert "The device is new for them." in unusual
    said = [habit.text for habit in habits]
    assert "The customer has been known for 10 days; the transaction before was 24 hours earlier." in said


def test_an_ordinary_payment_differs_in_nothing() -> None:
    transaction = paid("t-usual", NOW, 2400)
    habits = judgement_of(StoredTransaction(transaction, judged(transaction)), RULESET).habits
    assert [habit for habit in habits if habit.is_unusual] == []
    assert any("They have used this device for 10 days" in habit.text for habit in habits)


def test_nobody_has_used_a_device_for_longer_than_they_are_known() -> None:
    features = {"customerAgeDays": 0.5 / 24, "customerIdleDays": 0.0, "customerDeviceAgeHours": 1.2}
    said = [habit.text for habit in habits_of(features, "EUR")]
    assert "They have used this device for 30 minutes." in said


def test_of_a_first_payment_it_is_said_that_nothing_is_known() -> None:
    transaction = paid("t-first", NOW, 2400)
    decision = Judge(RULESET).judge(transaction, {}, NOW + 400).decision
    first, *_ = judgement_of(StoredTransaction(transaction, decision), RULESET).habits
    assert first.text == "Nothing is known of this customer from before."


def test_each_rules_reason_has_its_parts_with_the_values_that_they_saw(theft: tuple[Transaction, Decision]) -> None:
    evidence = judgement_of(StoredTransaction(*theft), RULESET).evidence
    rules = {reason.source for reason in theft[1].reasons} & {rule.id for rule in RULESET.rules}
    assert rules
    assert rules <= evidence.keys()
    assert any(
        "customerDeviceAgeHours" in part and part.endswith(": it was 0") for part in evidence["new-device-high-amount"]
    )


def test_what_cannot_be_read_is_left_out(theft: tuple[Transaction, Decision]) -> None:
    transaction, decision = theft
    assert judgement_of(StoredTransaction(transaction), RULESET) == DecisionEvidence()
    damaged = msgspec.structs.replace(decision, features=b"\x04")
    assert judgement_of(StoredTransaction(transaction, damaged), RULESET) == DecisionEvidence()


def test_the_page_says_it(browser: Browser, system: System, theft: tuple[Transaction, Decision]) -> None:
    system.store("t-theft", theft[1], customer=CUSTOMER, amount_minor=250_000, device_id=STRANGE)
    said = words(browser.page("/case", id="t-theft"))
    assert "Beside this customer's habit" in said
    assert "The device is new for them. unusual" in said
    assert ": it was 0" in said


@pytest.mark.usefixtures("browser")
def test_so_does_the_command(
    aws: MinistackServer, system: System, theft: tuple[Transaction, Decision], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    point_at(aws.endpoint_url, monkeypatch, transactionsTable=TRANSACTIONS, alertsTable=ALERTS, bucketName=BUCKET)
    transaction, decision = theft
    system.store("t-theft", decision, customer=CUSTOMER, amount_minor=250_000, device_id=STRANGE)
    alerts = AlertStore(system.dynamodb, ALERTS, retention_days=1)
    system.dynamodb.put_item(**alerts.of_decision(transaction, decision))
    said = " ".join(Command(capsys)("alerts", "show", "t-theft").out.split())
    assert "The device is new for them." in said
    assert ": it was 0" in said

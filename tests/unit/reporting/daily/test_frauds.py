"""What the report says of kinds of fraud, and of what was really prevented."""

from pathlib import Path

import msgspec

from fraudstream.reporting.daily.schema.report import DailyReport
from fraudstream.reporting.render.csv import to_csv
from fraudstream.reporting.render.html import to_html
from fraudstream.transactions.decisions.decision import Action, ActionTaken, FraudType, Truth, Verdict
from tests.unit.reporting.decision_log_harness import (
    HOUR,
    MIDNIGHT,
    Stream,
    decision,
    item,
    label,
    report_of,
    transaction,
)

AT = MIDNIGHT + 9 * HOUR
CASES = (
    (1, Verdict.DECLINE, FraudType.STOLEN_CARD_DATA, Action.BLOCKED),
    (2, Verdict.DECLINE, FraudType.STOLEN_CARD_DATA, Action.ALLOWED),
    (3, Verdict.APPROVE, FraudType.STOLEN_CARD_DATA, Action.BLOCKED),
    (4, Verdict.APPROVE, FraudType.FIRST_PARTY, None),
    (5, Verdict.REVIEW, None, Action.REVERSED),
)


def report(root: Path, *, told: bool = True) -> DailyReport:
    """Label five payments of 12.50 fraud, and tell an hour later of which kind they were and what was done."""
    stream = Stream()
    for number, verdict, kind, action in CASES:
        stored = item(transaction(number, at=AT))
        decided = item(transaction(number, at=AT), decision(verdict, at=AT + 400))
        fraud = label(Truth.FRAUD, at=AT + HOUR)
        stream.add(stored, at=AT)
        stream.add(decided, stored, at=AT + 400)
        stream.add(decided | fraud.to_item(), decided, at=AT + HOUR)
        typed = msgspec.structs.replace(fraud, fraud_type=kind, fraud_type_at=AT + 2 * HOUR) if kind else fraud
        done = ActionTaken(action_taken=action, action_at=AT + 2 * HOUR).to_item() if action else {}
        if told:
            stream.add(decided | typed.to_item() | done, decided | fraud.to_item(), at=AT + 2 * HOUR)
    return report_of(stream, root)


def test_frauds_are_counted_by_kind_and_by_what_was_done(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert {(each.kind, each.action): (each.transactions, each.flagged, each.value) for each in found.frauds} == {
        ("STOLEN_CARD_DATA", "BLOCKED"): (2, 1, 2500),
        ("STOLEN_CARD_DATA", "ALLOWED"): (1, 1, 1250),
        ("FIRST_PARTY", ""): (1, 0, 1250),
        ("", "REVERSED"): (1, 1, 1250),
    }
    assert "frauds,STOLEN_CARD_DATA BLOCKED EUR,value,25.00" in to_csv(found).decode()


def test_the_page_says_what_was_saved_and_what_was_lost(tmp_path: Path) -> None:
    section = to_html(report(tmp_path)).decode().partition("What became of frauds")[2].partition("</section>")[0]
    for share in ("60", "20"):
        assert f"{share}" in section
    assert "stolen card data" in section
    assert "nobody told" in section


def test_a_day_of_which_nobody_told_anything_says_nothing_of_it(tmp_path: Path) -> None:
    found = report(tmp_path, told=False)
    assert found.frauds == ()
    assert found.labels.fraud == len(CASES)

"""What the report of a day counts, whatever way its log was written in."""

from pathlib import Path

import pytest

from fraudstream.reporting.daily.schema.report import Counts, TableCheck
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import DAY, HOUR, MIDNIGHT, Stream, item, report_of, transaction

NOON = MIDNIGHT + 12 * HOUR


def test_every_transaction_is_counted_where_it_belongs(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, amount=1000))
    stream.store_and_decide(transaction(2, amount=500), Verdict.REVIEW, rules=("card-velocity",))
    stream.store_and_decide(transaction(3, amount=70), Verdict.DECLINE, rules=("card-velocity", "amount-outlier"))
    stream.store_and_decide(transaction(4, amount=9, currency="JPY", at=NOON))
    found = report_of(stream, tmp_path)

    assert found.decisions == Counts(approve=2, review=1, decline=1)
    euro, yen = found.currencies
    assert (euro.currency, euro.count, euro.value, euro.review_value, euro.decline_value) == ("EUR", 3, 1570, 500, 70)
    assert (yen.currency, yen.count, yen.value) == ("JPY", 1, 9)
    velocity, outlier = found.rules
    assert (velocity.source, velocity.code, velocity.hits, velocity.unique_hits) == (
        "card-velocity", "CARD_VELOCITY", 2, 1,
    )  # fmt: skip
    assert (velocity.reviewed, velocity.declined) == (1, 1)
    assert (outlier.source, outlier.hits, outlier.unique_hits) == ("amount-outlier", 1, 0)
    assert found.hours[9].decisions.total == 3
    assert found.hours[12].decisions.total == 1
    assert sum(found.scores) == 4
    assert found.rulesets == (("abcdef123456", 4),)


def test_a_decision_after_midnight_belongs_to_the_day_of_receipt(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1, at=MIDNIGHT - 1))
    stream.store_and_decide(transaction(2, at=MIDNIGHT))
    stream.store_and_decide(transaction(3, at=MIDNIGHT + 24 * HOUR - 1), after=2 * HOUR)
    stream.store_and_decide(transaction(4, at=MIDNIGHT + 24 * HOUR))
    found = report_of(stream, tmp_path)

    assert found.date == DAY.isoformat()
    assert (found.reconciliation.stored, found.reconciliation.decided) == (2, 2)
    assert found.latency is not None
    assert found.latency.maximum == 2 * HOUR


def test_the_newest_label_counts_and_caught_is_what_was_stopped(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1, amount=100), Verdict.DECLINE, Truth.LEGITIMATE, Truth.FRAUD)
    stream.store_decide_and_label(transaction(2, amount=30), Verdict.APPROVE, Truth.FRAUD)
    stream.store_decide_and_label(transaction(3, amount=5), Verdict.REVIEW, Truth.FRAUD, Truth.LEGITIMATE)
    found = report_of(stream, tmp_path)

    assert (found.labels.labelled, found.labels.fraud, found.labels.fraud_caught) == (3, 2, 1)
    assert found.labels.legitimate_stopped == 1
    assert (found.currencies[0].fraud_value, found.currencies[0].caught_value) == (130, 100)


def test_what_was_never_decided_is_listed_oldest_first(tmp_path: Path) -> None:
    stream = Stream()
    stream.add(item(transaction(1, at=NOON)), at=NOON)
    stream.add(item(transaction(2, at=NOON + 60_000)), at=NOON + 60_000)
    stream.store_and_decide(transaction(3, at=NOON + 90_000), after=0)
    reconciliation = report_of(stream, tmp_path).reconciliation

    assert (reconciliation.stored, reconciliation.decided, reconciliation.logged) == (3, 1, 3)
    assert [(each.transaction_id, each.received_at) for each in reconciliation.undecided] == [
        ("t-1", NOON),
        ("t-2", NOON + 60_000),
    ]
    assert not reconciliation.complete


def test_a_decision_whose_storing_was_never_logged_breaks_the_balance(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    del stream.records[0]
    reconciliation = report_of(stream, tmp_path).reconciliation
    assert (reconciliation.stored, reconciliation.decided, reconciliation.logged) == (0, 1, 1)
    assert not reconciliation.complete


def test_a_label_whose_transaction_was_never_logged_breaks_the_balance(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1), Verdict.APPROVE, Truth.FRAUD)
    del stream.records[:2]
    reconciliation = report_of(stream, tmp_path).reconciliation
    assert (reconciliation.stored, reconciliation.decided, reconciliation.logged) == (0, 0, 1)
    assert not reconciliation.complete


def test_a_transaction_missing_from_the_log_breaks_the_balance(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    good = report_of(stream, tmp_path, {"t-1"})
    bad = report_of(stream, tmp_path, {"t-1", "t-9"})
    assert good.reconciliation.complete
    assert not bad.reconciliation.complete
    assert bad.reconciliation.table == TableCheck(sampled=2, missing=("t-9",))
    assert good.revision.content != bad.revision.content


def test_latencies_are_those_of_real_transactions(tmp_path: Path) -> None:
    stream = Stream()
    for number in range(1, 101):
        stream.store_and_decide(transaction(number), after=number)
    latency = report_of(stream, tmp_path).latency
    assert latency is not None
    assert (latency.p50, latency.p90, latency.p99, latency.maximum) == (50, 90, 99, 100)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_entity_stands_out_by_what_was_stopped(tmp_path: Path, verdict: Verdict) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1), verdict)
    entities = {each.kind: each for each in report_of(stream, tmp_path).entities}
    assert bool(entities) == (verdict is not Verdict.APPROVE)
    assert all(each.reviewed + each.declined == 1 for each in entities.values())

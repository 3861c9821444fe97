"""What the report of a day counts, whatever way its log was written in."""

import random
import tempfile
from pathlib import Path

import pytest
from decision_log_world import DAY, HOUR, MIDNIGHT, PREFIX, Stream, item, report, report_of, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.reporting.figures import Counts, TableCheck
from fraudstream.reporting.render import to_csv, to_html, to_json
from fraudstream.reporting.segments import cut
from fraudstream.transactions.decision import Truth, Verdict

NOON = MIDNIGHT + 12 * HOUR


def a_day() -> Stream:
    """Sixty transactions of all kinds, some labelled, two undecided."""
    stream = Stream()
    generator = random.Random(7)
    for number in range(60):
        at = MIDNIGHT + generator.randrange(24 * HOUR)
        currency = generator.choice(["EUR", "USD", "JPY", "BHD"])
        stored = transaction(number, at=at, amount=generator.randrange(1, 90_000), currency=currency)
        verdict = generator.choice([Verdict.APPROVE, Verdict.APPROVE, Verdict.REVIEW, Verdict.DECLINE])
        if number % 30 == 11:
            stream.add(item(stored), at=at)
        elif number % 4 == 0:
            stream.store_decide_and_label(stored, verdict, generator.choice(list(Truth)), Truth.FRAUD)
        else:
            stream.store_and_decide(stored, verdict, rules=("card-velocity", "amount-outlier")[: number % 3])
    return stream


WHOLE = a_day()


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.data())
def test_repeats_overlaps_and_any_order_of_segments_give_the_same_bytes(data: st.DataObject) -> None:
    records = WHOLE.records
    starts = data.draw(st.lists(st.integers(0, len(records) - 1), max_size=6))
    batches = [records[start : start + data.draw(st.integers(1, 40))] for start in starts]
    size = data.draw(st.integers(5, 50))
    batches += [records[start : start + size] for start in range(0, len(records), size)]
    segments = data.draw(st.permutations([s for batch in batches for s in cut(batch, PREFIX).segments]))

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        shuffled, plain = report(segments, Path(one)), report_of(WHOLE, Path(other))
    assert to_json(shuffled) == to_json(plain)
    assert to_html(shuffled) == to_html(plain)
    assert to_csv(shuffled) == to_csv(plain)


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


def test_a_day_is_the_utc_day_of_receipt_and_a_decision_after_midnight_belongs_to_it(tmp_path: Path) -> None:
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
    books = report_of(stream, tmp_path).reconciliation

    assert (books.stored, books.decided, books.logged) == (3, 1, 3)
    assert [(each.transaction_id, each.received_at) for each in books.undecided] == [
        ("t-1", NOON),
        ("t-2", NOON + 60_000),
    ]
    assert not books.complete


def test_a_decision_whose_storing_was_never_logged_breaks_the_balance(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    del stream.records[0]
    books = report_of(stream, tmp_path).reconciliation
    assert (books.stored, books.decided, books.logged) == (0, 1, 1)
    assert not books.complete


def test_a_label_whose_transaction_was_never_logged_breaks_the_balance(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_decide_and_label(transaction(1), Verdict.APPROVE, Truth.FRAUD)
    del stream.records[:2]
    books = report_of(stream, tmp_path).reconciliation
    assert (books.stored, books.decided, books.logged) == (0, 0, 1)
    assert not books.complete


def test_a_transaction_that_the_table_knows_and_the_log_does_not_breaks_the_balance(tmp_path: Path) -> None:
    stream = Stream()
    stream.store_and_decide(transaction(1))
    good = report_of(stream, tmp_path, TableCheck(sampled=1, missing=()))
    bad = report_of(stream, tmp_path, TableCheck(sampled=2, missing=("t-9",)))
    assert good.reconciliation.complete
    assert not bad.reconciliation.complete
    assert good.revision != bad.revision


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
    assert all(each.stopped == 1 for each in entities.values())

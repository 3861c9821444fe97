"""Labels that the profiles never learnt are in the report, and those alone."""

from pathlib import Path

from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
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

NINE = MIDNIGHT + 9 * HOUR


def labelled(stream: Stream, number: int, *truths: Truth, learnt: int = 0) -> None:
    """Decide a transaction, and label it hour by hour; profiles learn the first of the labels."""
    known = item(transaction(number, at=NINE), decision(at=NINE + 400))
    stream.add(item(transaction(number, at=NINE)), at=NINE)
    stream.add(known, item(transaction(number, at=NINE)), at=NINE + 400)
    for place, truth in enumerate(truths, start=1):
        at = NINE + place * HOUR
        new = known | label(truth, at=at).to_item()
        stream.add(new, known, at=at)
        known = new
        if place <= learnt:
            noted = known | to_item({"learntLabel": truth.value, "learntLabeledAt": at})
            stream.add(noted, known, at=at + 2000)
            known = noted


def unlearned(stream: Stream, root: Path) -> list[str]:
    # Something later, so that an hour has passed since the labels.
    stream.store_and_decide(transaction(99, at=MIDNIGHT + 20 * HOUR))
    return [each.transaction_id for each in report_of(stream, root).reconciliation.unlearned]


def test_a_fraud_that_profiles_never_learnt_is_listed(tmp_path: Path) -> None:
    stream = Stream()
    labelled(stream, 1, Truth.FRAUD)
    labelled(stream, 2, Truth.FRAUD, learnt=1)
    labelled(stream, 3, Truth.LEGITIMATE)
    assert unlearned(stream, tmp_path) == ["t-1"]


def test_a_label_that_says_the_same_again_has_nothing_to_be_learnt(tmp_path: Path) -> None:
    stream = Stream()
    labelled(stream, 1, Truth.FRAUD, Truth.FRAUD, learnt=1)
    assert unlearned(stream, tmp_path) == []


def test_a_correction_that_profiles_never_learnt_is_listed(tmp_path: Path) -> None:
    stream = Stream()
    labelled(stream, 1, Truth.FRAUD, Truth.LEGITIMATE, learnt=1)
    labelled(stream, 2, Truth.FRAUD, Truth.LEGITIMATE, learnt=2)
    labelled(stream, 3, Truth.FRAUD, Truth.LEGITIMATE)
    assert unlearned(stream, tmp_path) == ["t-1"]


def test_a_label_of_the_last_hour_may_still_be_under_way(tmp_path: Path) -> None:
    stream = Stream()
    labelled(stream, 1, Truth.FRAUD)
    assert report_of(stream, tmp_path).reconciliation.unlearned == ()

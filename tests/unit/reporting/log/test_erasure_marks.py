"""What a stream still tells of erased persons is not logged."""

from typing import Any

import msgspec

from fraudstream.detection.judge import judged_without
from fraudstream.reporting.log.erasure_marks import ErasureMark, hash_of, without_erased
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Decision, Reason
from tests.unit.reporting.decision_log_harness import MIDNIGHT, PREFIX, Stream, decision, item, transaction

STORED = transaction(1)
MARK = ErasureMark(persons=frozenset({hash_of(STORED.customer_id)}), at=STORED.received_at)


def test_records_up_to_the_erasure_are_left_out() -> None:
    stream = Stream()
    stream.add(item(STORED), at=STORED.received_at)
    stream.add(item(STORED, decision(at=MIDNIGHT)), item(STORED), at=STORED.received_at)
    assert [without_erased(record, [MARK]) for record in stream.records] == [None, None]


def test_later_records_and_those_of_others_are_logged_as_they_are() -> None:
    stream = Stream()
    later = transaction(1, at=STORED.received_at + 1)
    records = [stream.add(item(each), at=MIDNIGHT) for each in (later, transaction(2))]
    assert [without_erased(record, [MARK]) for record in records] == records
    assert without_erased(records[0], []) is records[0]


def test_in_the_transactions_of_others_only_the_token_is_left_out() -> None:
    image = item(transaction(2)) | {"counterpartyToken": {"S": STORED.customer_id}}
    record = Stream().add(image, at=MIDNIGHT)
    kept = without_erased(record, [MARK])
    assert kept is not None
    assert kept["dynamodb"]["NewImage"] == item(transaction(2))
    assert cut([kept], PREFIX).poison == []


def test_the_reasons_of_others_name_nobody_who_was_erased() -> None:
    judged = judged_without(
        [f"counterparty#{STORED.customer_id}"],
        damaged={f"counterparty#{STORED.customer_id}"},
        newer=(),
        unreadable_lists=(),
    )
    reasons = Reason(code="CARD_VELOCITY", source="card-velocity"), *judged
    image = item(transaction(2), msgspec.structs.replace(decision(at=MIDNIGHT), reasons=reasons))
    kept = without_erased(Stream().add(image, at=MIDNIGHT), [MARK])
    assert kept is not None
    told = Decision.from_item(kept["dynamodb"]["NewImage"])
    assert told is not None
    assert [each.source for each in told.reasons] == ["card-velocity", "counterparty#erased"]
    assert STORED.customer_id not in str(kept)


def test_what_is_no_record_passes_through() -> None:
    odd: list[Any] = [{}, {"dynamodb": None}, {"dynamodb": {"NewImage": {"customerId": {"S": 5}, "receivedAt": {}}}}]
    assert [without_erased(each, [MARK]) for each in odd] == odd

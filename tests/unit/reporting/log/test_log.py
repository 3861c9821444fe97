"""What of the stream enters the decision log, and how it is cut into segments."""

import gzip
import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from fraudstream.reporting.log.record import LogEvent, LogRecord, PoisonRecordError, read_stream_record
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Action, ActionTaken, Truth, Verdict
from fraudstream.transactions.storage.attributes import to_item
from tests.unit.reporting.decision_log_harness import HOUR, MIDNIGHT, PREFIX, Stream, decision, item, label, transaction

AT = MIDNIGHT + 9 * HOUR
STORED = transaction(1)
DECIDED = decision(at=AT + 400, rules=("card-velocity",))


def events(new: Any, old: Any = None) -> list[LogEvent]:
    return [record.event for record in read_stream_record(Stream().add(new, old, at=AT))]


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]


def test_a_record_is_logged_as_stored_decided_or_labelled() -> None:
    decided = item(STORED, DECIDED)
    fraud, legitimate = label(Truth.FRAUD, at=AT + 1), label(Truth.LEGITIMATE, at=AT + 2)

    assert events(item(STORED)) == [LogEvent.STORED]
    assert events(decided, item(STORED)) == [LogEvent.DECIDED]
    assert events(decided | fraud.to_item(), decided) == [LogEvent.LABELED]
    assert events(decided | legitimate.to_item(), decided | fraud.to_item()) == [LogEvent.LABELED]
    assert events(decided | fraud.to_item(), item(STORED)) == [LogEvent.DECIDED, LogEvent.LABELED]


def test_what_changes_neither_decision_nor_label_is_not_logged() -> None:
    decided = item(STORED, DECIDED)
    claim = to_item({"transactionId": "t-1", "timestamp": 0, "kind": "CLAIM"})

    assert events(decided | to_item({"redrivenAt": AT}), decided) == []
    assert events(item(STORED) | to_item({"redrivenAt": AT}), item(STORED)) == []
    assert events(claim) == []
    assert events(None, item(STORED)) == []


def test_the_chance_of_an_approval_to_be_looked_at_is_logged_with_it() -> None:
    drawn = msgspec.structs.replace(DECIDED, decision=Verdict.APPROVE, exploration_propensity=0.005)
    decided = item(STORED, drawn)
    (record,) = read_stream_record(Stream().add(decided, item(STORED), at=AT + 450))
    assert record.exploration_propensity == 0.005
    labelled = decided | label(Truth.FRAUD, at=AT + 500).to_item()
    (record,) = read_stream_record(Stream().add(labelled, decided, at=AT + 500))
    assert (record.event, record.exploration_propensity) == (LogEvent.LABELED, 0.005)


def test_a_decision_is_logged_whole_and_nothing_personal_with_it() -> None:
    (record,) = read_stream_record(Stream().add(item(STORED, DECIDED), item(STORED), at=AT + 450))
    line = msgspec.json.encode(record).decode()

    assert record.reasons == ("CARD_VELOCITY",)
    assert record.sources == ("card-velocity",)
    assert record.points == (1.5,)
    assert record.features == "AAE="
    assert record.logged_at == AT + 450
    for personal in ("411111", "1111", "52.52", "13.4", "shelf", "A7"):
        assert personal not in line


def test_no_column_could_hold_personal_data() -> None:
    columns = set(LogRecord.__struct_fields__)
    assert not columns & {"card_bin", "card_last4", "latitude", "longitude", "metadata"}


def test_a_lambda_event_carries_binary_as_text() -> None:
    new = item(STORED, DECIDED) | {"features": {"B": "AAE="}}
    (record,) = read_stream_record(Stream().add(new, item(STORED), at=AT))
    assert record.features == "AAE="


@pytest.mark.parametrize(
    "break_it",
    [
        lambda record: record["dynamodb"].pop("ApproximateCreationDateTime"),
        lambda record: record["dynamodb"]["NewImage"].pop("amountMinor"),
        lambda record: record["dynamodb"]["NewImage"].update(amountMinor={"S": "zq7-secret"}),
        lambda record: record["dynamodb"]["NewImage"].update(currency={"Q": "zq7-secret"}),
        lambda record: record["dynamodb"]["NewImage"].update(currency={"S": "zq7-secret"}),
        lambda record: record["dynamodb"]["NewImage"].update(amountMinor={"N": "1e400"}),
        lambda record: record["dynamodb"]["NewImage"].update(receivedAt={"N": "1" * 30}),
        lambda record: record["dynamodb"]["NewImage"].update(timestamp={"N": "-1"}),
        lambda record: record["dynamodb"].update(ApproximateCreationDateTime=float("inf")),
        lambda record: record["dynamodb"].update(ApproximateCreationDateTime=float("nan")),
        lambda record: record["dynamodb"].update(ApproximateCreationDateTime=1e300),
        lambda record: record["dynamodb"].update(ApproximateCreationDateTime="zq7-secret"),
        lambda record: record["dynamodb"].update(NewImage=["zq7-secret"]),
        lambda record: record.update(dynamodb=None),
        lambda record: record.pop("dynamodb"),
    ],
)
def test_a_record_that_cannot_be_read_says_so_without_its_content(break_it: Any) -> None:
    record = Stream().add(item(STORED), at=AT)
    break_it(record)
    try:
        found = read_stream_record(record)
    except PoisonRecordError as refused:
        found, said = [], str(refused)
    else:
        said = msgspec.json.encode(found).decode()
    assert "zq7-secret" not in said
    for logged in found:
        assert (logged.event, logged.transaction_id) == (LogEvent.UNREADABLE, "t-1")
        assert abs(logged.received_at - AT) < HOUR


def test_a_change_that_cannot_be_read_is_no_second_transaction() -> None:
    record = Stream().add(item(STORED, DECIDED), item(STORED), at=AT)
    del record["dynamodb"]["NewImage"]["currency"]
    with pytest.raises(PoisonRecordError):
        read_stream_record(record)


def test_a_card_number_in_place_of_an_id_is_not_logged() -> None:
    record = Stream().add(item(STORED) | to_item({"transactionId": "4111111111111111"}), at=AT)
    del record["dynamodb"]["NewImage"]["currency"]
    with pytest.raises(PoisonRecordError):
        read_stream_record(record)


def test_a_label_over_one_that_was_damaged_is_logged() -> None:
    damaged = item(STORED, DECIDED, label(Truth.FRAUD, at=AT)) | to_item({"label": "PERHAPS"})
    assert events(item(STORED, DECIDED, label(Truth.FRAUD, at=AT + 5)), damaged) == [LogEvent.LABELED]


def test_what_was_damaged_before_keeps_no_later_change_away() -> None:
    """Whoever may label could keep decisions out of the log."""
    damaged = {**item(STORED), **to_item({"label": "PERHAPS", "labelSource": "a script", "actionTaken": 7})}
    assert events({**damaged, **item(STORED, DECIDED)}, damaged) == [LogEvent.DECIDED]
    with pytest.raises(PoisonRecordError):
        events(damaged, item(STORED))


def test_a_label_is_logged_anew_with_its_kind_of_fraud_and_with_what_was_done() -> None:
    fraud = label(Truth.FRAUD, at=AT + 1)
    typed = msgspec.structs.replace(fraud, fraud_type="FIRST_PARTY", fraud_type_at=AT + 2)
    done = ActionTaken(action_taken=Action.BLOCKED, action_at=AT + 3)
    states = [item(STORED, DECIDED, each) for each in (fraud, typed)]
    states.append(states[1] | done.to_item())
    logged = [record for old, new in pairwise(states) for record in read_stream_record(Stream().add(new, old, at=AT))]

    assert [(each.event, each.fraud_type, each.action_taken) for each in logged] == [
        (LogEvent.LABELED, "FIRST_PARTY", None),
        (LogEvent.LABELED, "FIRST_PARTY", "BLOCKED"),
    ]
    legitimate = msgspec.structs.replace(typed, label=Truth.LEGITIMATE, labeled_at=AT + 5)
    (last,) = read_stream_record(Stream().add(item(STORED, DECIDED, legitimate), states[0], at=AT))
    assert last.fraud_type is None, "what is legitimate has no kind of fraud, whatever was said before"


def test_what_was_done_with_a_payment_is_logged_with_its_label() -> None:
    done = ActionTaken(action_taken=Action.ALLOWED, action_at=AT + 1)
    acted = item(STORED, DECIDED) | done.to_item()
    assert events(acted, item(STORED, DECIDED)) == []
    (record,) = read_stream_record(Stream().add(acted | label(Truth.FRAUD, at=AT + 2).to_item(), acted, at=AT))
    assert (record.action_taken, record.action_at) == ("ALLOWED", AT + 1)


def test_a_batch_becomes_one_segment_for_each_hour_of_its_records() -> None:
    stream = Stream()
    for number, at in enumerate((AT, AT + 1, AT + HOUR)):
        stream.add(item(transaction(number)), at=at)
    first, second = cut(stream.records, PREFIX).segments

    assert first.key == f"decision-log/segments/date=2026-11-22/hour=09/00000000-{1:021}-2.jsonl.gz"
    assert second.key == f"decision-log/segments/date=2026-11-22/hour=10/00000000-{3:021}-1.jsonl.gz"
    assert [line["transactionId"] for line in lines(first.body)] == ["t-0", "t-1"]
    assert (first.records, second.records) == (2, 1)


def test_the_same_batch_gives_the_same_keys_and_bytes() -> None:
    stream = Stream()
    for number in range(5):
        stream.store_and_decide(transaction(number))
    assert cut(stream.records, PREFIX) == cut(stream.records, PREFIX)


def test_a_retry_with_fewer_records_leaves_what_was_written() -> None:
    stream = Stream()
    for number in range(4):
        stream.add(item(transaction(number)), at=AT)
    (whole,), (half,) = cut(stream.records, PREFIX).segments, cut(stream.records[:2], PREFIX).segments
    assert whole.key != half.key


def test_a_poison_record_is_named_and_its_neighbours_are_kept() -> None:
    stream = Stream()
    for number in range(5):
        stream.add(item(transaction(number)), at=AT)
    del stream.records[2]["dynamodb"]["NewImage"]["currency"]
    made = cut(stream.records, PREFIX)

    assert made.poison == [f"{3:021}"]
    (segment,) = made.segments
    logged = lines(segment.body)
    assert [line["transactionId"] for line in logged] == [f"t-{number}" for number in range(5)]
    assert [line["event"] for line in logged] == ["STORED", "STORED", "UNREADABLE", "STORED", "STORED"]


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("number", [None, "", "not-a-number", 7])
def test_a_record_without_a_name_fails_the_batch_and_keeps_the_others(place: int, number: Any) -> None:
    stream = Stream()
    for each in range(5):
        stream.add(item(transaction(each)), at=AT)
    stream.records[place]["dynamodb"]["SequenceNumber"] = number
    made = cut(stream.records, PREFIX)

    assert made.poison == [""]
    (segment,) = made.segments
    assert [line["transactionId"] for line in lines(segment.body)] == [
        f"t-{each}" for each in range(5) if each != place
    ]


@pytest.mark.parametrize("nonsense", [None, 7, "record", [], {}, {"dynamodb": None}, {"dynamodb": {"NewImage": {}}}])
def test_nonsense_in_a_batch_is_poison_or_nothing_and_never_stops_it(nonsense: Any) -> None:
    stream = Stream()
    stream.add(item(transaction(1)), at=AT)
    made = cut([nonsense, *stream.records], PREFIX)

    assert made.poison in ([""], [])
    assert [segment.records for segment in made.segments] == [1]


def test_a_record_without_an_event_id_is_named() -> None:
    stream = Stream()
    del stream.add(item(transaction(1)), at=AT)["eventID"]
    made = cut(stream.records, PREFIX)
    assert (made.poison, made.segments) == ([f"{1:021}"], [])


def test_segments_of_two_shards_never_overwrite_each_other() -> None:
    one, other = Stream(), Stream()
    one.add(item(transaction(1)), at=AT)
    other.add(item(transaction(2)), at=AT)["eventID"] = "f" * 32
    (first,), (second,) = cut(one.records, PREFIX).segments, cut(other.records, PREFIX).segments
    assert first.key != second.key


def test_a_batch_of_which_nothing_is_logged_writes_nothing() -> None:
    stream = Stream()
    stream.add(to_item({"transactionId": "t-1", "timestamp": 0, "kind": "CLAIM"}), at=AT)
    assert cut(stream.records, PREFIX).segments == []

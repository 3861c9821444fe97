"""What somebody wrote beside a label is told to nobody where it is no code."""

import pytest

from fraudstream.detection.events import label_events
from fraudstream.reporting.log.record import read_stream_record
from fraudstream.transactions.decisions.decision import ActionTaken, Label, Truth
from tests.unit.reporting.decision_log_harness import MIDNIGHT, Stream, item, transaction


@pytest.mark.parametrize("told", ["4111111111111111", "DE89370400440532013000", "Ms. Doe of 5 Elm St said so"])
def test_what_is_no_code_comes_neither_into_the_log_nor_to_others(told: str) -> None:
    stored = transaction(1, at=MIDNIGHT)
    label = Label(label=Truth.FRAUD, label_source=told, labeled_at=MIDNIGHT, fraud_type=told, fraud_type_at=MIDNIGHT)
    events = label_events(stored, label, environment="test", closes_alert=True)
    assert [event.label_source for event in events] == ["", ""]
    action = ActionTaken(action_taken=told, action_at=MIDNIGHT)
    record = Stream().add(item(stored, label) | action.to_item(), item(stored), at=MIDNIGHT)
    (logged,) = read_stream_record(record)
    assert (logged.label, logged.label_source, logged.fraud_type, logged.action_taken) == ("FRAUD", "", None, None)


def test_codes_of_later_releases_come_into_the_log() -> None:
    stored = transaction(1, at=MIDNIGHT)
    label = Label(
        label=Truth.FRAUD, label_source="bank-7", labeled_at=MIDNIGHT, fraud_type="NEW_KIND", fraud_type_at=MIDNIGHT
    )
    (logged,) = read_stream_record(Stream().add(item(stored, label), item(stored), at=MIDNIGHT))
    assert (logged.label_source, logged.fraud_type) == ("bank-7", "NEW_KIND")

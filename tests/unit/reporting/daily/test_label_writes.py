"""Labels that were written on a day: what the log tells again on a later day was not written there."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fraudstream.reporting.daily.label_writes import ToldLabels, label_writes
from fraudstream.reporting.daily.schema.people import LabelWrites
from fraudstream.reporting.log.hours.roll_up import RollUp
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
from tests.unit.reporting.decision_log_harness import (
    DAY,
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    decision,
    item,
    label,
    put,
    transaction,
)

WEEK = 7 * 24 * HOUR
NOBODY = ToldLabels(transactions=(), sources=())


def told_twice(root: Path) -> None:
    """Have the log told of a label, and a week later of what was done with the payment; another label comes then."""
    stream, at = Stream(), MIDNIGHT + 9 * HOUR
    for number in (1, 2):
        stored = item(transaction(number, at=at), decision(at=at + 400))
        stream.add(stored, item(transaction(number, at=at)), at=at + 400)
        labelled = stored | label(Truth.FRAUD, at=at + HOUR).to_item()
        if number == 1:
            stream.add(labelled, stored, at=at + HOUR)
            acted = labelled | to_item({"actionTaken": "BLOCKED", "actionAt": at + WEEK})
            stream.add(acted, labelled, at=at + WEEK)
        else:
            stream.add(labelled, stored, at=at + WEEK)
    store = put(cut(stream.records, PREFIX).segments, root)
    begin = datetime.fromtimestamp(at / 1000, UTC)
    RollUp(store=store, log_prefix=PREFIX, time_left=lambda: math.inf).run(begin, begin + timedelta(days=8))


@pytest.mark.parametrize(("day", "written", "named"), [(DAY, 1, ["t-1"]), (DAY + timedelta(days=7), 1, ["t-2"])])
def test_a_label_counts_on_the_day_on_which_the_log_was_first_told_of_it(
    tmp_path: Path, day: date, written: int, named: list[str]
) -> None:
    told_twice(tmp_path)
    store = FolderStore(tmp_path)
    found = label_writes(store, PREFIX, day, lambda: NOBODY)
    assert (found.written, found.unrecorded) == (written, len(named))
    assert [each.transaction_id for each in found.examples] == named


def test_a_label_with_a_record_is_not_looked_for_in_earlier_hours(tmp_path: Path) -> None:
    told_twice(tmp_path)
    store = FolderStore(tmp_path)
    both = ToldLabels(transactions={"t-1", "t-2"}, sources=())
    found = label_writes(store, PREFIX, DAY, lambda: both)
    assert found == LabelWrites(written=1, unrecorded=0)

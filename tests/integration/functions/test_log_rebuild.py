"""What the decision log lost of a day comes back from the table, and what it has stays as it is."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fraudstream.reporting.log.changes import rebuilding
from fraudstream.reporting.storage.download import fetch_all
from fraudstream.reporting.storage.object_store import Store
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from tests.integration.functions.report_generator_harness import BUCKET, Shop

NOT_KNOWN = ("asOf", "revision", "lag", "logHours", "past")
"""Parts of a report of which the table tells nothing, or only what was true when it was made."""
LOG = "decision-log/"


def sell(shop: Shop) -> None:
    """Store transactions of every kind: undecided, decided, labelled, and labelled and learnt."""
    for number in range(4):
        shop.store(f"t-{number}", amountMinor=1000 + number)
        if number:
            shop.decide(f"t-{number}")
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=shop.received_at + 900)
    shop.add("t-2", label.to_item())
    shop.add("t-3", label.to_item())
    shop.add("t-3", to_item({"learntLabel": "FRAUD", "learntLabeledAt": label.labeled_at}))


def report(shop: Shop) -> dict[str, Any]:
    shop.call({"task": "daily-report", "date": shop.day})
    return json.loads(shop.read(f"reports/date={shop.day}/report.json"))


def said(report: dict[str, Any]) -> dict[str, Any]:
    """Return what the table can tell again: not when the log was told of a label either."""
    for unrecorded in report["people"]["labels"]["examples"]:
        del unrecorded["at"]
    return {name: value for name, value in report.items() if name not in NOT_KNOWN}


def rebuild(shop: Shop) -> tuple[int, int]:
    """Do what the command does; give how many transactions the table has, and how many lines were added."""
    task = {"task": "rebuild-log", "date": shop.day}
    found = shop.call(task)
    looked, added, hours = found["looked"], found["added"], set(found["hours"])
    while found["part"] < found["parts"]:
        found = shop.call(task | {"part": found["part"], "parts": found["parts"]})
        looked, added, hours = looked + found["looked"], added + found["added"], hours | set(found["hours"])
    left = sorted(hours)
    while left:
        left = shop.call(task | {"merge": left})["left"]
    return looked, added


def delete(shop: Shop, *folders: str) -> None:
    for folder in folders:
        for key in shop.keys(f"{LOG}{folder}/"):
            shop.s3.delete_object(Bucket=BUCKET, Key=key)


def content(shop: Shop) -> dict[str, bytes]:
    return {key: shop.read(key) for key in shop.keys(LOG)}


def verified(shop: Shop) -> dict[str, Any]:
    today = datetime.now(UTC).date().isoformat()
    return shop.call({"task": "verify-log", "since": shop.day, "until": max(shop.day, today)})


def sell_what_only_files_tell_of(shop: Shop) -> None:
    """Have a decided transaction in the log's files, and neither in its segments nor in the table."""
    shop.store("gone-from-the-table")
    shop.decide("gone-from-the-table")
    shop.call(shop.stream())
    shop.call({"task": "hourly-roll-up", "openHours": True})
    delete(shop, "segments")
    key = to_item({"transactionId": "gone-from-the-table", "timestamp": shop.received_at})
    shop.dynamodb.delete_item(TableName="table-transactions", Key=key)


def test_a_day_whose_log_was_deleted_has_the_same_report_again(shop: Shop) -> None:
    sell(shop)
    shop.call(shop.stream())
    before = report(shop)
    assert (before["reconciliation"]["stored"], before["labels"]["fraud"]) == (4, 2)
    delete(shop, "segments", "decisions", "labels", "tallies", "ids", "hours", "reported")

    assert rebuild(shop) == (4, 4 + 3 + 2)
    assert said(report(shop)) == said(before)
    assert verified(shop)["findings"] == ()


def test_what_the_log_has_is_not_added_again_nor_written_again(shop: Shop) -> None:
    sell(shop)
    shop.call(shop.stream())
    shop.call({"task": "hourly-roll-up", "openHours": True})
    before = content(shop)
    assert rebuild(shop) == (4, 0)
    assert content(shop) == before


def test_only_what_the_log_lacks_is_added_and_a_second_time_nothing(shop: Shop) -> None:
    sell(shop)
    event = shop.stream()
    # The stream's consumer lost what came after the first transactions were stored.
    shop.call({"Records": event["Records"][:3]})
    shop.call({"task": "hourly-roll-up", "openHours": True})
    had = shop.log()
    looked, added = rebuild(shop)
    assert looked == 4
    assert len(shop.log()) == len(had) + added == 4 + 3 + 2
    assert rebuild(shop) == (4, 0)
    assert [link["kind"] for link in links(shop)][-1] == "REBUILT"
    counted = report(shop)["reconciliation"]
    assert (counted["stored"], counted["decided"], counted["logged"]) == (4, 3, 4)


def test_an_hour_whose_segments_are_gone_keeps_what_it_had(shop: Shop) -> None:
    sell_what_only_files_tell_of(shop)
    sell(shop)
    assert rebuild(shop) == (4, 4 + 3 + 2)
    counted = report(shop)["reconciliation"]
    assert (counted["stored"], counted["decided"]) == (5, 4)


def test_a_rebuild_that_was_stopped_before_it_merged_loses_nothing(shop: Shop) -> None:
    sell_what_only_files_tell_of(shop)
    sell(shop)
    assert shop.call({"task": "rebuild-log", "date": shop.day})["added"] == 4 + 3 + 2
    # Whoever comes next merges it: the schedule, a report, or the same command.
    shop.call({"task": "hourly-roll-up", "openHours": True})
    assert rebuild(shop) == (4, 0)
    counted = report(shop)["reconciliation"]
    assert (counted["stored"], counted["decided"]) == (5, 4)
    assert verified(shop)["findings"] == ()


def test_a_transaction_that_was_restored_from_a_backup_is_added_too(shop: Shop) -> None:
    sell(shop)
    shop.add("t-1", to_item({"restoredAt": shop.received_at + 1000}))
    assert rebuild(shop) == (4, 4 + 3 + 2)
    assert sorted(line["event"] for line in shop.log() if line["transactionId"] == "t-1") == ["DECIDED", "STORED"]


def test_a_transaction_with_a_damaged_label_is_added_without_it(shop: Shop) -> None:
    sell(shop)
    shop.add("t-1", to_item({"label": "PERHAPS"}))
    assert rebuild(shop) == (4, 4 + 3 + 2)
    assert sorted(line["event"] for line in shop.log() if line["transactionId"] == "t-1") == ["DECIDED", "STORED"]


def test_what_the_log_has_is_fetched_once_for_all_parts_for_which_there_is_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(shop)
    shop.call(shop.stream())
    shop.call({"task": "hourly-roll-up", "openHours": True})
    fetched: list[str] = []

    def fetch(store: Store, keys: Sequence[str], folder: Path) -> list[Path]:
        fetched.append(folder.name)
        return fetch_all(store, keys, folder)

    monkeypatch.setattr(rebuilding, "fetch_all", fetch)
    task = {"task": "rebuild-log", "date": shop.day, "part": 1, "parts": 40}
    found = shop.call(task)
    assert (found["part"], found["parts"], found["added"]) == (40, 40, 0)
    assert sorted(fetched) == ["decisions", "ids", "labels", "tallies"]
    # Where time is short, one part is looked at, and the rest is left to the next call.
    assert shop.call(task, seconds_left=rebuilding.PART_SECONDS - 1)["part"] == 2


def test_a_table_that_dynamodb_has_not_counted_yet_is_looked_at_in_many_parts(shop: Shop) -> None:
    # A table that was made anew and filled from a backup counts as empty for hours, whatever it has.
    assert shop.call({"task": "rebuild-log", "date": shop.day})["parts"] == rebuilding.LEAST_PARTS


def links(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(shop.read(key)) for key in shop.keys(f"{LOG}chain/")]

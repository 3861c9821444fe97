"""What a day's report says of what people did: records counted, changes of rules, and writes without a record."""

import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import msgspec
import pytest
from botocore.exceptions import ReadTimeoutError

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import DECISION_LOG_PREFIX, EntityKind
from fraudstream.durations import DAY
from fraudstream.reporting.daily.people import ListsAt, people_of
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.daily.schema.people import (
    ActionFigures,
    LabelWrites,
    ListWrites,
    PeopleFigures,
    UnrecordedLabel,
)
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.lists.entries import ListError
from tests.console_harness import ANNA, BEN, PROFILES, Browser, draft_of, put_ruleset, with_rule, words
from tests.integration.cli.review_harness import BUCKET, System
from tests.unit.reporting.decision_log_harness import HOUR, Stream, decision, item, label, transaction


@pytest.fixture
def versioned(system: System) -> System:
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    return system


def today(system: System) -> PeopleFigures:
    return people_of(system.s3, BUCKET, datetime.now(UTC).date(), ListsAt(system.dynamodb, PROFILES))


def act(browser: Browser, name: str, action: str, **fields: str) -> None:
    browser.send(f"/case/{action}", **browser.form(browser.page("/case", id=name), f"/case/{action}"), **fields)


def test_actions_are_counted_and_nobody_is_named(browser: Browser, versioned: System) -> None:
    for name in ("t-1", "t-2"):
        versioned.alert(name, customer=f"tok_{name}")
        act(browser, name, "take")
    act(browser, "t-1", "note", text="called")
    found = today(versioned)
    assert found.people == 1
    assert found.actions[0] == ActionFigures(action="take-alert", done=2, refused=0)
    assert ActionFigures(action="note-case", done=1, refused=0) in found.actions
    assert "anna" not in repr(found)


def test_a_published_ruleset_has_a_record_and_an_upload_has_none(browser: Browser, versioned: System) -> None:
    page = browser.page("/rules/edit")
    fields = browser.form(page, "/rules/check") | {"draft": with_rule(draft_of(page))}
    browser.make_active("/rules/publish", "transfers", **fields)
    versioned.s3.put_object(Bucket=BUCKET, Key="rulesets/live/lists.yaml", Body=b"blocked: {}\ntrusted: {}\n# mine\n")
    *_, published, uploaded = today(versioned).ruleset_changes
    assert (published.file, published.recorded) == ("ruleset.yaml", True)
    assert (uploaded.file, uploaded.recorded) == ("lists.yaml", False)


def log_labels(system: System, *named: str) -> None:
    """Have the log tell of a label for each transaction, now, and merge its hours."""
    stream, now = Stream(), int(time.time() * 1000)
    for name in named:
        stored = msgspec.structs.replace(transaction(1, at=now - 3 * HOUR), transaction_id=name)
        decided = item(stored, decision(at=now - 3 * HOUR))
        stream.add(decided | label(Truth.FRAUD, at=now).to_item(), decided, at=now)
    store = BucketStore(system.s3, BUCKET)
    for segment in cut(stream.records, DECISION_LOG_PREFIX).segments:
        store.write(segment.key, segment.body)
    report = Reporter(
        store=store,
        log_prefix=DECISION_LOG_PREFIX,
        report_prefix="reports/",
        sample=lambda _: set(),
        now=datetime.now(UTC),
        time_left=lambda: 1e9,
    )
    report.roll_up(open_hours=True)


def test_a_label_without_a_record_is_named(browser: Browser, versioned: System) -> None:
    versioned.alert("t-known")
    act(browser, "t-known", "decide", label="FRAUD", note="denied")
    log_labels(versioned, "t-known", "t-secret")
    found = today(versioned).labels
    assert found
    assert (found.written, found.unrecorded) == (2, 1)
    assert [(each.transaction_id, each.source) for each in found.examples] == [("t-secret", "analyst")]


def test_of_many_unrecorded_labels_the_first_are_named(versioned: System) -> None:
    log_labels(versioned, *(f"t-{number:02}" for number in range(25)))
    found = today(versioned).labels
    assert found
    assert (found.written, found.unrecorded) == (25, 25)
    assert [each.transaction_id for each in found.examples] == [f"t-{number:02}" for number in range(20)]


def test_a_label_that_was_refused_and_written_all_the_same_has_no_record(browser: Browser, versioned: System) -> None:
    def refused() -> None:
        with browser.system.audit.recorded("label-transaction", "transaction#t-1"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        refused()
    log_labels(versioned, "t-1")
    assert today(versioned).labels == LabelWrites(
        written=1, unrecorded=1, examples=(UnrecordedLabel(transaction_id="t-1", source="analyst", at=ANY),)
    )


def test_a_label_whose_answer_was_lost_is_recorded_and_told_to_be_in_doubt(browser: Browser, versioned: System) -> None:
    versioned.alert("t-1")
    form = browser.form(browser.page("/case", id="t-1"), "/case/decide")

    def lose(**_: object) -> None:
        browser.system.dynamodb.meta.events.unregister("after-call.dynamodb.UpdateItem", lose)
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    browser.system.dynamodb.meta.events.register("after-call.dynamodb.UpdateItem", lose)
    with pytest.raises(AssertionError, match="AWS"):
        browser.send("/case/decide", **form, label="FRAUD", note="denied")
    log_labels(versioned, "t-1")
    found = today(versioned)
    assert [(each.action, each.done, each.refused) for each in found.actions] == [("label-transaction", 1, 0)]
    assert found.labels == LabelWrites(written=1, unrecorded=0)
    said = words(browser.page("/audit"))
    assert "in doubt" in said
    assert "refused" not in said


def test_a_file_of_labels_has_one_record_for_all(browser: Browser, versioned: System) -> None:
    browser.system.audit.told("import-labels", "labels", after={"sources": ["analyst"], "payments": 2})
    log_labels(versioned, "t-1", "t-2")
    assert today(versioned).labels == LabelWrites(written=2, unrecorded=0)


def test_a_change_of_a_list_without_a_record_is_named(browser: Browser, versioned: System) -> None:
    card, secret = f"tok_{'c' * 22}", f"tok_{'s' * 22}"
    assert today(versioned).lists == ListWrites(written=0, unrecorded=0)
    listing = browser.system.listing
    listing.add_to_list("blocked", EntityKind.CARD, card, reason="testing", until=None)
    listing.remove_from_list("blocked", EntityKind.CARD, card, reason="a mistake")
    assert today(versioned).lists == ListWrites(written=2, unrecorded=0)
    around = EntityLists(versioned.dynamodb, PROFILES)
    around.add("trusted", EntityKind.CUSTOMER, secret, by="me", reason="mine")
    around.add("trusted", EntityKind.CARD, card, by="me", reason="mine")
    around.remove("trusted", EntityKind.CARD, card, by="me", reason="mine")
    found = today(versioned).lists
    assert found
    assert (found.written, found.unrecorded) == (5, 3)
    assert {(each.list, each.entity, each.ended) for each in found.examples} == {
        ("trusted", f"customer#{secret}", False),
        ("trusted", f"card#{card}", False),
        ("trusted", f"card#{card}", True),
    }


def test_what_can_be_no_list_and_no_entity_is_counted_and_not_repeated(versioned: System) -> None:
    entry = {"since": epoch_milliseconds(), "by": "me", "reason": "mine"}
    stored = {"listKind": "card", "changedAt": epoch_milliseconds(), "version": 1}
    for key, name in (("list#card#Erika Mustermann", "blocked"), (f"list#card#tok_{'c' * 22}", "=cmd|' /C calc'!A0")):
        item = {"entity": key, "entries": {name: entry}} | stored
        versioned.dynamodb.put_item(TableName=PROFILES, Item=to_item(item))
    found = today(versioned).lists
    assert found
    assert found.unrecorded == 2
    assert {(each.list, each.entity) for each in found.examples} == {
        ("blocked", "(of no known form)"),
        ("(of no known form)", f"card#tok_{'c' * 22}"),
    }


def test_a_change_of_another_day_or_a_refused_one_is_none_of_this_days(browser: Browser, versioned: System) -> None:
    card = f"tok_{'c' * 22}"
    yesterday = EntityLists(versioned.dynamodb, PROFILES, clock=lambda: epoch_milliseconds() - DAY)
    yesterday.add("blocked", EntityKind.CARD, card, by="me", reason="mine")
    assert today(versioned).lists == ListWrites(written=0, unrecorded=0)
    with pytest.raises(ListError, match="in the past"):
        browser.system.listing.add_to_list("trusted", EntityKind.CARD, card, reason="known", until=1)
    EntityLists(versioned.dynamodb, PROFILES).add("trusted", EntityKind.CARD, card, by="me", reason="mine")
    found = today(versioned).lists
    assert found
    assert (found.written, found.unrecorded) == (1, 1)


@pytest.mark.parametrize(("at", "counts"), [(-1, False), (0, True), (DAY - 1, True), (DAY, False)])
def test_a_day_of_lists_goes_from_midnight_to_midnight(versioned: System, at: int, *, counts: bool) -> None:
    now = datetime.now(UTC)
    midnight = round(datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp() * 1000)
    lists = EntityLists(versioned.dynamodb, PROFILES, clock=lambda: midnight + at)
    lists.add("blocked", EntityKind.CARD, f"tok_{'c' * 22}", by="me", reason="mine")
    found = people_of(versioned.s3, BUCKET, now.date(), ListsAt(versioned.dynamodb, PROFILES)).lists
    assert found
    assert found.written == counts


def test_a_damaged_record_is_counted_and_stops_nothing(versioned: System) -> None:
    day = datetime.now(UTC).date()
    versioned.s3.put_object(Bucket=BUCKET, Key=f"audit/date={day}/AIDAX/1-a.json", Body=b"{")
    found = today(versioned)
    assert (found.people, found.unread, found.actions) == (0, 1, ())


NO_RECORDS = {
    "deep": b'{"id": "a", "userId": "u", "action": "x", "after": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "deeper than a record": b'{"id": "b", "userId": "u", "action": "x", "after": '
    + b'{"x": ' * 300
    + b"1"
    + b"}" * 301,
    "no UTF-8": b'{"id": "\xff", "userId": "u", "action": "x"}',
    "text": b"hello",
    "larger than memory": b'{"id": "c", "userId": "u", "action": "x"}' + b" " * 9_000_000,
}


def test_what_is_no_record_is_counted_and_keeps_the_report_from_nothing(browser: Browser, versioned: System) -> None:
    day = datetime.now(UTC).date()
    versioned.alert("t-1")
    act(browser, "t-1", "take")
    for name, content in NO_RECORDS.items():
        versioned.s3.put_object(Bucket=BUCKET, Key=f"audit/date={day}/{ANNA.user_id}/0-{name}.json", Body=content)
    read: list[int] = []

    def note(parsed: Any, **_: Any) -> None:
        read.append(parsed.get("ContentLength", 0))

    for client in (versioned.s3, browser.system.s3):
        client.meta.events.register("after-call.s3.GetObject", note)
    found = today(versioned)
    assert found.unread == len(NO_RECORDS)
    assert found.actions == (ActionFigures(action="take-alert", done=1, refused=0),)
    assert "take alert" in browser.page("/audit")
    assert max(read) < 1_000_000


def test_records_of_many_parts_fill_no_memory(versioned: System) -> None:
    """A day may have 10,000: each takes what it is counted by, and not what else somebody has put there."""
    day = datetime.now(UTC).date()
    parts = b"[" + b",".join([b"[]"] * 21_000) + b"]"
    for number in range(80):
        record = b'{"id": "%d", "userId": "x", "action": "take-alert", "after": {"x": %b}}' % (number, parts)
        versioned.s3.put_object(Bucket=BUCKET, Key=f"audit/date={day}/AIDAX/1-{number}.json", Body=record)
    tracemalloc.start()
    try:
        found = today(versioned)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.actions == (ActionFigures(action="take-alert", done=80, refused=0),)
    assert most < 60_000_000


@pytest.mark.parametrize("sources", [5, None, "file", [{}], [["file"]]])
def test_a_record_of_labels_with_no_list_of_sources_tells_of_none(versioned: System, sources: object) -> None:
    record = {"id": "a", "userId": "u", "action": "import-labels", "after": {"sources": sources}}
    key = f"audit/date={datetime.now(UTC).date()}/u/0-a.json"
    versioned.s3.put_object(Bucket=BUCKET, Key=key, Body=msgspec.json.encode(record))
    log_labels(versioned, "t-1")
    labels = today(versioned).labels
    assert labels
    assert labels.unrecorded == 1


def test_nobody_takes_anothers_record_away_by_one_of_their_own(browser: Browser, versioned: System) -> None:
    versioned.alert("t-1")
    act(browser, "t-1", "decide", label="FRAUD", note="denied")
    log_labels(versioned, "t-1")
    day = datetime.now(UTC).date()
    for each in versioned.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"audit/date={day}/").get("Contents", ()):
        record = msgspec.json.decode(versioned.s3.get_object(Bucket=BUCKET, Key=each.get("Key", ""))["Body"].read())
        for name, told in (("refused", {"id": "x", "refuses": record["id"]}), ("same", {"action": "take-alert"})):
            key = f"audit/date={day}/{BEN.user_id}/0-{name}.json"
            versioned.s3.put_object(Bucket=BUCKET, Key=key, Body=msgspec.json.encode({**record, **told}))
    found = today(versioned)
    assert ActionFigures(action="label-transaction", done=1, refused=0) in found.actions
    assert found.labels == LabelWrites(written=1, unrecorded=0)
    assert found.people == 2

"""What an erasure needs, and what it leaves, in tables and in a bucket that keeps old versions."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as replaced

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import DECISION_LOG_PREFIX, ERASURE_MARK_SECONDS
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.keys import HOUR_FORMAT, LogTable, milliseconds, table_prefix
from fraudstream.reporting.log.segments import cut, hour_prefix
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream_tools.operations.privacy import bucket_objects
from fraudstream_tools.operations.privacy.bucket_objects import find_other_objects
from fraudstream_tools.operations.privacy.erasure import erasing
from fraudstream_tools.operations.privacy.erasure.erasing import Erasure, Person
from fraudstream_tools.operations.privacy.erasure.old_versions import remove_old_versions
from fraudstream_tools.operations.privacy.erasure.receipt import RECOVERY_DAYS, ErasureReceipt, keep_receipt
from fraudstream_tools.operations.privacy.rotation.rekeying import Rekeying
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.privacy.tokens import NewestTokens
from proofs.access.evaluator import Asked, enforce
from tests.aws_harness import create_table
from tests.console_harness import PROFILES
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System
from tests.integration.console.privacy_harness import ANN, BOB, Owner, ask
from tests.integration.console.test_rights import FUNCTIONS, TABLES
from tests.unit.reporting.decision_log_harness import Stream, transaction

LISTED_RIGHTS = {
    *(f"dynamodb:{name}" for name in ("Scan", "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem")),
    *(f"s3:{name}" for name in ("ListBucket", "GetObject", "PutObject", "DeleteObject")),
    *(f"s3:{name}" for name in ("ListBucketVersions", "DeleteObjectVersion")),
}
"""What docs/privacy.md asks for at least."""


def erase(stores: PrivacySystem) -> ErasureReceipt:
    return Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()


def test_the_rights_that_are_asked_for_bring_an_erasure_to_its_receipt(
    aws: MinistackServer, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1", customer=ANN)

    def may(asked: Asked) -> bool:
        return asked.action in LISTED_RIGHTS

    held: dict[str, Any] = {
        service: enforce(aws.client(service, aws.credentials), may, TABLES, FUNCTIONS) for service in ("dynamodb", "s3")
    }
    limited = replace(stores, **held)
    receipt = erase(limited)
    assert keep_receipt(limited, receipt)
    assert receipt.removed["transactions"] == 1
    # Who may not ask how far a table can be taken back is told the longest.
    ends = {each.ends for each in receipt.remains if each.what.startswith("point-in-time recovery")}
    assert ends == {(datetime.now(UTC) + timedelta(days=RECOVERY_DAYS)).date().isoformat()}


class Chained(Owner):
    """One of whose log something is erased."""

    def note_changes(self, hours: Sequence[str], kind: LinkKind) -> None:
        assert kind is LinkKind.ERASED
        self.noted = tuple(hours)


def test_somebody_goes_from_an_old_hour_of_which_a_part_has_expired(system: System, stores: PrivacySystem) -> None:
    hour = datetime.now(UTC).replace(hour=23, minute=0, second=0, microsecond=0) - timedelta(days=31)
    old, new = Stream(), Stream()
    for number in (1, 2):
        old.store_and_decide(replaced(transaction(number, at=milliseconds(hour)), customer_id=ANN))
    new.store_and_decide(transaction(3, at=milliseconds(datetime.now(UTC) - timedelta(hours=3))))
    # The second one came after midnight.
    segments = [each for part in (old.records[:2], old.records[2:]) for each in cut(part, DECISION_LOG_PREFIX).segments]
    for each in segments:
        system.s3.put_object(Bucket=BUCKET, Key=each.key, Body=each.body)
    owner, name = Chained(BucketStore(system.s3, BUCKET)), f"{hour:{HOUR_FORMAT}}"
    owner.merge_open_hours([name])
    for each in cut(new.records, DECISION_LOG_PREFIX).segments:
        system.s3.put_object(Bucket=BUCKET, Key=each.key, Body=each.body)
    owner.merge_open_hours()
    system.s3.delete_object(Bucket=BUCKET, Key=segments[0].key)

    receipt = erase(replace(stores, log_owner=owner))
    assert receipt.removed["decision log"] == 1
    assert owner.noted == (name,)
    store = BucketStore(system.s3, BUCKET)
    assert not store.find(hour_prefix(DECISION_LOG_PREFIX, hour))
    assert not store.find(table_prefix(DECISION_LOG_PREFIX, LogTable.DECISIONS, hour.date()))


def test_a_merge_that_ends_late_brings_nobody_back(
    system: System, stores: PrivacySystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, stream = datetime.now(UTC) - timedelta(hours=3), Stream()
    stream.store_and_decide(replaced(transaction(1, at=milliseconds(at)), customer_id=ANN))
    for each in cut(stream.records, DECISION_LOG_PREFIX).segments:
        system.s3.put_object(Bucket=BUCKET, Key=each.key, Body=each.body)
    store = BucketStore(system.s3, BUCKET)
    owner = Chained(store)
    owner.merge_open_hours()
    merged = {key: store.read(key) or b"" for key in store.find(DECISION_LOG_PREFIX) if "/segments/" not in key}
    decisions = table_prefix(DECISION_LOG_PREFIX, LogTable.DECISIONS, at.date())
    found: list[bool] = []

    def write_late(_: float) -> None:
        found.append(bool(store.find(decisions)))
        if found == [True, False]:
            for key, content in merged.items():
                store.write(key, content)

    monkeypatch.setattr(time, "sleep", write_late)
    Erasure(replace(stores, log_owner=owner), Person(frozenset({ANN}), "somebody")).run()
    assert found == [True, False, False]
    assert not store.find(decisions)


def test_what_queries_found_goes_where_it_has_the_persons_ids(system: System, stores: PrivacySystem) -> None:
    """A saved query of undecided transactions finds ids and times, and no token."""
    system.alert("a-1", customer=ANN)
    system.alert("a-10", customer=BOB)
    put(system, "query-results/ann.csv", '"transactionId","receivedAt"\n"a-1","17"\n')
    put(system, "query-results/list.csv", '"ids"\n"[b-1, a-1:, c]"\n')
    put(system, "query-results/bob.csv", '"transactionId","receivedAt"\n"a-10","17"\n"x.a-1","18"\n')
    receipt = erase(stores)
    assert receipt.removed["other objects"] == 2
    assert receipt.by_hand == ()
    assert versions(system, "query-results/") == ["query-results/bob.csv"]


def test_results_of_queries_are_searched_in_pieces_however_large(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(system, "query-results/ann.csv", '"b-22"\n"a-1"\n')
    put(system, "query-results/bob.csv", '"a-10"\n"b-a-1"\n')
    monkeypatch.setattr(BucketStore, "read", None)
    for size in range(1, 12):
        monkeypatch.setattr(bucket_objects, "_PIECE", size)
        found = find_other_objects(BucketStore(system.s3, BUCKET), {ANN}, {"a-1"})
        assert found.results == ["query-results/ann.csv"]


def test_what_is_no_record_is_named_where_the_person_is_in_it(system: System, stores: PrivacySystem) -> None:
    system.alert("a-1", customer=ANN)
    deep = "[" * 100_000 + "]" * 100_000
    put(system, "audit/date=2026-01-05/u/1-a.json", f'{{"target": "{ANN}", "after": {{"x": {deep}}}}}')
    put(system, "audit/date=2026-01-05/u/2-b.json", "transaction a-1.")
    put(system, "audit/date=2026-01-05/u/3-c.json", deep)
    put(system, "audit/date=2026-01-05/u/4-d.json", " " * 9_000_000)
    receipt = erase(stores)
    assert receipt.by_hand == tuple(f"audit/date=2026-01-05/u/{name}.json" for name in ("1-a", "2-b", "4-d"))
    assert receipt.removed["transactions"] == 1


def test_what_cannot_be_read_where_cases_are_stops_no_erasure(system: System, stores: PrivacySystem) -> None:
    system.alert("a-1", customer=ANN)
    for name, said in (("case#named", ["a-1"]), ("case#other", ["b-1"]), ("case#number", 7)):
        damaged = {"transactionId": name, "kind": "CASE", "createdAt": 1.5, "alerts": said}
        stores.dynamodb.put_item(TableName=ALERTS, Item=to_item(damaged))
    receipt = erase(stores)
    assert receipt.by_hand == ("case#named",)
    assert receipt.removed["transactions"] == 1


def test_nothing_is_left_of_results_and_reports_that_have_expired(system: System, stores: PrivacySystem) -> None:
    """S3 keeps them as old versions, without a current one by which an erasure could find them."""
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in ("query-results/ann.csv", "reports/daily/2026-01-05/report.json"):
        put(system, key, f'["{ANN}"]')
        system.s3.delete_object(Bucket=BUCKET, Key=key)
    there = "reports/daily/2026-01-06/report.json"
    for _ in range(2):
        put(system, there, "[]")
    assert erase(stores).old_versions == 4
    assert versions(system, "query-results/") == []
    assert versions(system, "reports/") == [there, there]


def test_what_reports_and_records_were_goes_after_a_break_too(
    system: System, stores: PrivacySystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the person is taken out of the object, nothing finds what it was."""
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    system.alert("a-1", customer=ANN)
    put(system, "reports/daily/2026-01-05/report.json", f'["{ANN}"]')
    put(system, "audit/date=2026-01-05/u/1-a.json", f'{{"target": "customer#{ANN}"}}')

    for prefix in ("reports/", "audit/"):

        def break_off(*asked: Any, stop_at: str = prefix, **options: Any) -> int:
            if asked[2].startswith(stop_at) and not options:
                raise KeyboardInterrupt
            return remove_old_versions(*asked, **options)

        monkeypatch.setattr(erasing, "remove_old_versions", break_off)
        with pytest.raises(KeyboardInterrupt):
            erase(stores)
    monkeypatch.undo()
    assert erase(stores).removed["transactions"] == 1
    assert len(versions(system, "reports/daily/2026-01-05/report.json")) == 1
    assert len(versions(system, "audit/date=2026-01-05/u/1-a.json")) == 1
    assert not system.dynamodb.get_item(TableName=PROFILES, Key={"entity": {"S": f"changing#customer#{ANN}"}}).get(
        "Item"
    )


class WaitingError(Exception):
    """Somebody waits for the turn to change the log."""


def test_two_do_not_change_the_log_at_once(
    system: System, stores: PrivacySystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one would bring back what the earlier has taken out of an hour."""
    system.alert("a-1", customer=ANN)
    system.dynamodb.delete_item(TableName=TRANSACTIONS, Key=to_item({"transactionId": "a-1", "timestamp": 0}))
    said: list[str] = []

    def wait(_: float) -> None:
        raise WaitingError

    def say(what: str, _done: int, _total: int | None) -> None:
        said.append(what)

    class Meanwhile(Owner):
        def merge_open_hours(self, changed: Sequence[str] = ()) -> None:
            bob = Person(frozenset({BOB}), "somebody else")
            for others in (
                Erasure(stores, bob, settle_seconds=0, on_step=say),
                Rekeying(stores, NewestTokens(ask), on_step=say),
            ):
                with pytest.raises(WaitingError):
                    others.run()
            super().merge_open_hours(changed)

    monkeypatch.setattr(time, "sleep", wait)
    erase(replace(stores, log_owner=Meanwhile(BucketStore(system.s3, BUCKET))))
    assert len([each for each in said if each.startswith("waiting: another erasure")]) == 2
    # Who was killed goes on with the turn, and gives it back; others wait.
    turn = {"entity": "changing#log", "turnOf": f"customer#{ANN}", "turnSince": int(time.time())}
    system.dynamodb.put_item(TableName=PROFILES, Item=to_item(turn))
    with pytest.raises(WaitingError):
        Erasure(stores, Person(frozenset({BOB}), "somebody else"), settle_seconds=0).run()
    erase(stores)
    assert "Item" not in system.dynamodb.get_item(TableName=PROFILES, Key=to_item({"entity": "changing#log"}))


def test_what_comes_in_after_the_erasure_began_is_new_and_stays(
    aws: MinistackServer, system: System, stores: PrivacySystem
) -> None:
    dynamodb = aws.client("dynamodb")
    create_table(dynamodb, "outbox", {"transactionId": "S", "eventId": "S"})
    for name, at in (("before", NOW), ("after", NOW + 1)):
        system.alert(name, at=at, customer=ANN)
        dynamodb.update_item(
            TableName=TRANSACTIONS,
            Key=to_item({"transactionId": name, "timestamp": NOW}),
            UpdateExpression="SET receivedAt = :at",
            ExpressionAttributeValues=to_item({":at": at}),
        )
        # What is told of a case that the person's transactions are no part of.
        event = {"transactionId": f"case#{name}", "eventId": name, "eventTime": str(at), "customerId": ANN}
        dynamodb.put_item(TableName="outbox", Item=to_item(event))
    profile = {"entity": f"customer#{ANN}", "state": b"state", "version": 3}
    dynamodb.put_item(TableName=PROFILES, Item=to_item(profile))
    told = replace(stores, outbox="outbox")
    receipt = Erasure(told, Person(frozenset({ANN}), "somebody"), settle_seconds=0, clock=lambda: NOW).run()
    assert {name: receipt.removed[name] for name in ("transactions", "alerts", "outbox")} == {
        "transactions": 1,
        "alerts": 1,
        "outbox": 1,
    }
    left = [item for table in (TRANSACTIONS, ALERTS, "outbox") for item in dynamodb.scan(TableName=table)["Items"]]
    assert {item["transactionId"]["S"] for item in left} == {"after", "case#after"}
    (mark,) = [from_item(item) for item in dynamodb.scan(TableName=PROFILES)["Items"]]
    # It outlives what the stream still holds, and ends by itself.
    assert (mark["erasedAt"], mark["expiresAt"]) == (NOW, NOW // 1000 + ERASURE_MARK_SECONDS)


def put(system: System, key: str, text: str) -> None:
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def versions(system: System, prefix: str) -> list[str]:
    """Return the keys of all versions and marks of deletion."""
    listed = system.s3.list_object_versions(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for each in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ()))]

"""`lists add`, `remove` and `show` on a real table with its index and a real bucket."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import LISTED_KIND, RULESET_FILES, RULESET_PREFIX, TOKENS_ALIAS, EntityKind, ItemKind
from fraudstream.detection.stores.lists.listings import ListEntry, Listing, item_key
from fraudstream.transactions.pseudonyms.lookup import find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.cli.support.running.deployment import LOCAL_OUTPUTS
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.lists.entries import ListChange, ListError
from tests.aws_harness import create_profiles_table, create_table
from tests.cli_harness import Command, point_at
from tests.console_harness import browser_on

RULES = Path(__file__).parents[3] / "rules"
BUCKET, PROFILES, TRANSACTIONS = "bucket-reports-test", "table-profiles-test", "table-transactions-test"
PROCESSOR = "lambda-transaction-processor-test"
ROOT = "arn:aws:iam::000000000000:root"
CARD, OTHER, CUSTOMER = f"tok_{'c' * 22}", f"tok_{'d' * 22}", f"tok_{'a' * 22}"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
WHY = ("--reason", "card testing")


@pytest.fixture
def dynamodb(aws: MinistackServer) -> Any:
    s3, client = aws.client("s3"), aws.client("dynamodb")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for name in RULESET_FILES:
        s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + name, Body=(RULES / name).read_bytes())
    create_table(client, TRANSACTIONS)
    create_profiles_table(client, PROFILES)
    # A profile is in the same table, and in no index.
    client.put_item(TableName=PROFILES, Item=to_item({"entity": f"card#{CARD}", "state": b"", "version": 1}))
    return client


@pytest.fixture
def fraudstream(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    point_at(aws.endpoint_url, monkeypatch, bucketName=BUCKET, profilesTable=PROFILES, transactionsTable=TRANSACTIONS)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def entries(fraudstream: Command, *options: str) -> list[dict[str, Any]]:
    return json.loads(fraudstream("lists", "show", "--json", *options).out)["entries"]


def stored(dynamodb: Any, entity: str) -> dict[str, Any]:
    return from_item(dynamodb.get_item(TableName=PROFILES, Key=to_item({"entity": item_key(entity)}))["Item"])


def test_an_entry_says_who_put_whom_on_a_list_why_and_until_when(fraudstream: Command, dynamodb: Any) -> None:
    ran = fraudstream("lists", "add", "blocked", "card", CARD, *WHY, "--until", "2099-12-31")
    assert (ran.code, ran.err) == (0, "")
    assert f"card {CARD} is on blocked now" in ran.out
    (entry,) = entries(fraudstream)
    assert (entry["list"], entry["kind"], entry["token"]) == ("blocked", "card", CARD)
    assert (entry["by"], entry["reason"]) == (ROOT, "card testing")
    # The first moment of the day after, since the last day counts.
    assert entry["until"] == 4_102_444_800_000
    shown = fraudstream("lists", "show").out
    assert f"blocked  card {CARD}  until 2099-12-31" in shown
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d UTC by ", shown)
    assert f"by {ROOT}: card testing" in shown
    assert stored(dynamodb, f"card#{CARD}")["expiresAt"] > 4_102_444_800


def test_an_entry_without_an_end_never_expires(fraudstream: Command, dynamodb: Any) -> None:
    fraudstream("lists", "add", "blocked", "card", CARD, *WHY, "--until", "2099-12-31")
    fraudstream("lists", "add", "trusted", "card", CARD, *WHY)
    assert "expiresAt" not in stored(dynamodb, f"card#{CARD}")
    assert {entry["list"] for entry in entries(fraudstream)} == {"blocked", "trusted"}


def test_adding_again_changes_end_and_reason(fraudstream: Command, dynamodb: Any) -> None:
    fraudstream("lists", "add", "blocked", "card", CARD, *WHY)
    ran = fraudstream("lists", "add", "blocked", "card", CARD, OTHER, "--reason", "more of it", "--until", "2099-01-01")
    assert f"{CARD} was on blocked already" in ran.out
    assert f"{OTHER} is on blocked now" in ran.out
    assert [entry["reason"] for entry in entries(fraudstream)] == ["more of it", "more of it"]
    assert stored(dynamodb, f"card#{CARD}")["version"] == 2


def test_who_removed_an_entry_and_why_stays_to_be_seen(fraudstream: Command, dynamodb: Any) -> None:
    fraudstream("lists", "add", "blocked", "card", CARD, *WHY)
    ran = fraudstream("lists", "remove", "blocked", "card", CARD, "--reason", "the customer confirmed")
    assert ran.code == 0
    assert f"card {CARD} is off blocked now" in ran.out
    assert entries(fraudstream) == []
    (ended,) = entries(fraudstream, "--ended")
    assert (ended["reason"], ended["endedBy"]) == ("card testing", ROOT)
    assert ended["endedReason"] == "the customer confirmed"
    assert "the customer confirmed" in fraudstream("lists", "show", "--ended").out
    item = stored(dynamodb, f"card#{CARD}")
    assert item["expiresAt"] == ended["endedAt"] // 1000 + 90 * 86_400
    again = fraudstream("lists", "remove", "blocked", "card", CARD, *WHY)
    assert again.code == 1
    assert "nothing was removed" in again.out


def test_a_removal_of_who_is_not_listed_is_recorded_as_refused(fraudstream: Command, dynamodb: Any) -> None:
    del dynamodb
    assert fraudstream("lists", "remove", "blocked", "card", CARD, *WHY).code == 1
    records = json.loads(fraudstream("audit", "--json").out)
    assert [(each["action"], each["outcome"]) for each in records] == [
        ("remove-from-list", "REFUSED"),
        ("remove-from-list", "MADE"),
    ]
    assert records[0]["refuses"] == records[1]["id"]


def test_what_is_shown_can_be_narrowed_by_list_and_kind(fraudstream: Command, dynamodb: Any) -> None:
    del dynamodb
    fraudstream("lists", "add", "blocked", "card", CARD, *WHY)
    fraudstream("lists", "add", "trusted", "customer", CUSTOMER, *WHY)
    assert [entry["list"] for entry in entries(fraudstream)] == ["trusted", "blocked"]
    assert [entry["token"] for entry in entries(fraudstream, "blocked")] == [CARD]
    assert [entry["token"] for entry in entries(fraudstream, "--kind", "customer")] == [CUSTOMER]


def test_entries_of_the_active_ruleset_are_counted(fraudstream: Command, dynamodb: Any, aws: MinistackServer) -> None:
    del dynamodb
    lists = (RULES / "lists.yaml").read_text().replace("  card: []", f"  card: [{CARD}, {OTHER}]")
    aws.client("s3").put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}lists.yaml", Body=lists.encode())
    shown = fraudstream("lists", "show").out
    assert "nobody was put on a list by the commands" in shown
    assert "lists.yaml has more on blocked: 2 card" in shown


def test_a_list_that_no_live_rule_asks_for_is_pointed_out(
    fraudstream: Command, dynamodb: Any, aws: MinistackServer
) -> None:
    del dynamodb
    lists = (RULES / "lists.yaml").read_text() + "watched: {}\n"
    aws.client("s3").put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}lists.yaml", Body=lists.encode())
    ran = fraudstream("lists", "add", "watched", "card", CARD, *WHY)
    assert ran.code == 0
    assert "no live rule asks for watched" in ran.err
    assert "no live rule asks for watched" in fraudstream("lists", "show").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("blockd", "card", CARD, *WHY), "did you mean blocked?"),
        (("blocked", "card", "tok_of-somebody", *WHY), "that is no whole token"),
        (("blocked", "card", *WHY), "give identifiers or tokens"),
        (("blocked", "card", CARD, "--transaction", "t-1", *WHY), "give identifiers or tokens"),
        (("blocked", "card", "--transaction", "t-1", *WHY), "there is no such transaction"),
        (("blocked", "card", CARD, "--reason", " "), "the reason is empty"),
        (("blocked", "card", CARD, *WHY, "--until", "2020-01-01"), "the end is in the past"),
    ],
)
def test_what_cannot_be_listed_is_refused(
    fraudstream: Command, dynamodb: Any, arguments: tuple[str, ...], said: str
) -> None:
    ran = fraudstream("lists", "add", *arguments)
    assert ran.code == 1
    assert said in ran.err
    assert "of-somebody" not in ran.err
    assert dynamodb.scan(TableName=PROFILES)["Count"] == 1


def put_transaction(dynamodb: Any, *, card: str) -> None:
    transaction = Transaction(
        transaction_id="order-1",
        timestamp=1_780_000_000_000,
        received_at=1_780_000_000_000,
        amount_minor=100,
        currency="EUR",
        type=TransactionType.PAYMENT,
        customer_id=CUSTOMER,
        card_token=card,
    )
    item = transaction.to_item() | to_item({"kind": ItemKind.TRANSACTION})
    dynamodb.put_item(TableName=TRANSACTIONS, Item=item)


def test_the_entity_of_a_stored_transaction_is_listed_by_its_id(fraudstream: Command, dynamodb: Any) -> None:
    put_transaction(dynamodb, card=CARD)
    ran = fraudstream("lists", "add", "blocked", "card", "--transaction", "order-1", *WHY)
    assert f"card {CARD} is on blocked now" in ran.out
    ran = fraudstream("lists", "add", "blocked", "device", "--transaction", "order-1", *WHY)
    assert ran.code == 1
    assert "order-1 has no device: it has card, customer" in ran.err


class Processor:
    """The processor's alias `tokens`, answered by its own code, as a local run serves it."""

    def __init__(self) -> None:
        self.tokenizer = Tokenizer(KEY)

    def __call__(self, function: str, event: Mapping[str, Any]) -> object:
        assert function == f"{PROCESSOR}:{TOKENS_ALIAS}"
        return {"tokens": find_tokens(event, self.tokenizer, frozenset({"unknown", "null"}))}


@pytest.fixture
def processor(
    aws: MinistackServer, dynamodb: Any, fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Processor]:
    del dynamodb, fraudstream
    for name in ("BUCKET", "PROFILES_TABLE", "TRANSACTIONS_TABLE"):
        monkeypatch.delenv(f"FRAUDSTREAM_{name}")
    answers = Processor()
    with lambda_endpoint(answers) as url:
        outputs = {
            "apiUrl": "http://127.0.0.1:1/v1",
            "endpointUrl": aws.endpoint_url,
            "lambdaUrl": url,
            "accessKeyId": "test",
            "secretAccessKey": "test",
            "region": "us-east-2",
            "bucketName": BUCKET,
            "profilesTable": PROFILES,
            "processorFunction": PROCESSOR,
        }
        LOCAL_OUTPUTS.parent.mkdir()
        LOCAL_OUTPUTS.write_text(json.dumps(outputs))
        yield answers


def test_identifiers_are_taken_by_the_token_that_the_processor_gives_them(
    fraudstream: Command, processor: Processor
) -> None:
    ran = fraudstream("lists", "add", "blocked", "ip", "2001:DB8:1:2::7", *WHY)
    assert (ran.code, ran.err) == (0, "")
    assert entries(fraudstream)[0]["token"] == processor.tokenizer.token(EntityKind.IP, "2001:db8:1:2::/64")
    for kind, identifier in (("device", "Unknown"), ("ip", "10.0.0.1")):
        ran = fraudstream("lists", "add", "blocked", kind, identifier, *WHY)
        assert ran.code == 1
        assert "stands for nobody in particular" in ran.err
    ran = fraudstream("lists", "add", "blocked", "ip", "my-own-address", *WHY)
    assert (ran.code, "my-own-address" in ran.err) == (1, False)
    assert "that is no internet address" in ran.err


def test_while_tokens_change_their_number_an_entry_has_the_newest(fraudstream: Command, processor: Processor) -> None:
    first = processor.tokenizer.token(EntityKind.CARD, "card-1")
    processor.tokenizer = Tokenizer(KEY, TokenRaiser(KEY), 1)
    LOCAL_OUTPUTS.write_text(json.dumps({**json.loads(LOCAL_OUTPUTS.read_text()), "tokenKeys": "2"}))
    newest = processor.tokenizer.raiser.raised(first)
    assert newest.startswith("tok2_")
    fraudstream("lists", "add", "blocked", "card", "card-1", *WHY)
    for token in (first, newest):
        ran = fraudstream("lists", "add", "blocked", "card", token, *WHY)
        assert f"{newest} was on blocked already" in ran.out
    assert [entry["token"] for entry in entries(fraudstream)] == [newest]


def test_while_tokens_change_their_number_an_entry_is_removed_by_any_of_them(
    fraudstream: Command, processor: Processor, dynamodb: Any
) -> None:
    first = processor.tokenizer.token(EntityKind.CARD, "card-1")
    outputs = json.loads(LOCAL_OUTPUTS.read_text())
    for asked in (("card-1",), (first,), ("--transaction", "order-1")):
        processor.tokenizer = Tokenizer(KEY)
        LOCAL_OUTPUTS.write_text(json.dumps(outputs | {"transactionsTable": TRANSACTIONS}))
        assert fraudstream("lists", "add", "blocked", "card", first, *WHY).code == 0
        put_transaction(dynamodb, card=first)
        # The keys have two numbers, and `tokens rekey` has not come to the entry yet.
        processor.tokenizer = Tokenizer(KEY, TokenRaiser(KEY), 1)
        LOCAL_OUTPUTS.write_text(json.dumps(outputs | {"transactionsTable": TRANSACTIONS, "tokenKeys": "2"}))
        ran = fraudstream("lists", "remove", "blocked", "card", *asked, *WHY)
        assert (ran.code, f"card {first} is off blocked now" in ran.out) == (0, True)
        assert entries(fraudstream) == []


def test_an_entity_that_is_listed_by_two_tokens_is_removed_by_both(
    fraudstream: Command, processor: Processor, dynamodb: Any
) -> None:
    first = processor.tokenizer.token(EntityKind.CARD, "card-1")
    fraudstream("lists", "add", "blocked", "card", first, *WHY)
    processor.tokenizer = Tokenizer(KEY, TokenRaiser(KEY), 1)
    outputs = json.loads(LOCAL_OUTPUTS.read_text()) | {"transactionsTable": TRANSACTIONS, "tokenKeys": "2"}
    LOCAL_OUTPUTS.write_text(json.dumps(outputs))
    put_transaction(dynamodb, card=first)
    fraudstream("lists", "add", "blocked", "card", "--transaction", "order-1", *WHY)
    newest = processor.tokenizer.raiser.raised(first)
    assert {entry["token"] for entry in entries(fraudstream)} == {first, newest}
    assert fraudstream("lists", "remove", "blocked", "card", "card-1", first, *WHY).code == 0
    assert entries(fraudstream) == []
    again = fraudstream("lists", "remove", "blocked", "card", "card-1", *WHY)
    assert (again.code, "nothing was removed" in again.out) == (1, True)


def test_lists_come_back_from_a_restored_table_of_profiles(fraudstream: Command, dynamodb: Any) -> None:
    fraudstream("lists", "add", "blocked", "card", CARD, OTHER, *WHY)
    create_table(dynamodb, "restored", {"entity": "S"})
    for item in dynamodb.scan(TableName=PROFILES)["Items"]:
        dynamodb.put_item(TableName="restored", Item=item)
        dynamodb.delete_item(TableName=PROFILES, Key={"entity": item["entity"]})
    ran = fraudstream("restore", "table", "restored", "--into", "lists", "--json")
    assert (ran.code, json.loads(ran.out)["added"]) == (0, 2)
    assert {entry["token"] for entry in entries(fraudstream, "blocked")} == {CARD, OTHER}
    # Profiles are rebuilt and not copied.
    assert dynamodb.scan(TableName=PROFILES)["Count"] == 2


def test_two_operators_change_one_entity_and_both_changes_count(dynamodb: Any) -> None:
    mine, theirs = EntityLists(dynamodb, PROFILES), EntityLists(dynamodb, PROFILES)

    def overtake(**_: object) -> None:
        dynamodb.meta.events.unregister("before-call.dynamodb.UpdateItem", overtake)
        theirs.add("trusted", EntityKind.CARD, CARD, by="them", reason="theirs")

    dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", overtake)
    assert mine.add("blocked", EntityKind.CARD, CARD, by="me", reason="mine") is ListChange.ADDED
    assert set(stored(dynamodb, f"card#{CARD}")["entries"]) == {"blocked", "trusted"}


def test_a_write_whose_answer_was_lost_is_known_as_its_own(dynamodb: Any) -> None:
    lists = EntityLists(dynamodb, PROFILES, clock=lambda: int(time.time()) * 1000)
    sent: list[int] = []

    def lose(params: dict[str, Any], **_: object) -> None:
        sent.append(1)
        if len(sent) == 1:
            # Applied once before it is sent again: the condition of the second attempt fails.
            dynamodb.update_item(**{name: value for name, value in params.items() if name != "ConditionExpression"})

    dynamodb.meta.events.register("provide-client-params.dynamodb.UpdateItem", lose)
    try:
        change = lists.add("blocked", EntityKind.CARD, CARD, by="me", reason="mine")
    finally:
        dynamodb.meta.events.unregister("provide-client-params.dynamodb.UpdateItem", lose)
    assert change is ListChange.ADDED
    assert stored(dynamodb, f"card#{CARD}")["version"] == 1


def test_a_busy_table_hides_no_entry(dynamodb: Any) -> None:
    lists = EntityLists(dynamodb, PROFILES)
    lists.add("blocked", EntityKind.CARD, CARD, by="me", reason="mine")
    answered: list[int] = []

    def leave_out(parsed: dict[str, Any], **_: object) -> None:
        answered.append(len(parsed["Responses"][PROFILES]))
        if len(answered) == 1:
            (item,) = parsed["Responses"].pop(PROFILES)
            parsed["UnprocessedKeys"] = {PROFILES: {"Keys": [{"entity": item["entity"]}], "ConsistentRead": True}}

    dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", leave_out)
    try:
        assert lists.of_entities([f"card#{CARD}"])[f"card#{CARD}"].keys() == {"blocked"}
    finally:
        dynamodb.meta.events.unregister("after-call.dynamodb.BatchGetItem", leave_out)
    assert answered == [1, 1]


def test_a_damaged_item_is_named_and_never_overwritten(fraudstream: Command, dynamodb: Any) -> None:
    key = item_key(f"card#{CARD}")
    item = to_item({"entity": key, LISTED_KIND: "card", "changedAt": 1, "version": 1, "entries": "lost"})
    dynamodb.put_item(TableName=PROFILES, Item=item)
    assert f"{key} in the table of profiles cannot be read" in fraudstream("lists", "show").out
    ran = fraudstream("lists", "add", "blocked", "card", CARD, *WHY)
    assert ran.code == 1
    assert "cannot be read" in ran.err
    with pytest.raises(ListError):
        EntityLists(dynamodb, PROFILES).remove("blocked", EntityKind.CARD, CARD, by="me", reason="mine")
    assert dynamodb.get_item(TableName=PROFILES, Key=to_item({"entity": key}))["Item"] == item


@pytest.mark.parametrize(("since", "until"), [(10**17, 10**17), (1, 10**30), (-(10**18), None)])
def test_an_entry_with_a_time_that_no_calendar_has_is_shown_with_the_others(
    fraudstream: Command, dynamodb: Any, aws: MinistackServer, since: int, until: int | None
) -> None:
    fraudstream("lists", "add", "blocked", "card", CARD, *WHY)
    entry = ListEntry(since=since, by="x", reason="x", until=until)
    listing = Listing(entity=f"card#{OTHER}", entries={"blocked": entry}, changed_at=1, version=1)
    dynamodb.put_item(TableName=PROFILES, Item=listing.to_item())
    shown = fraudstream("lists", "show")
    assert shown.code == 0, shown.err
    assert f"blocked  card {CARD}" in shown.out
    assert "ms after 1970" in shown.out
    assert "ms after 1970" in browser_on(aws).enter().page("/lists")

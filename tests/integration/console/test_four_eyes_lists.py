"""Entries of lists that need two people: what one has written counts once another approved it; functions see to it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EntityKind
from fraudstream.detection.stores.lists.list_approvals import WAITING_SECONDS, ListApprovals
from fraudstream.detection.stores.lists.listings import ListEntry, Listing
from fraudstream.detection.stores.profiles.reads import read_once
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.transactions.storage.attributes import from_item, to_item
from tests.cli_harness import Command, Ran
from tests.console_harness import ANNA, BEN, PROFILES, Browser, browser_on, desk_command, who_did_what, words
from tests.integration.cli.review_harness import BUCKET, System

CUSTOMER = f"tok_{'p' * 22}"
ENTITY = f"customer#{CUSTOMER}"
ITEM = {"TableName": PROFILES, "Key": to_item({"entity": f"list#{ENTITY}"})}


@pytest.fixture
def people(aws: MinistackServer, system: System) -> tuple[Browser, Browser]:
    """Anna and Ben at consoles of a stack that asks for two people; a transaction has an alert."""
    system.alert("a-1", customer=CUSTOMER)
    anna, ben = browser_on(aws, ANNA), browser_on(aws, BEN)
    for each in (anna, ben):
        each.system.four_eyes = ("lists",)
        each.enter()
    return anna, ben


@pytest.fixture
def command(aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line of somebody who is neither Anna nor Ben."""
    made = desk_command(aws, capsys, monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_FOUR_EYES", "lists")
    return made


def lists_of(system: System, lists: ListApprovals | None = None, entity: str = ENTITY) -> set[str]:
    """Return on which lists a function that starts now finds an entity: the analyzer, and the processor."""
    lists = lists or ListApprovals(system.s3, BUCKET)
    with ThreadPoolExecutor(2) as pool:
        store = ProfileStore(system.dynamodb, PROFILES, 400, pool, lists=lists)
        found = store.load([entity], is_first=True).listed
    assert read_once(system.dynamodb, PROFILES, [entity], lists).listed == found
    return {name for name, end in found.get(entity, {}).items() if end > 4_000_000_000_000}


def block(browser: Browser, reason: str = "takeover", name: str = "blocked") -> str:
    page = browser.page("/case", id="a-1")
    fields = browser.form(page, "/case/list") | {"entity": ENTITY, "list": name, "days": "", "reason": reason}
    return words(browser.send("/case/list", **fields))


def send(browser: Browser, action: str) -> str:
    form = browser.form(browser.page("/lists"), f"/lists/{action}")
    return words(browser.send(f"/lists/{action}", **form, reason="looked at"))


def block_by_two(people: tuple[Browser, Browser]) -> None:
    """Have Anna put the customer on a list, and Ben approve it."""
    anna, ben = people
    block(anna)
    send(ben, "approve")


def change(command: Command, what: str, reason: str, *options: str) -> Ran:
    """Add the customer to a list by the command line, or remove them from it."""
    return command("lists", what, "blocked", "customer", CUSTOMER, "--reason", reason, *options)


def test_an_entry_counts_only_after_another_person_approved_it(people: tuple[Browser, Browser], system: System) -> None:
    anna, ben = people
    assert "once somebody else has approved it" in block(anna)
    assert lists_of(system) == set()
    assert "blocked waits" in words(ben.page("/lists"))
    assert "You have approved it" in send(ben, "approve")
    assert lists_of(system) == {"blocked"}
    assert "waits" not in words(anna.page("/lists")).partition("change it")[2]
    assert who_did_what(ben) == [
        ("add-to-list", ANNA.user_id),
        ("approve-lists", BEN.user_id),
    ]


def test_nobody_approves_what_they_wrote(people: tuple[Browser, Browser], system: System) -> None:
    anna, ben = people
    block(anna)
    page = anna.page("/lists")
    assert "/lists/approve" not in page
    assert "Your mark is on it: somebody else has to approve it" in words(page)
    form = ben.form(ben.page("/lists"), "/lists/approve") | {"csrf": anna.session.csrf}
    assert "somebody else has to look at it" in words(anna.send("/lists/approve", **form, reason="mine"))
    assert lists_of(system) == set()


def test_who_is_on_a_list_stays_there_until_the_end_is_approved(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    block_by_two(people)
    assert "until somebody else has approved that it goes" in send(ben, "remove")
    assert lists_of(system) == {"blocked"}
    assert "expiresAt" not in system.dynamodb.get_item(**ITEM)["Item"]
    assert "its end waits" in words(anna.page("/lists"))
    send(anna, "approve")
    assert lists_of(system) == set()
    # It is forgotten 90 days after its end.
    assert "expiresAt" in system.dynamodb.get_item(**ITEM)["Item"]


def test_a_change_that_waits_takes_nothing_away(people: tuple[Browser, Browser], system: System) -> None:
    anna, ben = people
    block_by_two(people)
    block(ben, reason="longer")
    block(anna, reason="longer still")
    assert lists_of(system) == {"blocked"}
    entry = from_item(system.dynamodb.get_item(**ITEM)["Item"])["entries"]["blocked"]
    assert (entry["reason"], entry["before"]["reason"]) == ("longer still", "takeover")
    assert "before" not in entry["before"]


def test_what_is_approved_is_not_what_somebody_writes_afterwards(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    block(anna)
    form = ben.form(ben.page("/lists"), "/lists/approve")
    block(anna, reason="something else")
    assert "look at it again" in words(ben.send("/lists/approve", **form, reason="seen"))
    assert lists_of(system) == set()


def test_an_item_that_says_it_was_approved_has_to_have_the_marks(
    people: tuple[Browser, Browser], system: System
) -> None:
    del people
    entry = ListEntry(since=1, by=ANNA.arn, reason="mine", approved_by=BEN.arn)
    entry = ListEntry(since=1, by=ANNA.arn, reason="mine", before=entry, approved_by=BEN.arn)
    item = Listing(entity=ENTITY, entries={"blocked": entry}, changed_at=1, version=1).to_item()
    system.dynamodb.put_item(TableName=PROFILES, Item=item)
    assert lists_of(system) == set()


def test_a_mark_is_for_one_list_and_one_entity(people: tuple[Browser, Browser], system: System) -> None:
    anna, _ = people
    block_by_two(people)
    (entry,) = anna.system.lists.show().entries
    other = Listing(entity=ENTITY, entries={"trusted": entry.entry}, changed_at=1, version=2).to_item()
    system.dynamodb.put_item(TableName=PROFILES, Item=other)
    assert lists_of(system) == set()


def test_a_running_function_asks_seldom_for_what_waits_once_if_approved(
    people: tuple[Browser, Browser], system: System
) -> None:
    anna, ben = people
    now, asked = [0.0], list[str]()
    lists = ListApprovals(system.s3, BUCKET, clock=lambda: now[0])
    system.s3.meta.events.register("before-call.s3.ListObjectsV2", counting(asked))
    block(anna)
    asked.clear()
    assert lists_of(system, lists) == lists_of(system, lists) == set()
    assert len(asked) == 1
    send(ben, "approve")
    now[0] += WAITING_SECONDS
    assert lists_of(system, lists) == {"blocked"}
    asked.clear()
    now[0] += 1e6
    assert lists_of(system, lists) == {"blocked"}
    assert asked == []


def test_a_function_that_was_frozen_meanwhile_asks_again(
    people: tuple[Browser, Browser], system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = people
    lists = ListApprovals(system.s3, BUCKET)
    block(anna)
    assert lists_of(system, lists) == set()
    send(ben, "approve")
    thawed = time.time() + WAITING_SECONDS
    monkeypatch.setattr(time, "time", lambda: thawed)
    assert lists_of(system, lists) == {"blocked"}


def counting(asked: list[str]) -> Callable[..., None]:
    def hook(**_: object) -> None:
        asked.append("")

    return hook


def approve_all(command: Command, *more: str) -> Ran:
    seen = json.loads(command("lists", "waiting", "--json").out)
    return command("lists", "approve", *[each["digest"] for each in seen], "--reason", "seen", *more)


def test_the_command_approves_what_was_seen_and_not_what_somebody_wants_since(
    people: tuple[Browser, Browser], system: System, command: Command
) -> None:
    anna, ben = people
    block(ben)
    (line, *_) = command("lists", "waiting").out.splitlines()
    digest = line.split("waits: ")[1]
    block(anna)
    ran = command("lists", "approve", digest, "--reason", "seen")
    assert (ran.code, f"{digest}: nothing that waits has this digest" in ran.err) == (1, True)
    assert lists_of(system) == set()


def test_the_command_writes_and_approves_too(people: tuple[Browser, Browser], system: System, command: Command) -> None:
    anna, _ = people
    ran = change(command, "add", "takeover")
    assert (ran.code, "somebody else has approved it" in ran.err) == (0, True)
    assert ran.out == f"customer {CUSTOMER} is not on blocked yet\n"
    assert "your mark is on it already" in approve_all(command).err
    send(anna, "approve")
    assert lists_of(system) == {"blocked"}
    send(anna, "remove")
    assert "its end waits" in command("lists", "show").out
    ran = approve_all(command, "--json")
    (done,) = json.loads(ran.out)
    assert (done["list"], done["token"], done["waits"]) == ("blocked", CUSTOMER, True)
    assert lists_of(system) == set()


def test_the_command_says_of_nothing_that_waits_that_it_counts(
    people: tuple[Browser, Browser], system: System, command: Command
) -> None:
    block_by_two(people)
    ran = change(command, "add", "again")
    assert "does not have the new end and reason yet" in ran.out
    ran = change(command, "remove", "tried", "--json")
    (done,) = json.loads(ran.out)
    assert (done["change"], done["waits"]) == ("removed", True)
    assert lists_of(system) == {"blocked"}
    ran = command("lists", "remove", "trusted", "customer", CUSTOMER, "--reason", "tried")
    assert (ran.code, "is not on trusted by the commands" in ran.out, ran.err) == (1, True, "")


def test_who_removes_what_only_waits_is_told_that_it_never_counted(
    people: tuple[Browser, Browser], system: System, command: Command
) -> None:
    anna, ben = people
    block(anna)
    ran = change(command, "remove", "wrong one")
    assert (ran.code, "is not on blocked, and what waited" in ran.out, ran.err) == (0, True, "")
    assert json.loads(command("lists", "waiting", "--json").out) == []
    block(anna)
    assert "is not on the list, and what waited for a second person is taken back" in send(ben, "remove")
    assert lists_of(system) == set()


def test_who_removes_what_somebody_else_removed_is_told_that_it_still_counts(
    people: tuple[Browser, Browser], system: System, command: Command
) -> None:
    anna, _ = people
    block_by_two(people)
    send(anna, "remove")
    ran = change(command, "remove", "wrong one")
    assert (ran.code, "is on blocked until somebody else approves its removal" in ran.out) == (0, True)
    assert "fraudstream lists approve" in ran.err
    ran = change(command, "add", "takeover after all")
    assert "was on blocked already" in ran.out
    assert lists_of(system) == {"blocked"}


def test_entries_are_approved_before_two_people_are_asked_for(
    people: tuple[Browser, Browser], system: System, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = people
    anna.system.four_eyes = ()
    block(anna)
    monkeypatch.delenv("FRAUDSTREAM_FOUR_EYES")
    assert approve_all(command).code == 0
    assert lists_of(system) == set()
    send(ben, "approve")
    assert lists_of(system) == {"blocked"}


def test_where_one_person_is_enough_nobody_approves(browser: Browser, system: System) -> None:
    system.alert("a-1", customer=CUSTOMER)
    block(browser)
    (entry,) = browser.system.lists.show().entries
    assert (entry.waits, entry.kind) == (False, EntityKind.CUSTOMER)
    fields = {"list": "blocked", "entity": ENTITY, "digest": entry.digest, "reason": "seen"}
    assert "asks for no second person" in words(browser.send("/lists/approve", **fields))

"""Entries of lists follow new token keys: what counts goes on to count, where lists need two people too."""

from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import APPROVALS_PREFIX
from fraudstream.detection.stores.lists.listings import ListEntry, Listing
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.privacy.rotation.profile_items import ProfileItems
from fraudstream_tools.operations.privacy.rotation.rekeying import Rekeying
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.privacy.tokens import NewestTokens
from tests.console_harness import ANNA, BEN, PROFILES, Browser, act, browser_on, words
from tests.integration.cli.review_harness import BUCKET, TRANSACTIONS, System
from tests.integration.console.privacy_harness import ANN, NEWER, ask
from tests.integration.console.test_four_eyes_lists import lists_of, send


@pytest.fixture
def people(aws: MinistackServer, system: System) -> tuple[Browser, Browser]:
    """Anna and Ben at consoles of a stack that asks for two people for lists; Ann has an alert."""
    system.alert("a-1", customer=ANN)
    # Hashes of payloads are the claims', which this world made without one.
    system.dynamodb.delete_item(TableName=TRANSACTIONS, Key={"transactionId": {"S": "a-1"}, "timestamp": {"N": "0"}})
    anna, ben = browser_on(aws, ANNA), browser_on(aws, BEN)
    for each in (anna, ben):
        each.system.four_eyes = ("lists",)
        each.enter()
    return anna, ben


def block(browser: Browser, token: str = ANN, reason: str = "takeover", name: str = "blocked") -> None:
    act(browser, "a-1", "list", entity=f"customer#{token}", reason=reason, list=name, days="")


def marks(system: System) -> list[str]:
    found: Any = system.s3.list_objects_v2(Bucket=BUCKET, Prefix=APPROVALS_PREFIX)
    return sorted(each["Key"] for each in found.get("Contents", []))


def listed(system: System, token: str) -> dict[str, Any]:
    key = to_item({"entity": f"list#customer#{token}"})
    found: dict[str, Any] = dict(system.dynamodb.get_item(TableName=PROFILES, Key=key).get("Item", {}))
    return found


def put_listing(system: System, token: str, version: int, **entries: ListEntry) -> None:
    listing = Listing(entity=f"customer#{token}", entries=entries, changed_at=version, version=version)
    system.dynamodb.put_item(TableName=PROFILES, Item=listing.to_item())


def test_what_two_people_approved_counts_by_new_token_keys(
    people: tuple[Browser, Browser], system: System, stores: PrivacySystem
) -> None:
    anna, ben = people
    block(anna)
    send(ben, "approve")
    block(anna, name="trusted")
    Rekeying(stores, NewestTokens(ask)).run()
    assert not listed(system, ANN)
    assert lists_of(system, entity=f"customer#{NEWER}") == {"blocked"}
    # What waited waits for the same person.
    assert "Your mark is on it" in words(anna.page("/lists"))
    send(ben, "approve")
    assert lists_of(system, entity=f"customer#{NEWER}") == {"blocked", "trusted"}


def test_what_counts_until_its_end_is_approved_counts_by_new_token_keys(
    people: tuple[Browser, Browser], system: System, stores: PrivacySystem
) -> None:
    anna, ben = people
    block(anna)
    send(ben, "approve")
    send(ben, "remove")
    Rekeying(stores, NewestTokens(ask)).run()
    assert lists_of(system, entity=f"customer#{NEWER}") == {"blocked"}
    send(anna, "approve")
    assert lists_of(system, entity=f"customer#{NEWER}") == set()


def test_marks_are_there_before_the_entries_move_and_once(
    people: tuple[Browser, Browser], system: System, stores: PrivacySystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = people
    block(anna)
    send(ben, "approve")

    def broken(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProfileItems, "_write", broken)
        with pytest.raises(KeyboardInterrupt):
            Rekeying(stores, NewestTokens(ask)).run()
    copied = marks(system)
    assert len(copied) == 4
    assert lists_of(system, entity=f"customer#{ANN}") == {"blocked"}
    Rekeying(stores, NewestTokens(ask)).run()
    assert marks(system) == copied
    assert lists_of(system, entity=f"customer#{NEWER}") == {"blocked"}


def test_counting_how_much_is_to_rekey_copies_no_marks(
    people: tuple[Browser, Browser], system: System, stores: PrivacySystem
) -> None:
    anna, ben = people
    block(anna)
    send(ben, "approve")
    before = marks(system)
    assert Rekeying(stores, NewestTokens(ask), dry_run=True).run().counts["profiles"] == 1
    assert marks(system) == before


def test_an_entry_by_the_newest_token_that_waits_lifts_no_earlier_block(
    people: tuple[Browser, Browser], system: System, stores: PrivacySystem
) -> None:
    anna, ben = people
    block(anna)
    send(ben, "approve")
    put_listing(system, NEWER, 1, blocked=ListEntry(since=2, by=ANNA.arn, reason="longer"))
    Rekeying(stores, NewestTokens(ask)).run()
    assert lists_of(system, entity=f"customer#{NEWER}") == {"blocked"}
    assert listed(system, NEWER)["entries"]["M"]["blocked"]["M"]["reason"] == {"S": "longer"}


def test_an_endless_block_gets_no_expiry_by_new_token_keys(system: System, stores: PrivacySystem) -> None:
    put_listing(system, ANN, 1, blocked=ListEntry(since=1, by=ANNA.arn, reason="takeover"))
    put_listing(system, NEWER, 3, trusted=ListEntry(since=2, by=BEN.arn, reason="a week", until=9_000))
    assert "expiresAt" in listed(system, NEWER)
    Rekeying(stores, NewestTokens(ask)).run()
    both = listed(system, NEWER)
    assert not listed(system, ANN)
    assert (both["entries"]["M"].keys(), both["version"]) == ({"blocked", "trusted"}, {"N": "4"})
    assert "expiresAt" not in both


def test_entries_that_cannot_be_read_are_named_and_stay(system: System, stores: PrivacySystem) -> None:
    put_listing(system, ANN, 1, blocked=ListEntry(since=1, by=ANNA.arn, reason="takeover"))
    damaged = to_item({"entity": f"list#customer#{NEWER}", "version": 1})
    system.dynamodb.put_item(TableName=PROFILES, Item=damaged)
    assert Rekeying(stores, NewestTokens(ask)).run().by_hand == [f"list#customer#{ANN}"]
    assert listed(system, ANN)
    assert listed(system, NEWER) == damaged

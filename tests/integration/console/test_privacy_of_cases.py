"""Cases and audit records hold tokens and ids: what they say of a customer goes with it, and follows new token keys."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from fraudstream.contract import AUDIT_PREFIX, EntityKind
from fraudstream_tools.operations.privacy.erasure.erasing import Erasure, Person
from fraudstream_tools.operations.privacy.holds import Hold, LegalHoldError, find_hold, set_hold
from fraudstream_tools.operations.privacy.rotation.rekeying import Rekeying
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.privacy.tokens import NewestTokens
from tests.console_harness import Browser, act, case_of
from tests.integration.cli.review_harness import ALERTS, BUCKET, TRANSACTIONS, System
from tests.integration.console.privacy_harness import ANN, BOB, CARD, NEWER, ask


def records_text(stores: PrivacySystem) -> str:
    """Return all versions of the audit records."""
    found: Any = stores.s3.list_object_versions(Bucket=BUCKET, Prefix=AUDIT_PREFIX).get("Versions", [])
    read = [stores.s3.get_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"]) for each in found]
    return "\n".join(each["Body"].read().decode() for each in read)


def about(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["target"], record["reason"]


def who_and_when(record: Mapping[str, Any]) -> list[Any]:
    return [record[name] for name in ("id", "at", "by", "userId", "action")]


def alerts_text(system: System) -> str:
    return repr(system.dynamodb.scan(TableName=ALERTS)["Items"])


def test_a_customers_cases_go_with_the_customer(browser: Browser, system: System, stores: PrivacySystem) -> None:
    system.alert("a-1", customer=ANN)
    system.alert("b-1", customer=BOB)
    act(browser, "a-1", "note", text="called Ann back")
    act(browser, "b-1", "take")
    case = case_of(browser, "a-1")
    receipt = Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()
    assert receipt.removed["alerts"] == 2
    assert browser.system.cases.get(case.case_id) is None
    assert not any(text in alerts_text(system) for text in (ANN, "a-1", "called Ann back"))
    assert case_of(browser, "b-1").alerts == ("b-1",)


def test_somebody_elses_case_keeps_nothing_of_the_erased(
    browser: Browser, system: System, stores: PrivacySystem
) -> None:
    """A shared card made one case of both; its history names the transactions of both."""
    system.alert("b-1", customer=BOB, card_token=CARD)
    system.alert("a-1", customer=ANN, card_token=CARD)
    assert "with 2 alerts" in act(browser, "b-1", "take")
    act(browser, "b-1", "decide", label="FRAUD", note="a-1, too: the same card", also="a-1")
    assert "a-1" in alerts_text(system)
    person = Person(frozenset({ANN}), "somebody")
    assert Erasure(stores, person, dry_run=True).run().removed["alerts"] == 2
    Erasure(stores, person, settle_seconds=0).run()
    assert not any(text in alerts_text(system) for text in (ANN, "a-1"))
    case = case_of(browser, "b-1")
    assert case.alerts == ("b-1",)
    assert [event.text for event in case.events][-1].startswith("FRAUD, erased, too: the same card: ")


def test_cases_follow_new_token_keys(browser: Browser, system: System, stores: PrivacySystem) -> None:
    system.alert("a-1", customer=ANN)
    act(browser, "a-1", "take")
    case = case_of(browser, "a-1")
    # Hashes of payloads are the claims', which this world made without one.
    system.dynamodb.delete_item(TableName=TRANSACTIONS, Key={"transactionId": {"S": "a-1"}, "timestamp": {"N": "0"}})
    counts = Rekeying(stores, NewestTokens(ask)).run().counts
    assert counts["alerts"] == 2
    assert ANN not in alerts_text(system)
    (moved,) = browser.system.cases.of_entity(f"customer#{NEWER}")
    assert (moved.case_id, moved.events) == (case.case_id, case.events)
    act(browser, "a-1", "decide", label="FRAUD", note="denied")
    assert case_of(browser, "a-1").status == "CLOSED"


def test_records_of_what_people_did_keep_nothing_of_the_erased(
    browser: Browser, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1", customer=ANN)
    system.alert("a-10", customer=BOB)
    block = {"list": "blocked", "days": "7"}
    act(browser, "a-1", "list", entity=f"customer#{ANN}", reason="a-1: took it, and a-10", **block)
    act(browser, "a-10", "list", entity=f"customer#{BOB}", reason="not (a-1)", **block)
    before = browser.records()
    person = Person(frozenset({ANN}), "somebody")
    assert Erasure(stores, person, dry_run=True).run().removed["records of what people did"] == len(before)
    assert browser.records() == before

    receipt = Erasure(stores, person, settle_seconds=0).run()
    # Two people may have approved the entry as it is.
    assert receipt.by_hand == (f"list#customer#{BOB}",)
    assert not re.search(rf"{ANN}|\ba-1\b", records_text(stores))
    after = browser.records()
    assert [who_and_when(each) for each in after] == [who_and_when(each) for each in before]
    anns, bobs = (each for each in after if each["action"] == "add-to-list")
    assert about(anns) == ("customer#erased", "erased: took it, and a-10")
    assert about(bobs) == (f"customer#{BOB}", "not (erased)")
    again = Erasure(stores, person, settle_seconds=0).run()
    assert again.removed["records of what people did"] == 0


def test_records_of_what_people_did_follow_new_token_keys(
    browser: Browser, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1", customer=ANN)
    act(browser, "a-1", "list", entity=f"customer#{ANN}", reason="takeover", list="blocked", days="7")
    system.dynamodb.delete_item(TableName=TRANSACTIONS, Key={"transactionId": {"S": "a-1"}, "timestamp": {"N": "0"}})
    rekeyed = Rekeying(stores, NewestTokens(ask)).run()
    assert rekeyed.by_hand == []
    assert rekeyed.counts["records of what people did"] == 1
    (record,) = browser.records()
    assert record["target"] == f"customer#{NEWER}"


def test_a_note_on_somebody_elses_case_names_neither_tokens_nor_ids(
    browser: Browser, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1", customer=ANN)
    system.alert("b-1", customer=BOB)
    act(browser, "b-1", "take")
    act(browser, "b-1", "note", text=f"same person as {ANN}, see (a-1) and a-1/2")
    receipt = Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()
    assert case_of(browser, "b-1").notes[-1].text == "same person as erased, see (erased) and erased/2"
    assert receipt.by_hand == ()
    assert ANN not in alerts_text(system) + records_text(stores)


def test_a_note_names_nobody_behind_a_colon_and_no_id_that_ends_with_a_dot(
    browser: Browser, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1.", customer=ANN)
    system.alert("b-1", customer=BOB)
    act(browser, "b-1", "take")
    act(browser, "b-1", "note", text=f"customer:{ANN} paid a-1. too")
    Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()
    assert case_of(browser, "b-1").notes[-1].text == "customer:erased paid erased too"


@pytest.mark.parametrize("reason", [f"shared with {ANN}", f"customer:{ANN}"])
def test_an_entry_of_a_list_that_names_the_erased_is_left_to_people(
    browser: Browser, system: System, stores: PrivacySystem, reason: str
) -> None:
    system.alert("a-1", customer=ANN)
    browser.system.listing.add_to_list("blocked", EntityKind.CARD, CARD, reason=reason, until=None)
    receipt = Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()
    assert receipt.by_hand == (f"list#card#{CARD}",)


def test_a_hold_that_comes_before_anything_is_gone_is_respected(
    browser: Browser, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1", customer=ANN)
    hold = Hold(token=ANN, reason="court order 17", by="arn", since=1)

    def set_it_late(what: str, _done: int, _total: int | None) -> None:
        if what.startswith("waiting") and find_hold(stores.dynamodb, stores.profiles, {ANN}) is None:
            set_hold(stores.dynamodb, stores.profiles, hold, tokens={ANN}, audit=browser.system.audit)

    erasure = Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=1.1, on_step=set_it_late)
    with pytest.raises(LegalHoldError, match=r"nothing more was erased: .*court order 17; the erasure"):
        erasure.run()
    assert "a-1" in alerts_text(system)


def test_the_wait_for_what_is_being_written_is_told_once(system: System, stores: PrivacySystem) -> None:
    del system  # it has made the tables
    told: list[str] = []

    def tell(what: str, _done: int, _total: int | None) -> None:
        told.append(what)

    erasure = Erasure(stores, Person(frozenset({ANN}), "me"), settle_seconds=1.1, on_step=tell)
    erasure.run()
    assert [each for each in told if each.startswith("waiting")] == ["waiting 1.1 seconds for what is being written"]


def test_a_refund_of_the_erased_persons_payment_names_it_no_more(system: System, stores: PrivacySystem) -> None:
    system.store("a-1", customer=ANN)
    system.store("r-1", customer=BOB, original_transaction_id="a-1")
    Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()
    (left,) = [item for item in system.dynamodb.scan(TableName=TRANSACTIONS)["Items"] if "customerId" in item]
    assert left["transactionId"] == {"S": "r-1"}
    assert "originalTransactionId" not in left

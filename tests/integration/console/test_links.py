"""Who else used the card, device or other of a transaction, by a log as the hourly merge writes it."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.analytics.log_questions import FolderLog
from fraudstream_tools.operations.investigation.links import SHARED_FIELDS, find_links
from tests.console_harness import Browser, words
from tests.integration.cli.review_harness import System
from tests.unit.analytics.log_harness import happened

Uses = dict[tuple[str, str, str], set[str]]


def shared_by(transaction: Transaction) -> dict[str, str]:
    attributes = ("card_token", "device_id", "ip_address", "terminal_id", "counterparty_token")
    names = dict(zip(SHARED_FIELDS, attributes, strict=True))
    return {field: getattr(transaction, name) for field, name in names.items() if getattr(transaction, name)}


@pytest.fixture(scope="module")
def uses() -> Uses:
    """Ids of transactions by field, token and customer, as they happened."""
    found: Uses = defaultdict(set)
    for each in happened():
        for field, token in shared_by(each.transaction).items():
            found[field, token, each.transaction.customer_id].add(each.transaction.transaction_id)
    return found


def connected(uses: Uses, field: str) -> Transaction:
    """Give a transaction that shares something with other customers."""
    customers: dict[str, set[str]] = defaultdict(set)
    for of, token, customer in uses:
        if of == field:
            customers[token].add(customer)
    return next(
        each.transaction
        for each in happened()
        if len(customers[shared_by(each.transaction).get(field, "")] - {each.transaction.customer_id}) > 0
    )


@pytest.mark.parametrize("field", ["ipAddress", "counterpartyToken"])
def test_everybody_who_used_the_same_is_found_with_known_fraud(log: Path, uses: Uses, field: str) -> None:
    transaction = connected(uses, field)
    shared = shared_by(transaction)
    expected = {
        key: ids for key, ids in uses.items() if shared.get(key[0]) == key[1] and key[2] != transaction.customer_id
    }
    frauds = {each.transaction.transaction_id for each in happened() if each.is_fraud}
    found = find_links(FolderLog(log), transaction.customer_id, shared)
    assert {(each.field, each.token, each.customer): each.transactions for each in found.links} == {
        key: len(ids) for key, ids in expected.items()
    }
    assert {(each.field, each.token, each.customer): each.frauds for each in found.links} == {
        key: len(ids & frauds) for key, ids in expected.items()
    }
    assert found.as_of == max(each.transaction.received_at for each in happened())
    assert not found.has_more


def test_a_transaction_that_shares_nothing_has_no_links(log: Path) -> None:
    assert find_links(FolderLog(log), "tok_nobody", {}).links == []


def test_a_folder_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="no merged hour"):
        find_links(FolderLog(tmp_path), "tok_nobody", {})


def test_the_page_draws_it_and_asks_aws_for_the_transaction_alone(
    browser: Browser, system: System, log: Path, uses: Uses
) -> None:
    transaction = connected(uses, "ipAddress")
    system.store("t-1", customer=transaction.customer_id, ip_address=transaction.ip_address)
    assert "Who else used them" not in browser.page("/case", id="t-1")
    assert browser.client.get("/links", params={"id": "t-1"}).status_code == 404
    browser.system.log = FolderLog(log)
    assert "Who else used them" in browser.page("/case", id="t-1")
    page = browser.page("/links", id="t-1")
    assert "by the decision log, which knows decisions until" in words(page)
    others = {customer for field, token, customer in uses if (field, token) == ("ipAddress", transaction.ip_address)}
    assert all(customer in page for customer in others - {transaction.customer_id})
    assert page.count('<path class="link"') >= 2
    assert "made 1 request to AWS" in re.sub(r"\s+", " ", page)
    assert browser.client.get("/links", params={"id": "nobody"}).status_code == 404


def test_a_transaction_alone_is_said_to_be_so(browser: Browser, system: System, log: Path) -> None:
    system.store("t-1", device_id="tok_of_nobody_else")
    browser.system.log = FolderLog(log)
    assert "Nobody else used any of them." in browser.page("/links", id="t-1")

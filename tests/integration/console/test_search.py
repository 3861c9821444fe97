"""Search: a customer's history by token or identifier, in the console and by command, in few requests."""

import base64
import json
import re
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_FILES, RULESET_PREFIX, EntityKind
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.pseudonyms.lookup import find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream_tools.operations.investigation.customer_history import CustomerHistory, CustomerIndexError
from fraudstream_tools.operations.review.labels import label_now
from tests.console_harness import ORIGIN, Browser, desk_command, words
from tests.integration.cli.review_harness import BUCKET, NOW, TRANSACTIONS, System

TOKENIZER = Tokenizer(base64.b64encode(bytes(32)).decode())
CUSTOMER = TOKENIZER.token(EntityKind.CUSTOMER, "customer-7")


def processors_answer(**asked: Any) -> list[list[str]]:
    """What the processor's alias answers, by its own code."""
    return [list(each) for each in find_tokens(asked, TOKENIZER, frozenset({"unknown"}))]


@pytest.fixture
def asking(browser: Browser) -> Browser:
    browser.system.ask_for_tokens = processors_answer
    return browser


def test_a_customers_history_is_found_by_the_identifier_that_clients_post(asking: Browser, system: System) -> None:
    system.store("quiet", customer=CUSTOMER, amount_minor=4200)
    system.alert("a-1", customer=CUSTOMER)
    label_now(system.dynamodb, TRANSACTIONS, "quiet", Truth.LEGITIMATE, "analyst")
    page = asking.page("/search", q="customer-7")
    assert "it is no token" in words(page)
    found = asking.send("/search", **asking.form(page, "/search"), kind="customer", identifier=" customer-7 ")
    said = words(found)
    assert CUSTOMER in said
    assert "42.00 EUR" in said
    assert "legitimate" in said
    assert "a-1" in said
    assert "customer-7" not in found
    (record,) = asking.records()
    assert (record["action"], record["target"]) == ("look-up-token", f"customer#{CUSTOMER}")


def look_for(browser: Browser, text: str) -> tuple[str, str]:
    """Send what somebody writes into the header's field, as its form does; give the last address, and its page."""
    page = browser.page("/queue")
    form = re.search(
        r'<form class="search" method="post" action="([^"]+)".*?name="csrf" value="([^"]+)"', page, re.DOTALL
    )
    assert form
    answer = browser.client.post(form[1], data={"csrf": form[2], "q": text}, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    return str(answer.url).removeprefix(ORIGIN), answer.text


@pytest.mark.parametrize("text", ["customer-7", "anna@example.com", "Anna Müller", "x" * 3000])
def test_what_is_written_into_the_search_field_stands_in_no_address(asking: Browser, text: str) -> None:
    address, page = look_for(asking, text)
    assert address == "/search/find"
    assert "If it is an identifier of yours, say of what" in words(page)
    found = asking.send("/search", **asking.form(page, "/search"), kind="customer", identifier="customer-7")
    assert CUSTOMER in words(found)


def test_the_search_field_leads_to_tokens_and_transactions(browser: Browser, system: System) -> None:
    system.store("quiet", customer=CUSTOMER)
    assert look_for(browser, f" {CUSTOMER} ")[0] == f"/search?q={CUSTOMER}"
    assert look_for(browser, "quiet")[0] == "/case?id=quiet"
    assert look_for(browser, "")[0] == "/search"


@pytest.mark.parametrize(
    ("kind", "identifier", "said"),
    [
        ("ip", "no address", "that is no internet address"),
        ("customer", "unknown", "stands for nobody in particular"),
        ("card", "4242424242424242", "holds a card number, which no card is stored by"),
        ("customer", "4242 4242 4242 4242", "holds a card number, which no customer is stored by"),
        ("customer", "customer-7\N{ZERO WIDTH SPACE}", "holds a character that nobody sees, which no customer"),
        ("device", "phone\N{NO-BREAK SPACE}7", "holds a character that nobody sees, which no device is stored by"),
        ("customer", "c" * 129, "has more than 128 characters, which no customer is stored by"),
    ],
)
def test_who_is_nobody_is_told_so_and_not_repeated(asking: Browser, kind: str, identifier: str, said: str) -> None:
    form = asking.form(asking.page("/search"), "/search")
    answer = asking.send("/search", **form, kind=kind, identifier=identifier)
    assert said in words(answer)
    assert f"{identifier}<" not in answer
    assert asking.records() == []


def test_a_token_in_the_field_for_identifiers_is_looked_for_as_it_is(asking: Browser, system: System) -> None:
    system.store("quiet", customer=CUSTOMER)
    form = asking.form(asking.page("/search"), "/search")
    assert "quiet" in words(asking.send("/search", **form, kind="customer", identifier=CUSTOMER))


def test_a_card_number_is_not_even_sent_to_the_processor(asking: Browser) -> None:
    asked: list[object] = []

    def processor(**what: Any) -> list[list[str]]:
        asked.append(what)
        return processors_answer(**what)

    asking.system.ask_for_tokens = processor
    form = asking.form(asking.page("/search"), "/search")
    asking.send("/search", **form, kind="card", identifier="4242424242424242")
    assert asked == []


def test_without_the_processors_name_identifiers_are_not_asked_for(browser: Browser) -> None:
    assert "By your own identifier" not in browser.page("/search")
    headers = {"Origin": str(browser.client.base_url)}
    fields = {"csrf": browser.session.csrf, "kind": "customer", "identifier": "customer-7"}
    assert browser.client.post("/search", data=fields, headers=headers).status_code == 400


def test_a_long_history_is_read_page_by_page_without_gaps(browser: Browser, system: System) -> None:
    names = [f"t-{number:03}" for number in range(120)]
    for name in names:
        # All at the same moment: only the place in the index tells them apart.
        system.store(name, customer=CUSTOMER)
    system.store("of-another", customer="tok_other")
    found: list[str] = []
    address = f"/search?q={CUSTOMER}"
    for _ in range(3):
        page = browser.client.get(address).text
        found += re.findall(r'<th scope="row"><a href="/case\?id=([^"]+)"', page)
        older = re.search(r'<a href="([^"]+)" rel="next">', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert address == ""
    assert sorted(found) == names


def test_a_page_reads_no_more_for_a_customer_with_more(browser: Browser, system: System) -> None:
    def requests() -> int:
        found = re.search(r"made (\d+) requests? to AWS", browser.page("/search", q=CUSTOMER))
        assert found
        return int(found[1])

    system.store("t-first", customer=CUSTOMER)
    browser.page("/")
    few = requests()
    for number in range(60):
        system.store(f"t-{number}", customer=CUSTOMER)
    assert requests() == few <= 5


def test_without_the_index_the_page_says_what_is_missing(aws: MinistackServer, browser: Browser) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="without",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "transactionId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "transactionId", "KeyType": "HASH"}],
    )
    with pytest.raises(CustomerIndexError, match="customerIndex"):
        CustomerHistory(dynamodb, "without").page(CUSTOMER)
    browser.system.transactions = "without"
    assert "the stack has no such index" in words(browser.page("/search", q=CUSTOMER))


def test_the_command_finds_the_same(
    aws: MinistackServer, system: System, browser: Browser, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    del browser  # its fixtures have made the table of profiles
    fraudstream = desk_command(aws, capsys, monkeypatch)
    system.store("quiet", customer=CUSTOMER, amount_minor=4200)
    system.alert("a-1", customer=CUSTOMER)
    content: dict[str, Any] = json.loads(fraudstream("search", CUSTOMER, "--json").out)
    assert {each["transactionId"] for each in content["transactions"]} == {"quiet", "a-1"}
    assert [each["transactionId"] for each in content["alerts"]] == ["a-1"]
    printed = fraudstream("search", CUSTOMER).out
    assert "42.00 EUR" in printed
    assert "1 alert, 1 open" in printed
    assert "nothing is stored of it" in fraudstream("search", "tok_" + "z" * 22).out


def test_a_damaged_addition_keeps_nobody_from_the_history_or_the_page(browser: Browser, system: System) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    damaged: dict[str, object] = {"label": "x", "labeledAt": "x", "actionTaken": 5, "redrivenAt": "x"}
    key = to_item({"transactionId": "a-1", "timestamp": NOW})
    system.dynamodb.update_item(TableName=TRANSACTIONS, Key=key, **change_of(to_item(damaged)))
    system.dynamodb.put_item(
        TableName=TRANSACTIONS,
        Item=to_item({"transactionId": "a-3", "timestamp": NOW, "receivedAt": NOW, "customerId": CUSTOMER}),
    )
    found = words(browser.page("/search", q=CUSTOMER))
    assert "a-1" in found
    assert "a-2" in found
    assert "a-3" not in found
    assert "CARD_VELOCITY" in browser.page("/case", id="a-1")


@pytest.mark.parametrize("text", ["4111111111111111", "DE89370400440532013000"])
def test_a_card_or_account_number_is_asked_of_no_table(browser: Browser, text: str) -> None:
    asked: list[str] = []

    def note(params: Any, **_: Any) -> None:
        asked.append(repr(params["body"]))

    browser.system.dynamodb.meta.events.register("before-call.dynamodb", note)
    look_for(browser, text)
    browser.page("/search", q=text)
    assert not [call for call in asked if text in call]


def test_who_is_on_a_list_of_the_rulesets_file_is_shown_so(
    browser: Browser,
    system: System,
    aws: MinistackServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lists = f"""
blocked:
  customer: [{CUSTOMER}]
trusted:
  customer:
    - {{token: {CUSTOMER}, until: 2999-12-30}}
"""
    system.s3.put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}lists.yaml", Body=lists.encode())
    browser.system.lists.add("blocked", EntityKind.CUSTOMER, CUSTOMER, by="arn:aws:iam::1:user/ann", reason="told")
    system.alert("a-1", customer=CUSTOMER)
    by_file = "blocked as customer, by lists.yaml of the ruleset"

    page = words(browser.page("/search", q=CUSTOMER))
    assert by_file in page.replace(" ,", ",")
    assert "until 2999-12-30" in page
    assert ": told" in page
    assert "blocked (lists.yaml)" in words(browser.page("/case", id="a-1"))

    fraudstream = desk_command(aws, capsys, monkeypatch)
    printed = fraudstream("search", CUSTOMER).out
    assert f"on {by_file}\n" in printed
    assert "trusted as customer, by lists.yaml of the ruleset, until 2999-12-30\n" in printed
    assert ": told\n" in printed
    key = f"customer#{CUSTOMER}"
    content = json.loads(fraudstream("search", CUSTOMER, "--json").out)
    assert content["rulesetLists"][key]["blocked"] is None
    assert content["lists"][key]["blocked"]["reason"] == "told"


def test_a_ruleset_that_cannot_be_read_is_said_beside_the_lists(
    browser: Browser,
    system: System,
    aws: MinistackServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in RULESET_FILES:
        system.s3.delete_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}{name}")
    assert "The active ruleset cannot be read" in words(browser.page("/search", q=CUSTOMER))
    ran = desk_command(aws, capsys, monkeypatch)("search", CUSTOMER)
    assert ran.code == 0
    assert "lists.yaml of the ruleset cannot be read" in ran.err

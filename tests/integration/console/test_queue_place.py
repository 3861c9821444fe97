"""The case that follows: by the filters and the order of the queue that somebody came from."""

import re
from html import unescape

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.console_harness import BEN, Browser, browser_on, words
from tests.integration.cli.review_harness import System

QUEUE = "/queue?sort=score&who=nobody"


@pytest.fixture(autouse=True)
def alerts(system: System) -> None:
    """Four cases of four customers: by score a, b, c, d."""
    for place, name in enumerate("abcd"):
        system.alert(name, score=90 - place, customer=f"tok_{name * 22}", amount_minor=100 * (place + 1))


def link(page: str, begins: str) -> str:
    found = re.search(rf'href="({re.escape(begins)}[^"]*)"', page)
    assert found, f"no link {begins}"
    return unescape(found[1])


def follow(browser: Browser, page: str) -> str:
    """Follow the link to the next case, and give its page."""
    return browser.page(link(page, "/queue/next"))


def shown(page: str) -> str:
    """Return which transaction a page is about."""
    found = re.search("<title>(.*?) \N{EN DASH}", page)
    assert found
    return found[1]


def opened(browser: Browser, name: str, queue: str = QUEUE) -> str:
    return browser.page(link(browser.page(queue), f"/case?id={name}"))


def closed(browser: Browser, page: str) -> str:
    form = browser.form(page, "/case/decide")
    return browser.send("/case/decide", **form, label="FRAUD", note="denied")


def test_behind_a_closed_case_comes_the_one_that_followed_it_in_the_queue(browser: Browser) -> None:
    page = closed(browser, opened(browser, "b"))
    assert "its alert is closed" in words(page)
    page = follow(browser, page)
    assert shown(page) == "c"
    page = follow(browser, closed(browser, page))
    assert shown(page) == "d"


def test_a_case_that_is_passed_over_stays_behind(browser: Browser) -> None:
    page = follow(browser, opened(browser, "a"))
    assert shown(page) == "b"
    assert shown(follow(browser, closed(browser, page))) == "c"


def test_the_order_and_the_filters_are_those_that_were_chosen(browser: Browser) -> None:
    assert shown(follow(browser, opened(browser, "c", "/queue?sort=value"))) == "b"
    assert shown(follow(browser, opened(browser, "d", "/queue?sort=value&least=4"))) == "Queue"
    # What is done on the way takes nothing of it away.
    page = opened(browser, "c", "/queue?sort=value")
    page = browser.send("/case/take", **browser.form(page, "/case/take"))
    page = browser.send("/case/note", **browser.form(page, "/case/note"), text="called")
    assert shown(follow(browser, page)) == "b"


def test_what_a_colleague_has_is_passed_over(aws: MinistackServer, browser: Browser) -> None:
    ben = browser_on(aws, BEN).enter()
    ben.send("/case/take", **ben.form(ben.page("/case", id="b"), "/case/take"))
    assert shown(follow(browser, opened(browser, "a", "/queue?sort=score"))) == "c"
    assert shown(follow(browser, opened(browser, "b", f"/queue?sort=score&who={BEN.arn}"))) == "Queue"


def test_behind_the_last_case_is_the_queue(browser: Browser) -> None:
    page = follow(browser, closed(browser, opened(browser, "d")))
    assert shown(page) == "Queue"
    assert "No case follows in this queue" in words(page)
    assert '<option value="score" selected>' in page


def test_whoever_came_from_elsewhere_is_led_into_the_queue_as_it_is(browser: Browser) -> None:
    assert shown(follow(browser, closed(browser, browser.page("/case", id="b")))) == "d"


@pytest.mark.parametrize("query", ["after=a&row=-1", "after=a&queue=sort%3Dx%26id%3Dz&row=99999", "row=x", ""])
def test_what_an_address_says_wrongly_is_left_aside(browser: Browser, query: str) -> None:
    assert browser.client.get(f"/queue/next?{query}").status_code == 200

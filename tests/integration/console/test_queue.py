"""What the queue and Today say of cases: what they are worth, what became of them, and which is the oldest."""

import time

from embedded_aws.ministack.server import MinistackServer
from fraudstream.durations import HOUR
from tests.console_harness import BEN, Browser, browser_on, words
from tests.integration.cli.review_harness import System
from tests.integration.console.test_cases import act

CUSTOMER, OTHER = ("tok_" + letter * 22 for letter in "pq")


def test_the_oldest_case_of_which_today_speaks_is_one_that_nobody_has(
    aws: MinistackServer, browser: Browser, system: System
) -> None:
    now = int(time.time() * 1000)
    system.alert("older", customer=CUSTOMER, at=now - 5 * HOUR)
    system.alert("newer", customer=OTHER, at=now - 2 * HOUR)
    assert "1 open case" not in words(browser.page("/"))
    act(browser_on(aws, BEN).enter(), "older", "take")
    said = words(browser.page("/"))
    assert "1 open case that nobody has" in said
    assert "the oldest has waited for 2 h" in said
    assert "older" not in said.partition("What waits")[2].partition("age cases")[0]
    act(browser, "newer", "take")
    said = words(browser.page("/"))
    assert "0 open cases that nobody has, and 1 that you have" in said
    assert "the oldest" not in said
    assert "Open the queue" in said

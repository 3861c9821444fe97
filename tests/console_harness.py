"""A console over real tables and a real bucket, and the browser of the person who opened its link."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream_tools.console.app import make_app
from fraudstream_tools.console.request_counts import watch
from fraudstream_tools.console.sessions import ConsoleSession
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.cases.case import ReviewCase
from tests.cli_harness import Command, point_at
from tests.integration.cli.review_harness import ALERTS, BUCKET, TRANSACTIONS, System

PROFILES = "table-profiles-test"
RULES = Path(__file__).parents[1] / "rules"
PORT = 4711
ORIGIN = f"http://127.0.0.1:{PORT}"
ANNA, BEN = (Operator(user_id=f"AIDA{name}", arn=f"arn:aws:iam::1:user/{name}") for name in ("anna", "ben"))


class Browser:
    """Follows the link of a console, and sends its forms."""

    def __init__(self, system: ConsoleSystem) -> None:
        self.system = system
        self.session = ConsoleSession(port=PORT)
        self.link = self.session.url
        self.app = make_app(self.system, self.session)
        self.client = TestClient(self.app, base_url=ORIGIN)

    def enter(self) -> "Browser":
        answer = self.client.get(self.link)
        assert answer.status_code == 200, answer.text
        return self

    def page(self, path: str, **query: str) -> str:
        answer = self.client.get(path, params=query or None)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, **fields: str) -> str:
        """Send a form as its page does, and give the page that follows."""
        answer = self.client.post(
            path, data={"csrf": self.session.csrf} | fields, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    def make_active(self, action: str, reason: str, **fields: str) -> str:
        """Publish or roll back as the pages do: what they ask once more is answered with yes."""
        asked = self.send(action, **fields, reason=reason)
        return self.send(action, **self.form(asked, action), reason=reason)

    def form(self, page: str, action: str) -> dict[str, str]:
        """Return the hidden fields of a page's form."""
        form = re.search(rf'<form method="post" action="{action}".*?</form>', page, re.DOTALL)
        assert form, f"no form {action}"
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[0])
        return {name: unescape(value) for name, value in found}

    def records(self) -> list[Mapping[str, Any]]:
        """Return the audit records of today, oldest first."""
        found, _ = self.system.audit.of_day(datetime.now(UTC).date(), 100)
        return [msgspec.to_builtins(each) for each in reversed(found)]


def who_did_what(browser: Browser) -> list[tuple[str, str]]:
    """Return of today's audit records what was done and by whom, oldest first."""
    return [(each["action"], each["userId"]) for each in browser.records()]


def browser_on(aws: MinistackServer, operator: Operator = ANNA) -> Browser:
    """Give a browser that has not followed the link yet."""
    return Browser(
        ConsoleSystem(
            name="test",
            dynamodb=watch(aws.client("dynamodb")),
            s3=watch(aws.client("s3")),
            operator=operator,
            transactions=TRANSACTIONS,
            alerts=ALERTS,
            profiles=PROFILES,
            bucket=BUCKET,
        )
    )


def desk_command(aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command line of a person who works on the same system as a console."""
    point_at(
        aws.endpoint_url,
        monkeypatch,
        transactionsTable=TRANSACTIONS,
        alertsTable=ALERTS,
        profilesTable=PROFILES,
        bucketName=BUCKET,
    )
    return Command(capsys)


def put_ruleset(system: System) -> None:
    for name in ("ruleset.yaml", "rates.yaml", "lists.yaml"):
        system.s3.put_object(Bucket=BUCKET, Key=f"rulesets/live/{name}", Body=(RULES / name).read_bytes())


def put_log(system: System, log: Path) -> None:
    """Store a folder's log in the bucket."""
    for path in log.glob("*/*/*.parquet"):
        key = DECISION_LOG_PREFIX + path.relative_to(log).as_posix()
        system.s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())


def words(page: str) -> str:
    """Give what a person reads of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2].partition("<dialog")[0])).split())


def act(browser: Browser, name: str, action: str, **fields: str) -> str:
    """Send a form of a transaction's page, and give what the next page says."""
    form = browser.form(browser.page("/case", id=name), f"/case/{action}")
    return words(browser.send(f"/case/{action}", **form, **fields))


def case_of(browser: Browser, name: str) -> ReviewCase:
    """Return the case that an alert is in."""
    alert = browser.system.queue.get(name)
    assert alert is not None
    assert alert.case_id is not None
    case = browser.system.cases.get(alert.case_id)
    assert case is not None
    return case


RULE = """
  - id: large-night-transfer
    description: A large transfer.
    when: type == "TRANSFER" and amountBase > most
    parameters: {most: 5000}
    points: 1
    family: unfamiliar
    reasonCode: LARGE_NIGHT_TRANSFER
    severity: medium
    mode: shadow
    source: our own
"""


def draft_of(page: str) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found
    return unescape(found[1])


def with_rule(draft: str, rule: str = RULE) -> str:
    """Add a rule to the end of a ruleset's list of rules."""
    return draft.rstrip("\n") + rule

"""Each task of the console under the managed policy that is meant for it, and what the policies keep people from.

The policies are those of the Pulumi program. The embedded AWS holds nobody to a policy, so an evaluator of the tests
does: it judges every request that the console makes.
"""

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_PREFIX, FourEyes
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.cases.news import news_of
from fraudstream_tools.operations.day_so_far import DayCopy
from infra.data.program_rules import MODELS, program_models
from infra.people import MAX_POLICY_CHARACTERS
from infra.program import main
from proofs.access.evaluator import Asked, allows, enforce
from tests.console_harness import ANNA, BEN, PROFILES, Browser, browser_on, draft_of, put_ruleset, with_rule, words
from tests.infrastructure.policies_harness import empty_packages
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, capture
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System
from tests.integration.console.test_case_events import OUTBOX, make_outbox, told

TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
CUSTOMER = "tok_" + "p" * 22
PAGES = (
    "/",
    "/queue",
    "/labels",
    "/case?id=a-1",
    f"/search?q={CUSTOMER}",
    "/lists",
    "/rules",
    "/rules/edit",
    "/models",
    "/reports",
    "/audit",
)

Policies = Mapping[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Policies:
    """The statements of the three policies; the bucket has the name that the tests give it."""
    package = empty_packages(tmp_path_factory.mktemp("package"))
    graph = capture(lambda: main(package))
    found = {each.name: each["policy"] for each in graph.of("aws:iam/policy:Policy")}
    assert found.keys() == {"policy-analyst-test", "policy-rule-author-test", "policy-auditor-test"}
    assert all(len("".join(text.split())) <= MAX_POLICY_CHARACTERS for text in found.values())
    name = f"bucket-reports-{ACCOUNT}-test"
    return {
        key.removeprefix("policy-").removesuffix("-test"): json.loads(text.replace(name, BUCKET))["Statement"]
        for key, text in found.items()
    }


class Desk:
    """A console of Anna's, under one of the policies."""

    def __init__(self, aws: MinistackServer, statements: list[dict[str, Any]]) -> None:
        self.statements = statements
        self.browser: Browser = browser_on(aws, ANNA).enter()
        # Clients of the tests' own are shared; these are this desk's alone.
        system = self.browser.system
        system.dynamodb, system.s3 = (
            enforce(aws.client(service, aws.credentials), self.may, TABLES, FUNCTIONS) for service in ("dynamodb", "s3")
        )

    def may(self, asked: Asked) -> bool:
        return allows(self.statements, asked, {"aws:userid": ANNA.user_id})

    def act(self, name: str, action: str, **fields: str) -> str:
        form = self.browser.form(self.browser.page("/case", id=name), f"/case/{action}")
        return words(self.browser.send(f"/case/{action}", **form, **fields))


@pytest.fixture
def analyst(aws: MinistackServer, system: System, policies: Policies) -> Desk:
    del system
    return Desk(aws, policies["analyst"])


@pytest.mark.parametrize("role", ["analyst", "rule-author", "auditor"])
def test_everybody_reads_every_page(aws: MinistackServer, system: System, policies: Policies, role: str) -> None:
    system.alert("a-1", customer=CUSTOMER)
    desk = Desk(aws, policies[role])
    for path in PAGES:
        assert desk.browser.client.get(path).status_code == 200, path


@pytest.mark.parametrize("role", ["analyst", "rule-author", "auditor"])
def test_everybody_reads_who_promoted_models_that_wait(
    aws: MinistackServer, system: System, policies: Policies, role: str
) -> None:
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key, file in (("models/default.json", "default.json"), ("models.yaml", "models.yaml")):
        system.s3.put_object(Bucket=BUCKET, Key=RULESET_PREFIX + key, Body=(MODELS / file).read_bytes())
    browser_on(aws, BEN).system.approver(FourEyes.MODELS).mark(program_models())
    desk = Desk(aws, policies[role])
    desk.browser.system.approved_models = "0" * 64
    assert f"{BEN.user_id} has promoted or approved them" in words(desk.browser.page("/models"))


@pytest.mark.parametrize("missing", ["decision-log", "reports"])
def test_who_may_not_read_a_part_of_the_bucket_sees_the_rest_of_today(
    aws: MinistackServer, system: System, policies: Policies, tmp_path: Path, missing: str
) -> None:
    system.alert("a-1", customer=CUSTOMER)
    denied = {
        "Effect": "Deny",
        "Action": "s3:ListBucket",
        "Resource": "*",
        "Condition": {"StringLike": {"s3:prefix": [f"{missing}/*"]}},
    }
    desk = Desk(aws, [*policies["auditor"], denied])
    console = desk.browser.system
    console.today = DayCopy(s3=console.s3, bucket=BUCKET, folder=tmp_path)
    said = words(desk.browser.page("/"))
    assert "1 open case: 1 that nobody has." in said
    assert re.findall(r"You may not read (the \w+(?: log)?)", said) == [f"the {missing.replace('-', ' ')}"]


def test_an_analyst_works_on_cases_and_lists(analyst: Desk, system: System) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    assert "You have this case now, with 2 alerts" in analyst.act("a-1", "take")
    assert "The note is kept" in analyst.act("a-1", "note", text="called")
    assert "The case waits until" in analyst.act("a-1", "snooze", hours="4", text="calls back")
    assert "in the queue again" in analyst.act("a-1", "wake")
    assert "back in the queue" in analyst.act("a-1", "give-back")
    analyst.act("a-1", "take")
    assert "labelled FRAUD" in analyst.act("a-1", "decide", label="FRAUD", note="denied")
    assert "open again" in analyst.act("a-1", "reopen", text="called again")
    assert "The case is" in analyst.act("a-1", "hand-over", to="ben", text="knows them")
    blocked = analyst.act("a-1", "list", entity=f"customer#{CUSTOMER}", list="blocked", days="1", reason="takeover")
    assert "is on the list blocked now" in blocked
    lists = analyst.browser.page("/lists")
    removed = analyst.browser.send("/lists/remove", **analyst.browser.form(lists, "/lists/remove"), reason="cleared")
    assert "off the list now" in words(removed)


def test_an_analyst_labels_and_approves_where_labels_need_two_people(
    analyst: Desk, aws: MinistackServer, system: System
) -> None:
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    colleague = browser_on(aws, BEN)
    for browser in (colleague.enter(), analyst.browser):
        browser.system.four_eyes = ("labels",)
    assert "once somebody else has approved it" in analyst.act("a-1", "decide", label="FRAUD", note="denied")
    form = colleague.form(colleague.page("/case", id="a-2"), "/case/decide")
    colleague.send("/case/decide", **form, label="FRAUD", note="denied")
    assert "You have approved the label" in analyst.act("a-2", "approve", reason="seen")
    page = analyst.browser.page("/labels")
    assert ("a-1" in page, "a-2" in page) == (True, False)


def test_a_rule_author_publishes_and_takes_back(aws: MinistackServer, system: System, policies: Policies) -> None:
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_ruleset(system)
    browser = Desk(aws, policies["rule-author"]).browser
    page = browser.page("/rules/edit")
    draft = with_rule(draft_of(page))
    done = browser.make_active("/rules/publish", "transfers", **browser.form(page, "/rules/check"), draft=draft)
    assert "is active within a minute" in words(done)
    back = browser.make_active("/rules/roll-back", "too many", **browser.form(done, "/rules/roll-back"))
    assert "is active again" in words(back)


def test_an_author_approves_in_their_own_name_alone(aws: MinistackServer, system: System, policies: Policies) -> None:
    del system
    s3 = Desk(aws, policies["rule-author"]).browser.system.s3
    put = partial(s3.put_object, Bucket=BUCKET, Body=b"{}", IfNoneMatch="*")
    for kind in ("rules", "models"):
        put(Key=f"approvals/{kind}/0123/{ANNA.user_id}")
        with pytest.raises(ClientError, match="AccessDenied"):
            put(Key=f"approvals/{kind}/0123/{BEN.user_id}")
        for role in ("analyst", "auditor"):
            asked = _put(f"approvals/{kind}/0123/{ANNA.user_id}")
            assert not allows(policies[role], asked, {"aws:userid": ANNA.user_id})


def test_an_analyst_tells_of_cases_and_of_nothing_else(analyst: Desk, system: System) -> None:
    make_outbox(system)
    system.alert("a-1", customer=CUSTOMER)
    analyst.browser.system.news = news_of(outbox=OUTBOX, types="KEPT_CASE_OPENED", environment="test")
    assert "You have this case now" in analyst.act("a-1", "take")
    assert [each["eventType"] for each in told(system)] == ["KEPT_CASE_OPENED"]
    _, asked = updated(OUTBOX, "SET eventType = :x", "TRANSACTION_FLAGGED", transactionId="a-1", eventId="a-1:x")
    with pytest.raises(ClientError, match="AccessDenied"):
        analyst.browser.system.dynamodb.update_item(**asked)


@pytest.mark.parametrize("kind", ["lists", "labels"])
def test_an_analyst_approves_in_their_own_name_alone(policies: Policies, kind: str) -> None:
    def may(role: str, user_id: str) -> bool:
        return allows(policies[role], _put(f"approvals/{kind}/0123/{user_id}"), {"aws:userid": ANNA.user_id})

    assert may("analyst", ANNA.user_id)
    assert not may("analyst", BEN.user_id)
    assert not may("rule-author", ANNA.user_id)
    assert not may("auditor", ANNA.user_id)


@pytest.mark.parametrize("role", ["rule-author", "auditor"])
def test_who_is_no_analyst_changes_no_case_and_is_told(
    aws: MinistackServer, system: System, policies: Policies, role: str
) -> None:
    system.alert("a-1", customer=CUSTOMER)
    desk = Desk(aws, policies[role])
    form = desk.browser.form(desk.browser.page("/case", id="a-1"), "/case/take")
    fields = {"csrf": desk.browser.session.csrf} | form
    answer = desk.browser.client.post("/case/take", data=fields, headers={"Origin": str(desk.browser.client.base_url)})
    assert answer.status_code == 502
    assert "these credentials may not do that" in words(answer.text)
    assert "That did not work" in words(answer.text)
    alert = desk.browser.system.queue.get("a-1")
    assert alert is not None
    assert alert.assignee is None


def test_an_analyst_publishes_no_rules(analyst: Desk) -> None:
    page = analyst.browser.page("/rules/edit")
    fields = analyst.browser.form(page, "/rules/check") | {"draft": with_rule(draft_of(page)), "reason": "mine"}
    headers = {"Origin": str(analyst.browser.client.base_url)}
    fields = analyst.browser.form(analyst.browser.send("/rules/publish", **fields), "/rules/publish") | fields
    answer = analyst.browser.client.post("/rules/publish", data=fields, headers=headers)
    assert answer.status_code == 502


def _put(key: str) -> Asked:
    """Return what somebody asks for who writes an object that is not there yet."""
    return Asked("s3:PutObject", f"arn:aws:s3:::{BUCKET}/{key}", {"s3:if-none-match": ["*"]})


def updated(table: str, expression: str, value: object, **key: object) -> tuple[str, dict[str, Any]]:
    return "update_item", {
        "TableName": table,
        "Key": to_item(key),
        "UpdateExpression": expression,
        "ExpressionAttributeValues": to_item({":x": value}),
    }


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        updated(TRANSACTIONS, "SET decision = :x", "APPROVE", transactionId="a-1", timestamp=NOW),
        updated(TRANSACTIONS, "SET label = :x, score = :x", 1, transactionId="a-1", timestamp=NOW),
        # What profiles have learnt counts without a second person: functions alone note it.
        updated(TRANSACTIONS, "SET learntLabel = :x", "FRAUD", transactionId="a-1", timestamp=NOW),
        updated(ALERTS, "SET score = :x", 1, transactionId="a-1"),
        updated(ALERTS, "SET entity = :x", "customer#other", transactionId="a-1"),
        updated(PROFILES, "SET version = :x", 1, entity=f"customer#{CUSTOMER}"),
        updated(PROFILES, "SET version = :x", 1, entity="log-chain"),
        ("put_item", {"TableName": ALERTS, "Item": to_item({"transactionId": "a-1", "status": "CLOSED"})}),
        ("put_item", {"TableName": PROFILES, "Item": to_item({"entity": f"list#card#{CUSTOMER}"})}),
        ("delete_item", {"TableName": ALERTS, "Key": to_item({"transactionId": "a-1"})}),
        ("scan", {"TableName": TRANSACTIONS}),
    ],
)
def test_an_analyst_cannot_go_round_the_console(
    analyst: Desk, system: System, operation: str, asked: dict[str, Any]
) -> None:
    system.alert("a-1", customer=CUSTOMER)
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(analyst.browser.system.dynamodb, operation)(**asked)


def test_nobody_writes_a_record_in_anothers_name_or_deletes_one(aws: MinistackServer, policies: Policies) -> None:
    for role in ("analyst", "rule-author", "auditor"):
        s3 = Desk(aws, policies[role]).browser.system.s3
        put = partial(s3.put_object, Bucket=BUCKET, Body=b"{}")
        with pytest.raises(ClientError, match="AccessDenied"):
            put(Key=f"audit/date=2026-11-26/{BEN.user_id}/1-a.json", IfNoneMatch="*")
    statements = [each for role in policies.values() for each in role]
    assert not any(action.startswith("s3:Delete") for each in statements for action in each["Action"])


@pytest.mark.parametrize(
    ("role", "key"),
    [
        *((role, f"audit/date=2026-11-26/{ANNA.user_id}/1-a.json") for role in ("analyst", "rule-author")),
        *(("rule-author", f"approvals/{kind}/0123/{ANNA.user_id}") for kind in ("rules", "models")),
        *(("analyst", f"approvals/{kind}/0123/{ANNA.user_id}") for kind in ("lists", "labels")),
    ],
)
@pytest.mark.usefixtures("system")
def test_nobody_writes_another_record_or_mark_over_their_own(
    aws: MinistackServer, policies: Policies, role: str, key: str
) -> None:
    """What was replaced goes with the bucket's old versions, and CloudTrail's data events are a setting."""
    put = partial(Desk(aws, policies[role]).browser.system.s3.put_object, Bucket=BUCKET, Key=key)
    put(Body=b"mine", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        put(Body=b"another")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(Body=b"another", IfNoneMatch="*")


def test_only_an_analyst_asks_for_tokens_and_only_by_the_alias(policies: Policies) -> None:
    def may(role: str, resource: str) -> bool:
        return allows(policies[role], Asked("lambda:InvokeFunction", resource), {"aws:userid": ANNA.user_id})

    processor = f"{FUNCTIONS}lambda-transaction-processor-test"
    assert may("analyst", f"{processor}:tokens")
    assert not may("analyst", processor)
    assert not may("rule-author", f"{processor}:tokens")
    assert not may("auditor", f"{processor}:tokens")


def test_everybody_sees_which_alarms_ring(policies: Policies) -> None:
    asked = Asked("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*")
    assert all(allows(each, asked, {"aws:userid": ANNA.user_id}) for each in policies.values())


def test_a_request_that_names_no_attribute_or_key_passes_no_condition(policies: Policies) -> None:
    for table in (TRANSACTIONS, ALERTS, PROFILES):
        asked = Asked("dynamodb:UpdateItem", f"{TABLES}{table}")
        assert not allows(policies["analyst"], asked, {"aws:userid": ANNA.user_id})


@pytest.mark.usefixtures("system")
def test_only_a_rule_author_resets_a_breaker_and_touches_nothing_else(aws: MinistackServer, policies: Policies) -> None:
    _, asked = updated(PROFILES, "SET resetAt = :x", 1, entity="breaker#0123456789ab")
    Desk(aws, policies["rule-author"]).browser.system.dynamodb.update_item(**asked)
    for role in ("analyst", "auditor"):
        with pytest.raises(ClientError, match="AccessDenied"):
            Desk(aws, policies[role]).browser.system.dynamodb.update_item(**asked)
    for entity in (f"customer#{CUSTOMER}", f"list#card#{CUSTOMER}", "log-chain"):
        _, other = updated(PROFILES, "SET resetAt = :x", 1, entity=entity)
        with pytest.raises(ClientError, match="AccessDenied"):
            Desk(aws, policies["rule-author"]).browser.system.dynamodb.update_item(**other)

"""Labels that need two people: what one has said is learnt and logged once another approved it; functions see to it."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EventType, FourEyes
from fraudstream.detection.analyzer import Analyzer
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.stores.approvals.change_marks import mark_prefix
from fraudstream.detection.stores.approvals.label_approvals import LabelApprovals, label_digest
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.cases.news import news_of
from fraudstream_tools.operations.review.alert_summary import AlertStatus
from tests.cli_harness import Command
from tests.console_harness import ANNA, BEN, PROFILES, Browser, browser_on, desk_command, who_did_what, words
from tests.integration.cli.review_harness import ALERTS, BUCKET, NOW, TRANSACTIONS, System
from tests.integration.console.test_case_events import OUTBOX, make_outbox, summary, told
from tests.integration.detection.analyzer_harness import RULESET, new_records

CUSTOMER = f"tok_{'p' * 22}"
KEY = to_item({"transactionId": "a-1", "timestamp": NOW})


@dataclass
class Desk:
    """Two people at consoles of a stack that asks for both, and the functions behind its stream."""

    system: System
    anna: Browser
    ben: Browser
    streams: Any
    pool: ThreadPoolExecutor
    two_people: bool = True
    logged: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Lines of labels."""
    _read_up_to: dict[str, str] = field(default_factory=dict[str, str])

    def deliver(self) -> None:
        """Hand what is new on the stream to analyzer and log, until nothing is new."""
        while records := new_records(self.system.dynamodb, self.streams, TRANSACTIONS, self._read_up_to):
            approvals = LabelApprovals(self.system.s3, BUCKET, self.pool)
            counting = approvals.counting(records) if self.two_people else records
            for segment in cut(counting, "").segments:
                lines = map(json.loads, gzip.decompress(segment.body).splitlines())
                self.logged += [line for line in lines if line["event"] == "LABELED"]
            analyzer = Analyzer(
                profiles=ProfileStore(self.system.dynamodb, PROFILES, 400, self.pool),
                decisions=DecisionStore(self.system.dynamodb, TRANSACTIONS, self.pool),
                alerts=AlertStore(self.system.dynamodb, ALERTS, 400),
                pool=self.pool,
                calendar=Calendar(),
            )
            assert analyzer.analyze(counting, RULESET).failures == []

    @property
    def changes(self) -> int:
        """How often the customer's profile has learnt that something is fraud, or is none after all."""
        self.deliver()
        store = ProfileStore(self.system.dynamodb, PROFILES, 400, self.pool)
        return sum(len(each.profile.labels) for each in store.load([f"customer#{CUSTOMER}"]).profiles.values())

    @property
    def log(self) -> set[tuple[str, str]]:
        self.deliver()
        return {(line["transactionId"], line["label"]) for line in self.logged}

    def status(self, name: str) -> AlertStatus:
        self.deliver()
        alert = self.anna.system.queue.get(name)
        assert alert is not None
        return alert.status


@pytest.fixture
def desk(aws: MinistackServer, system: System) -> Iterator[Desk]:
    make_outbox(system)
    for name in ("a-1", "a-2"):
        system.alert(name, customer=CUSTOMER)
    anna, ben = browser_on(aws, ANNA), browser_on(aws, BEN)
    for each in (anna, ben):
        each.system.four_eyes = ("labels",)
        each.system.news = news_of(outbox=OUTBOX, types=",".join(EventType), environment="test")
        each.enter()
    with ThreadPoolExecutor(4) as pool:
        made = Desk(system, anna, ben, aws.client("dynamodbstreams"), pool)
        made.deliver()
        yield made


@pytest.fixture
def command(
    aws: MinistackServer, system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The command line of somebody who is neither Anna nor Ben."""
    del system
    made = desk_command(aws, capsys, monkeypatch)
    monkeypatch.setenv("FRAUDSTREAM_FOUR_EYES", "labels")
    return made


def decide(browser: Browser, name: str = "a-1", label: str = "FRAUD", **fields: str) -> str:
    form = browser.form(browser.page("/case", id=name), "/case/decide")
    return words(browser.send("/case/decide", **form, label=label, note="denied", **fields))


def approve_anyhow(browser: Browser, other: Browser) -> None:
    """Send the form that is offered to somebody else, and not to the person."""
    for page, action in (("/labels", "/labels/approve"), ("/case", "/case/approve")):
        query = {"id": "a-1"} if page == "/case" else {}
        own = browser.page(page, **query)
        assert action not in own
        assert "Your mark is on it: somebody else has to approve it" in words(own)
        form = other.form(other.page(page, **query), action) | {"csrf": browser.session.csrf}
        said = words(browser.send(action, **form, reason="mine"))
        assert "somebody else has to look at it" in said


def approve(browser: Browser, name: str | None = None) -> str:
    page, action = ("/labels", "/labels/approve") if name is None else ("/case", "/case/approve")
    form = browser.form(browser.page(page, **({} if name is None else {"id": name})), action)
    return words(browser.send(action, **form, reason="the bank says so"))


def test_a_label_counts_once_and_only_after_another_person_approved_it(desk: Desk) -> None:
    assert "counts once somebody else has approved it" in decide(desk.anna)
    assert (desk.changes, desk.log, desk.status("a-1")) == (0, set(), AlertStatus.OPEN)
    approve_anyhow(desk.anna, desk.ben)
    assert (desk.changes, desk.log, desk.status("a-1")) == (0, set(), AlertStatus.OPEN)
    assert "fraud analyst" in words(desk.ben.page("/labels"))
    assert "Its label, fraud, waits for a second person" in words(desk.ben.page("/case", id="a-1"))
    assert "You have approved it" in approve(desk.ben)
    assert "waits for a second person" not in words(desk.ben.page("/case", id="a-1"))
    assert (desk.changes, desk.log, desk.status("a-1")) == (1, {("a-1", "FRAUD")}, AlertStatus.CLOSED)
    item = desk.system.item("a-1")
    assert (item["labelApprovedBy"], item["learntLabel"]) == (BEN.arn, "FRAUD")
    assert "None waits" in words(desk.anna.page("/labels"))
    assert who_did_what(desk.ben) == [
        ("label-transaction", ANNA.user_id),
        ("approve-labels", BEN.user_id),
        ("close-case", BEN.user_id),
    ]


def test_where_one_person_is_enough_a_label_counts_at_once(desk: Desk) -> None:
    desk.two_people = False
    for each in (desk.anna, desk.ben):
        each.system.four_eyes = ()
    assert "labelled FRAUD, and its alert is closed" in decide(desk.anna)
    assert (desk.changes, desk.log, desk.status("a-1")) == (1, {("a-1", "FRAUD")}, AlertStatus.CLOSED)
    assert "labelApprovedAt" not in desk.system.item("a-1")
    assert "One person is enough" in words(desk.ben.page("/labels"))
    fields = {"id": "a-1", "digest": "0", "reason": "seen"}
    assert "asks for no second person" in words(desk.ben.send("/labels/approve", **fields))


def test_another_label_needs_a_second_person_anew_and_takes_nothing_away(desk: Desk) -> None:
    decide(desk.anna)
    approve(desk.ben, "a-1")
    assert desk.changes == 1
    decide(desk.anna, label="LEGITIMATE")
    assert (desk.changes, desk.log) == (1, {("a-1", "FRAUD")})
    assert "labelApprovedBy" not in desk.system.item("a-1")
    assert "Its label, legitimate, waits for a second person" in words(desk.ben.page("/case", id="a-1"))
    approve(desk.ben, "a-1")
    assert (desk.changes, desk.log) == (2, {("a-1", "FRAUD"), ("a-1", "LEGITIMATE")})


def test_what_is_approved_is_not_what_somebody_says_afterwards(desk: Desk) -> None:
    decide(desk.anna)
    form = desk.ben.form(desk.ben.page("/labels"), "/labels/approve")
    decide(desk.anna, label="LEGITIMATE")
    assert "look at it again" in words(desk.ben.send("/labels/approve", **form, reason="seen"))
    assert (desk.changes, desk.log) == (0, set())


def test_what_is_said_while_another_label_is_approved_is_among_those_that_wait(desk: Desk) -> None:
    decide(desk.anna)
    client: Any = desk.ben.system.dynamodb
    said: list[str] = []

    def say_another(params: Any, **_: object) -> None:
        if params["TableName"] == ALERTS and params["UpdateExpression"] == "REMOVE statusShard" and not said:
            said.append(decide(desk.anna, label="LEGITIMATE"))

    client.meta.events.register("provide-client-params.dynamodb.UpdateItem", say_another)
    approve(desk.ben)
    assert said
    assert "legitimate" in words(desk.ben.page("/labels"))


def test_why_somebody_approves_is_not_shown_any_more_once_they_have(desk: Desk) -> None:
    decide(desk.anna)
    form = desk.ben.form(desk.ben.page("/labels"), "/labels/approve")
    decide(desk.anna, label="LEGITIMATE")
    assert "You had written: looked at" in words(desk.ben.send("/labels/approve", **form, reason="looked at"))
    assert "You had written" in words(desk.ben.page("/labels"))
    assert "You had written" not in approve(desk.ben)
    assert "You had written" not in words(desk.ben.page("/labels"))


def test_an_alert_is_closed_when_its_label_is_approved(desk: Desk) -> None:
    decide(desk.anna)
    approve(desk.ben)
    desk.deliver()
    said = words(desk.anna.page("/case", id="a-1"))
    assert said.index("labelled FRAUD") < said.index("the label was approved") < said.index("the alert was closed")


def test_a_transaction_that_says_it_was_approved_has_to_have_both_marks(desk: Desk) -> None:
    """Whoever may label may write every attribute of a label, another's name too."""

    def write(**attributes: Any) -> None:
        desk.system.dynamodb.update_item(
            TableName=TRANSACTIONS,
            Key=KEY,
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in attributes.items()}),
        )

    mine = {"labelSource": "analyst", "labelApprovedAt": NOW + 9, "labelApprovedBy": BEN.arn}
    write(label="FRAUD", labeledAt=NOW + 5, **mine)
    assert (desk.changes, desk.log) == (0, set())
    approver = desk.anna.system.approver(FourEyes.LABELS)
    approver.mark(label_digest("a-1", "FRAUD", NOW + 5))
    # A mark below another's name, as the policy's pattern lets through, is none of theirs.
    key = f"{mark_prefix(FourEyes.LABELS, label_digest('a-1', 'FRAUD', NOW + 5))}{BEN.user_id}/{ANNA.user_id}"
    desk.system.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    write(labelApprovedAt=NOW + 10)
    assert (desk.changes, desk.log) == (0, set())
    desk.ben.system.approver(FourEyes.LABELS).mark(label_digest("a-1", "FRAUD", NOW + 5))
    write(labelApprovedAt=NOW + 11)
    assert (desk.changes, desk.log) == (1, {("a-1", "FRAUD")})
    # The same marks are for no other time and no other label.
    write(label="LEGITIMATE", **mine)
    write(label="FRAUD", labeledAt=NOW + 6, **mine)
    assert (desk.changes, desk.log) == (1, {("a-1", "FRAUD")})


def test_a_label_that_waits_hides_no_alert(desk: Desk) -> None:
    """One that counts is there before the decision: no alert is needed. One person alone cannot have that."""
    for number in range(4):
        desk.deliver()
        desk.system.store(
            f"s-{number}", None, customer=CUSTOMER, card_token="tok_card", card_country="DE", ip_country="VN"
        )
    decide(desk.anna, "s-3", label="LEGITIMATE")
    assert desk.status("s-3") is AlertStatus.OPEN


def test_who_was_interrupted_behind_the_mark_finishes(desk: Desk) -> None:
    decide(desk.anna)
    item = desk.system.item("a-1")
    desk.ben.system.approver(FourEyes.LABELS).mark(label_digest("a-1", "FRAUD", item["labeledAt"]))
    assert "You have approved it" in approve(desk.ben)
    assert desk.changes == 1


def test_a_kind_of_fraud_and_what_was_done_are_told_by_one_person(desk: Desk, command: Command) -> None:
    decide(desk.anna)
    approve(desk.ben)
    desk.deliver()
    assert command("labels", "action", "a-1", "BLOCKED").code == 0
    desk.deliver()
    assert [line["actionTaken"] for line in desk.logged if "actionTaken" in line] == ["BLOCKED"]
    assert desk.system.item("a-1")["labelApprovedBy"] == BEN.arn


def test_a_case_is_closed_with_the_last_label_that_is_approved(desk: Desk) -> None:
    form = desk.anna.form(desk.anna.page("/case", id="a-1"), "/case/take")
    desk.anna.send("/case/take", **form)
    assert "So is 1 more of this case" in decide(desk.anna, also="a-1 a-2")
    approve(desk.ben, "a-1")
    assert summary(told(desk.system)) == [("KEPT_CASE_OPENED", "")]
    approve(desk.ben, "a-2")
    assert summary(told(desk.system)) == [("KEPT_CASE_OPENED", ""), ("KEPT_CASE_CLOSED", "FRAUD")]
    assert "closed by ben" in words(desk.anna.page("/case", id="a-1"))


def test_an_alert_that_a_command_closes_stays_open_until_its_label_is_approved(desk: Desk, command: Command) -> None:
    ran = command("alerts", "close", "a-1", "--fraud", "--json")
    assert json.loads(ran.out) == [{"transactionId": "a-1", "label": "FRAUD", "hadOpenAlert": False}]
    assert "it counts once somebody else has approved it" in ran.err
    assert desk.status("a-1") is AlertStatus.OPEN
    approve(desk.ben, "a-1")
    assert desk.status("a-1") is AlertStatus.CLOSED


def test_the_commands_label_list_and_approve_too(desk: Desk, command: Command, tmp_path: Any) -> None:
    ran = command("labels", "set", "a-1", "--fraud", "--source", "chargeback")
    assert (ran.code, "once somebody else has approved it" in ran.err) == (0, True)
    assert "FRAUD, says chargeback; it counts once somebody else" in command("labels", "show", "a-1").out
    file = tmp_path / "labels.csv"
    file.write_text(f"transactionId,label,labeledAt\na-2,LEGITIMATE,{NOW + 77}\n")
    ran = command("labels", "import", str(file), "--json")
    assert (ran.code, json.loads(ran.out)["results"]) == (0, {"WRITTEN": 1})
    file.write_text(f"transactionId,label,labeledAt\nnever-posted,FRAUD,{NOW}\n")
    ran = command("labels", "import", str(file))
    assert (ran.code, "once somebody else has approved it" in ran.err) == (1, False)
    assert (desk.changes, desk.log) == (0, set())
    waiting = json.loads(command("labels", "waiting", "--json").out)
    assert {(each["transactionId"], each["labelSource"]) for each in waiting} == {
        ("a-1", "chargeback"),
        ("a-2", "analyst"),
    }
    ran = command("labels", "approve", *[each["digest"] for each in waiting], "--reason", "mine")
    assert (ran.code, "no label got your mark" in ran.err) == (1, True)
    decide(desk.anna, label="LEGITIMATE")
    digest = command("labels", "waiting").out.splitlines()[0].split()[0]
    ran = command("labels", "approve", digest, "--reason", "seen", "--json")
    assert [(each["transactionId"], each["label"]) for each in json.loads(ran.out)] == [("a-1", "LEGITIMATE")]
    assert "it counts once" not in command("labels", "show", "a-1").out
    assert desk.log == {("a-1", "LEGITIMATE")}
    approve(desk.ben)
    assert (desk.changes, desk.log) == (0, {("a-1", "LEGITIMATE"), ("a-2", "LEGITIMATE")})
    assert "no label waits for anybody" in command("labels", "waiting").err


def test_the_command_approves_what_was_seen_and_not_what_somebody_says_since(desk: Desk, command: Command) -> None:
    decide(desk.anna)
    (seen,) = json.loads(command("labels", "waiting", "--json").out)
    decide(desk.anna, label="LEGITIMATE")
    for digest in (seen["digest"], seen["digest"][:16], "", "a"):
        ran = command("labels", "approve", digest, "--reason", "seen")
        assert (ran.code, "nothing that waits has this digest" in ran.err) == (1, True)
    assert desk.log == set()


@pytest.mark.parametrize(("learnt_at", "counts"), [(None, True), ("500", True), ("3000", False)])
def test_marks_of_an_earlier_label_do_not_bring_it_back(desk: Desk, learnt_at: str | None, *, counts: bool) -> None:
    digest = label_digest("a-1", "FRAUD", 1000)
    for person in (ANNA, BEN):
        desk.system.s3.put_object(Bucket=BUCKET, Key=mark_prefix(FourEyes.LABELS, digest) + person.user_id, Body=b"{}")
    image = {"transactionId": {"S": "a-1"}, "label": {"S": "FRAUD"}, "labeledAt": {"N": "1000"}}
    image["labelApprovedAt"] = {"N": "2000"}
    if learnt_at is not None:
        image |= {"learntLabel": {"S": "LEGITIMATE"}, "learntLabeledAt": {"N": learnt_at}}
    (record,) = LabelApprovals(desk.system.s3, BUCKET, desk.pool).counting([{"dynamodb": {"NewImage": image}}])
    assert ("label" in record["dynamodb"]["NewImage"]) == counts


def test_a_damaged_note_or_label_hides_no_other_that_waits(desk: Desk, command: Command) -> None:
    decide(desk.anna)
    for name, more in (("label#x", {}), ("label#y", {"timestamp": "x", "givenBy": 5}), ("label#a-2", {"givenBy": "x"})):
        note = {"transactionId": name, "statusShard": "LABEL_WAITS", "createdAt": NOW, "timestamp": NOW, **more}
        desk.system.dynamodb.put_item(TableName=ALERTS, Item=to_item(note))
    desk.system.dynamodb.update_item(
        TableName=TRANSACTIONS,
        Key=to_item({"transactionId": "a-2", "timestamp": NOW}),
        UpdateExpression="SET label = :none, labeledAt = :none, fraudType = :odd",
        ExpressionAttributeValues={":none": {"S": "x"}, ":odd": {"SS": ["x"]}},
    )
    # Both may be written by whoever labels, and an update makes what is not there.
    note = {"transactionId": "label#z", "statusShard": "LABEL_WAITS", "createdAt": NOW, "timestamp": 1, "givenBy": "x"}
    desk.system.dynamodb.put_item(TableName=ALERTS, Item=to_item(note))
    made_up = {"transactionId": "z", "timestamp": 1, "label": "FRAUD", "labelSource": "x", "labeledAt": 5}
    desk.system.dynamodb.put_item(TableName=TRANSACTIONS, Item=to_item(made_up))
    assert "a-1" in words(desk.ben.page("/labels"))
    (waits,) = json.loads(command("labels", "waiting", "--json").out)
    assert waits["transactionId"] == "a-1"

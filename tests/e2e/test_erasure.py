"""A person is erased from everything that the deployed system has stored."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from embedded_aws.cloud import LocalCloud
from fraudstream.contract import AUDIT_PREFIX
from fraudstream.reporting.log.hours.roll_up import RollUp
from fraudstream.transactions.decisions.decision import Decision, Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.privacy.erasure import erasing
from fraudstream_tools.operations.privacy.log_owner import LogOwner
from fraudstream_tools.operations.privacy.system import PREFIXES, TABLES
from fraudstream_tools.operations.review.labels import give_label
from tests.cli_harness import Command, point_at
from tests.e2e.api_harness import Client, payment
from tests.e2e.stored_harness import places
from tests.ids_harness import new_id
from tests.waiting_harness import PATIENCE_SECONDS

OUTPUTS = (
    "transactionsTable",
    "profilesTable",
    "alertsTable",
    "outboxTable",
    "bucketName",
    "processorFunction",
    "tokenKeys",
    "tokenNumber",
    "reportFunction",
)


@dataclass
class World:
    """Ann, who is to be erased, and Bob, who shares an address with her and pays her."""

    cloud: LocalCloud
    ann: str
    bob: str
    states: dict[str, dict[str, Any]]
    """Ids of the transactions to what the API says of them."""

    def of(self, name: str) -> list[dict[str, Any]]:
        return [state for key, state in self.states.items() if key.startswith(name)]

    def report(self) -> None:
        """Have today's report written, as every day's is."""
        today = datetime.now(UTC).date().isoformat()
        self.cloud.invoke(self.cloud.outputs["reportFunction"], {"task": "daily-report", "date": today})

    def profile(self, key: str) -> dict[str, Any] | None:
        table = self.cloud.outputs["profilesTable"]
        return self.cloud.client("dynamodb").get_item(TableName=table, Key=to_item({"entity": key})).get("Item")


@pytest.fixture(scope="module")
def world(client: Client, cloud: LocalCloud, decided: Callable[[str], dict[str, Any]]) -> World:
    """A world in which nobody is erased."""
    return make_world(client, cloud, decided)


def make_world(client: Client, cloud: LocalCloud, decided: Callable[[str], dict[str, Any]]) -> World:
    run = new_id()[:8]
    ann, bob = f"{run}-ann", f"{run}-bob"
    number = int(run, 36) % 65_536
    address = {"ipAddress": f"198.18.{number // 256}.{number % 256}", "cardCountry": "DE", "ipCountry": "VN"}
    payments = [
        *(
            payment(
                transactionId=f"ann-{run}-{number}",
                customerId=ann,
                cardToken=f"{run}-card",
                deviceId=f"{run}-phone",
                merchantId=f"{run}-shop",
                amountMinor=900_000,
                **address,
            )
            for number in range(12)
        ),
        payment(transactionId=f"bob-{run}-1", customerId=bob, deviceId=f"{run}-desk", **address),
        payment(transactionId=f"bob-{run}-2", customerId=bob, type="TRANSFER", counterpartyToken=ann, **address),
    ]
    states: dict[str, dict[str, Any]] = {}
    for each in payments:
        if each["customerId"] == bob and "counterpartyToken" in each:
            # What is known of her as the other side is damaged: Bob's decision names her as what it did without.
            key = f"counterparty#{next(iter(states.values()))['customerId']}"
            damaged = to_item({"entity": key, "state": b"damaged", "version": 1, "expiresAt": 2**33})
            cloud.client("dynamodb").put_item(TableName=cloud.outputs["profilesTable"], Item=damaged)
        assert client.post(each).status_code == 201
        states[each["transactionId"]] = decided(each["transactionId"])
    world = World(cloud, ann, bob, states)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    # The hour is merged and reported on, and again after more has come in: so there are old versions.
    world.report()
    for each in payments[:2]:
        label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=int(time.time() * 1000))
        give_label(cloud.client("dynamodb"), cloud.outputs["transactionsTable"], each["transactionId"], label)
    cloud.wait_until_idle(PATIENCE_SECONDS)
    world.report()
    # What the analyzer keeps of a damaged profile, what analysts put on lists, and a shard of a divided profile.
    token = world.of("ann")[0]["customerId"]
    for key in (f"damaged#customer#{token}#0123abcd", f"list#customer#{token}", f"customer#{token}#89abcdef#03"):
        cloud.client("dynamodb").put_item(TableName=cloud.outputs["profilesTable"], Item=to_item({"entity": key}))
    # What an analyst did to her.
    audit = AuditLog(cloud.client("s3"), cloud.outputs["bucketName"], Operator(user_id="AIDA", arn="arn:aws:iam::1:x"))
    with audit.recorded("add-to-list", f"customer#{token}", reason=f"denied {payments[0]['transactionId']}"):
        pass
    return world


@pytest.fixture
def fraudstream(
    cloud: LocalCloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Command]:
    keys = (cloud.credentials.access_key, cloud.credentials.secret_key)
    point_at(cloud.endpoint_url, monkeypatch, keys, **{output: cloud.outputs[output] for output in OUTPUTS})
    monkeypatch.setattr(erasing, "SETTLE_SECONDS", 1.0)
    monkeypatch.chdir(tmp_path)
    with lambda_endpoint(cloud.invoke, cloud) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        yield Command(capsys)


def found(fraudstream: Command, *arguments: object) -> dict[str, Any]:
    ran = fraudstream(*arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def profiles_of(world: World) -> set[str]:
    """Return the keys of Ann's items in the table of profiles.

    Her own profile, card and device, the damaged copy, the list entry and a shard; and the shards of those that were
    divided because several analyzers wrote them at once, which differs from run to run.
    """
    state = world.of("ann")[0]
    tokens = state["customerId"], state["cardToken"], state["deviceId"]
    held = places(world.cloud, *tokens)
    keys = {place.partition("/")[2] for place in held if place.startswith("table-profiles-")}
    customer = f"customer#{tokens[0]}"
    named = {customer, f"card#{tokens[1]}", f"device#{tokens[2]}", f"list#{customer}", f"damaged#{customer}#0123abcd"}
    assert named | {f"{customer}#89abcdef#03"} <= keys
    return keys


def sources_of(world: World, state: Mapping[str, Any]) -> set[str]:
    """Return what the reasons of a stored decision come from."""
    item = newest_item(world.cloud.client("dynamodb"), world.cloud.outputs["transactionsTable"], state["transactionId"])
    decision = Decision.from_item(item or {})
    assert decision is not None
    return {reason.source for reason in decision.reasons}


def test_tokens_are_only_where_the_register_says(world: World) -> None:
    """A store that is not in the register is not erased: whatever is stored somewhere else fails here."""
    held = places(world.cloud, *(state["customerId"] for state in world.states.values()))
    known = tuple(f"table-{purpose}-e2e/" for purpose in TABLES)
    known += tuple(f"{world.cloud.outputs['bucketName']}/{prefix}" for prefix in PREFIXES)
    assert [place for place in held if not place.startswith(known)] == []
    # Each of them was really met.
    assert {prefix for prefix in known if any(place.startswith(prefix) for place in held)} == set(known)


def test_a_legal_hold_refuses(world: World, fraudstream: Command) -> None:
    token = world.of("ann")[0]["customerId"]
    before = places(world.cloud, token)
    ran = fraudstream("hold", "--customer", world.ann, "--reason", "case 4711")
    assert ran.code == 0, ran.err
    ran = fraudstream("erase", "--customer", token, "--yes")
    assert ran.code == 1
    assert "legal hold" in ran.err
    assert "case 4711" in ran.err
    assert f"fraudstream hold --customer {token} --release" in ran.err
    ran = fraudstream("hold", "--customer", token, "--release")
    assert ran.code == 0, ran.err
    after = places(world.cloud, token)
    assert [place for place in before if place not in after] == []
    records = f"{world.cloud.outputs['bucketName']}/{AUDIT_PREFIX}"
    assert [place for place in after if place not in before and not place.startswith(records)] == []


def test_a_dry_run_counts_and_changes_nothing(world: World, fraudstream: Command) -> None:
    ids = [state["transactionId"] for state in world.of("ann")]
    before = places(world.cloud, *ids)
    receipt = found(fraudstream, "erase", "--customer", world.ann, "--dry-run")
    # Hers, and the one in which Bob paid her.
    assert receipt["removed"]["transactions"] == len(ids) + 1
    assert receipt["removed"]["profiles"] == len(profiles_of(world))
    assert receipt["removed"]["alerts"] > 0
    assert receipt["removed"]["outbox"] > 0
    assert receipt["removed"]["decision log"] > 0
    assert receipt["receipt"] is None
    assert places(world.cloud, *ids) == before


@pytest.mark.parametrize(
    "broken_off_at",
    [None, (LogOwner, "note_changes"), (RollUp, "_write_note")],
    ids=["whole", "before the chain", "before the note"],
)
def test_nothing_of_a_person_is_left_anywhere(
    fraudstream: Command,
    client: Client,
    cloud: LocalCloud,
    decided: Callable[[str], dict[str, Any]],
    broken_off_at: tuple[type, str] | None,
) -> None:
    world = make_world(client, cloud, decided)
    ann, bob = world.of("ann"), world.of("bob")
    token = ann[0]["customerId"]
    own = [token, ann[0]["cardToken"], ann[0]["deviceId"], *(state["transactionId"] for state in ann)]
    assert sources_of(world, bob[1]) >= {f"counterparty#{token}"}
    assert len(places(world.cloud, *own)) > len(ann)

    profiles = profiles_of(world)
    if broken_off_at is not None:
        break_off_erasure(fraudstream, world.ann, *broken_off_at)
    receipt = found(fraudstream, "erase", "--customer", world.ann, "--yes")
    # Whoever was broken off has put a mark in the customer's place.
    assert receipt["removed"]["profiles"] == len(profiles) - (broken_off_at is not None)

    # The marks by which late records are passed over have no data, and go by themselves.
    marks = {
        f"customer#{token}",
        f"counterparty#{token}",
        f"card#{ann[0]['cardToken']}",
        f"device#{ann[0]['deviceId']}",
    }
    left = places(world.cloud, *own)
    assert {place.partition("/")[2] for place in left} == marks
    for key in marks:
        item = world.profile(key)
        assert item is not None
        assert item.keys() == {"entity", "version", "erasedAt", "erasedFor", "expiresAt"}
    # Bob's are there, without her; what both used is there.
    states = [client.get(state["transactionId"]).json() for state in bob]
    assert states[0] == bob[0]
    without = {name: value for name, value in bob[1].items() if name != "counterpartyToken"}
    reasons = [
        each | {"source": "counterparty#erased"} if each["source"] == f"counterparty#{token}" else each
        for each in bob[1]["reasons"]
    ]
    assert states[1] == without | {"reasons": reasons}
    assert sources_of(world, bob[1]) >= {"counterparty#erased"}
    assert world.profile(f"ip#{ann[0]['ipAddress']}")
    assert client.get(ann[0]["transactionId"]).status_code == 404
    # The log of the hour is whole: reports are made of it, and nothing of it is missing or damaged.
    world.report()
    there = places(world.cloud, bob[0]["transactionId"])
    assert any("decision-log/decisions/" in place for place in there)
    assert places(world.cloud, *own) == left

    today = datetime.now(UTC).date().isoformat()
    checked = cloud.invoke(cloud.outputs["reportFunction"], {"task": "verify-log", "since": today, "until": today})
    assert checked["findings"] == []
    assert checked["erased"]

    # The receipt says what was done, and nothing of whom.
    key = receipt["receipt"]
    kept = world.cloud.client("s3").get_object(Bucket=world.cloud.outputs["bucketName"], Key=key)["Body"].read()
    assert json.loads(kept)["removed"] == receipt["removed"]
    assert not any(each in kept.decode() for each in (*own, world.ann))
    ends = {each["what"]: each["ends"] for each in receipt["remains"]}
    recovery = [day for what, day in ends.items() if what.startswith("point-in-time recovery")]
    assert len(recovery) == 4
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in recovery)

    again = found(fraudstream, "erase", "--customer", world.ann, "--yes")
    assert sum(again["removed"].values()) == 0
    assert again["byHand"] == []
    ran = fraudstream("erase", "--customer", world.ann, "--dry-run")
    assert "nothing is stored of this person" in ran.out
    check_who_comes_back_begins_anew(world, client, decided, fraudstream)


def break_off_erasure(fraudstream: Command, customer: str, owner: type, step: str) -> None:
    """Erase a person, and break it off before a step: when an hour's note, or the log's chain, does not know yet."""
    with mock.patch.object(owner, step, side_effect=KeyboardInterrupt):
        ran = fraudstream("erase", "--customer", customer, "--yes")
    assert ran.code == 130
    assert "the same again goes on" in ran.err


def check_who_comes_back_begins_anew(
    world: World, client: Client, decided: Callable[[str], dict[str, Any]], fraudstream: Command
) -> None:
    again = payment(customerId=world.ann)
    assert client.post(again).status_code == 201
    state = decided(again["transactionId"])
    world.cloud.wait_until_idle(PATIENCE_SECONDS)
    profile = world.profile(f"customer#{state['customerId']}")
    assert profile is not None
    assert "state" in profile
    assert found(fraudstream, "erase", "--customer", world.ann, "--dry-run")["removed"]["transactions"] == 1


def test_the_commands_say_how_a_rotation_of_the_token_key_begins(world: World, fraudstream: Command) -> None:
    said = found(fraudstream, "tokens", "rotate")
    assert (said["keys"], said["number"]) == (1, 1)
    assert said["next"] == "pulumi config set fraudstream:tokenKeys 2 && pulumi up"
    # With one key, whatever is stored has tokens of the newest number.
    rekeyed = found(fraudstream, "tokens", "rekey", "--yes")["rekeyed"]
    assert set(rekeyed.values()) == {0}
    assert world.of("ann")[0]["customerId"].startswith("tok_")

"""What a stack's settings say, the fraud analyzer does: each is tried on the function as Lambda starts it."""

import base64
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import APPROVALS_PREFIX, BREAKER_PREFIX, EventType, FourEyes, files_digest
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.model import Model
from fraudstream.detection.stores.approvals.file_approvals import NotApprovedError
from fraudstream.detection.stores.decisions.breaker import BROKEN_AT
from fraudstream.detection.stores.lists.listings import ListEntry, Listing, item_key
from fraudstream.transactions.decisions.decision import Decision, Truth, Verdict
from fraudstream.transactions.decisions.reasons import HELD_BACK
from fraudstream.transactions.storage.attributes import from_item, to_item
from tests.integration.detection.analyzer_harness import (
    BLOCKING_RULESET,
    NOW,
    RULESET_FILES,
    World,
    a_world,
    suspicious,
    transaction,
)
from tests.integration.functions.fraud_analyzer_harness import (
    BUCKET,
    PREFIX,
    Context,
    lines,
    make_bucket,
    started,
    upload,
)
from tests.unit.detection.model_harness import severe_model, small_model

DAY = 86_400
RULES, RATES, LISTS = RULESET_FILES


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    with a_world(aws) as made:
        yield made


@pytest.fixture
def s3(aws: MinistackServer) -> Any:
    client = make_bucket(aws)
    upload(client, ruleset=RULES, rates=RATES, lists=LISTS)
    return client


def analyze(world: World, analyzer: ModuleType) -> None:
    assert analyzer.handler({"Records": world.records()}, Context()) == {"batchItemFailures": []}


def decision(world: World, transaction_id: str) -> Decision:
    found = world.decision(transaction_id)
    assert found is not None
    return found


def feature(world: World, transaction_id: str, name: str) -> float | None:
    return unpack(decision(world, transaction_id).features)[NAMES.index(name)]


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (found,) = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
    return found


def approve(s3: Any, kind: FourEyes, digest: str) -> None:
    """Put the marks of two people on a change."""
    for person in ("AIDAANN", "AIDABEN"):
        s3.put_object(Bucket=BUCKET, Key=f"{APPROVALS_PREFIX}{kind}/{digest}/{person}", Body=b"")


def test_hours_are_those_of_the_time_zone(aws: MinistackServer, world: World, s3: Any) -> None:
    with started(aws, time_zone="Asia/Tokyo") as analyzer:
        world.store(transaction(1))
        analyze(world, analyzer)
    utc = NOW // 3_600_000 % 24
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == len(RULESET_FILES)
    assert feature(world, "t1", "localHour") == (utc + 9) % 24


@pytest.mark.parametrize(("days", "share"), [(1, 1.0), (7, None)])
@pytest.mark.usefixtures("s3")
def test_a_share_of_frauds_leaves_out_the_days_of_the_labels_delay(
    aws: MinistackServer, world: World, days: int, share: float | None
) -> None:
    first, second = (transaction(number, terminal_id="tok_till") for number in (1, 2 * DAY * 1000))
    with started(aws, label_delay_days=days) as analyzer:
        world.store(first)
        analyze(world, analyzer)
        world.change(first, {"label": Truth.FRAUD, "labelSource": "analyst", "labeledAt": NOW + 60_000})
        analyze(world, analyzer)
        world.store(second)
        analyze(world, analyzer)
    assert feature(world, second.transaction_id, "terminalFraudShare30d") == share


@pytest.mark.usefixtures("s3")
def test_of_the_approved_ones_that_share_is_put_into_the_queue(aws: MinistackServer, world: World) -> None:
    numbers = range(60)
    with started(aws, exploration_per_cent=50.0) as analyzer:
        world.store(*(transaction(number, customer_id=f"tok_{number}") for number in numbers))
        analyze(world, analyzer)
    drawn = [from_item(alert) for alert in world.items("alerts")]
    assert 0 < len(drawn) < len(numbers)
    assert {(alert["decision"], alert["explorationPropensity"]) for alert in drawn} == {("APPROVE", 0.5)}


@pytest.mark.usefixtures("s3")
def test_alerts_and_profiles_are_kept_as_long_as_each_is_to_be(aws: MinistackServer, world: World) -> None:
    with started(aws, profile_retention_days=20, alert_retention_days=10) as analyzer:
        world.store(*map(suspicious, range(4)))
        analyze(world, analyzer)
    kept = {
        table: {round((from_item(item)["expiresAt"] - time.time()) / DAY) for item in world.items(table)}
        for table in ("profiles", "alerts")
    }
    assert kept == {"profiles": {20}, "alerts": {10}}


@pytest.mark.usefixtures("s3")
def test_other_systems_are_told_what_the_settings_name(aws: MinistackServer, world: World) -> None:
    with started(aws, outbox_table="outbox", events="CASE_OPENED,LABEL_SET") as analyzer:
        world.store(*map(suspicious, range(4)))
        analyze(world, analyzer)
    told = {(event["eventType"], event["environment"]) for event in world.events().values()}
    assert told == {(EventType.CASE_OPENED, "test")}


@pytest.mark.usefixtures("s3")
def test_profiles_and_lists_go_by_the_newest_token_keys(aws: MinistackServer, world: World, s3: Any) -> None:
    token = f"tok_{'a' * 22}"
    upload(s3, ruleset=BLOCKING_RULESET, rates=RATES, lists=f"{{blocked: {{customer: [{token}]}}}}".encode())
    with started(aws, token_keys_on_top=base64.b64encode(bytes(32)).decode()) as analyzer:
        world.store(transaction(1, customer_id=token))
        analyze(world, analyzer)
    (key,) = world.profiles()
    assert key.startswith("customer#tok2_")
    assert decision(world, "t1").decision is Verdict.DECLINE


def test_where_rules_need_two_people_one_alone_changes_nothing(
    aws: MinistackServer, world: World, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    world.store(transaction(1))
    records = world.records()
    with started(aws, approved_ruleset="0" * 64) as analyzer:
        with pytest.raises(NotApprovedError):
            analyzer.handler({"Records": records}, Context())
        # Nobody is woken at once: each change is so for some minutes.
        found = metrics(capsys)
        assert (found["ChangeWaits"], "RulesetInvalid" in found) == ([1.0], False)
        approve(s3, FourEyes.RULES, files_digest(*RULESET_FILES))
    with started(aws, approved_ruleset="0" * 64) as analyzer:
        analyzer.handler({"Records": records}, Context())
        # A day on which a look found nothing is none of a week of waiting.
        assert metrics(capsys)["ChangeWaits"] == [0.0]
        analyzer.handler({"Records": []}, Context())
        assert "ChangeWaits" not in metrics(capsys)
    assert decision(world, "t1").decision is Verdict.APPROVE


def test_where_models_need_two_people_one_alone_changes_nothing(
    aws: MinistackServer, world: World, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    model = small_model()
    choose(s3, f"shadow: {model.version}.json\n", model)
    with started(aws, approved_models="0" * 64) as analyzer:
        world.store(transaction(1))
        analyze(world, analyzer)
    assert "RulesetInvalid" not in capsys.readouterr().out
    approve(s3, FourEyes.MODELS, files_digest(f"shadow: {model.version}.json\n".encode(), model.to_json()))
    with started(aws, approved_models="0" * 64) as analyzer:
        world.store(transaction(2))
        analyze(world, analyzer)
    assert [decision(world, name).shadow_model for name in ("t1", "t2")] == [None, model.version]


def test_where_lists_need_two_people_one_alone_changes_nothing(aws: MinistackServer, world: World, s3: Any) -> None:
    entry = ListEntry(since=NOW, by="arn:aws:iam::000000000000:user/ann", reason="card testing")
    listing = Listing(entity="customer#tok_ann", entries={"blocked": entry}, changed_at=NOW, version=1)
    world.dynamodb.put_item(TableName="profiles", Item=listing.to_item())
    for number, settings in enumerate([{"approves_lists": 1}, {}]):
        with started(aws, **settings) as analyzer:
            world.store(transaction(number))
            analyze(world, analyzer)
    approve(s3, FourEyes.LISTS, entry.digest(listing.entity, "blocked"))
    with started(aws, approves_lists=1) as analyzer:
        world.store(transaction(2))
        analyze(world, analyzer)
    assert [decision(world, f"t{number}").listed_as for number in range(3)] == [
        (),
        ("blocked:customer",),
        ("blocked:customer",),
    ]


def choose(s3: Any, pointer: str, model: Model) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}models/{model.version}.json", Body=model.to_json())
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}models.yaml", Body=pointer.encode())


def test_what_the_live_model_alone_flags_is_counted(aws: MinistackServer, world: World, s3: Any) -> None:
    model = severe_model()
    choose(s3, f"live: {model.version}.json\n", model)
    with started(aws) as analyzer:
        # The rules alone review the last one of them.
        world.store(*map(suspicious, range(4)))
        analyze(world, analyzer)
        analyzer._BREAKER._next_look = 0
        analyze(world, analyzer)
    (counts,) = [from_item(item) for item in world.items("profiles") if item["entity"]["S"].startswith(BREAKER_PREFIX)]
    assert {value for name, value in counts.items() if name.startswith("decisions")} == {4}
    assert {value for name, value in counts.items() if name.startswith("flagged")} == {3}


def test_a_model_that_broke_its_promise_declines_nobody_and_somebody_is_woken(
    aws: MinistackServer, world: World, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    model = severe_model()
    choose(s3, f"live: {model.version}.json\n", model)
    with started(aws) as analyzer:
        world.store(transaction(1))
        analyze(world, analyzer)
        assert "ModelHeldBack" not in metrics(capsys)
        item = to_item({"entity": BREAKER_PREFIX + model.version, BROKEN_AT: NOW})
        world.dynamodb.put_item(TableName="profiles", Item=item)
        analyzer._BREAKER._next_look = 0
        world.store(transaction(2))
        analyze(world, analyzer)
        assert metrics(capsys)["ModelHeldBack"] == [1.0]
    free, held = (decision(world, name) for name in ("t1", "t2"))
    assert (free.decision, held.decision) == (Verdict.DECLINE, Verdict.REVIEW)
    assert HELD_BACK in [reason.code for reason in held.reasons]


def test_a_shadow_model_that_fails_is_counted(
    aws: MinistackServer,
    world: World,
    s3: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = small_model()
    choose(s3, f"shadow: {model.version}.json\n", model)
    with started(aws) as analyzer:
        shadow = analyzer._RULESETS.current().models.shadow
        monkeypatch.setattr(shadow, "_sum", lambda _: 1 / 0)
        world.store(transaction(1))
        analyze(world, analyzer)
    assert metrics(capsys)["ShadowErrors"] == [1.0]
    assert decision(world, "t1").shadow_score is None


def test_a_start_with_an_invalid_ruleset_takes_the_one_before(
    aws: MinistackServer, world: World, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with started(aws) as analyzer:
        world.store(transaction(1))
        analyze(world, analyzer)
    capsys.readouterr()
    upload(s3, ruleset=b"rules: [", rates=RATES, lists=LISTS)
    with started(aws) as analyzer:
        world.store(transaction(2))
        analyze(world, analyzer)
    assert metrics(capsys)["RulesetInvalid"] == [1.0]
    assert decision(world, "t2").ruleset_version == decision(world, "t1").ruleset_version


@pytest.mark.usefixtures("s3")
def test_a_list_that_cannot_be_read_is_counted_as_damage(
    aws: MinistackServer, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    item = to_item({"entity": item_key("customer#tok_ann"), "entries": "lost", "version": 1, "changedAt": NOW})
    world.dynamodb.put_item(TableName="profiles", Item=item)
    with started(aws) as analyzer:
        world.store(transaction(1))
        analyze(world, analyzer)
    assert metrics(capsys)["ProfilesDamaged"] == [1.0]

"""Entities that many write at once: their profiles are divided, and everything still counts once."""

from pathlib import Path
from typing import Any

from fraudstream.detection.profiles.codec import CLOSED_SCHEMA, pack
from fraudstream.detection.profiles.events import identity
from fraudstream.detection.profiles.layout import Shared
from fraudstream.detection.stores.profiles.reads import read_once
from fraudstream.detection.stores.profiles.store import SHARDS
from fraudstream.durations import DAY, SECONDS_A_DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.privacy.erasure.marks import mark_profile
from fraudstream_tools.operations.privacy.erasure.person import find_items
from fraudstream_tools.operations.privacy.rotation.shards import shards_put_together
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.recovery.profile_rebuild import ProfileRebuild
from tests.integration.detection.analyzer_harness import NOW, RULESET, World, refusal, suspicious, transaction

SHOP = "merchant#tok_shop"


def sale(number: int | str, **fields: Any) -> Any:
    return transaction(number, customer_id=f"tok_{number}", merchant_id="tok_shop", **fields)


def sales(world: World) -> int:
    return world.profiles()[SHOP].profile.days.total(Shared.COUNT, NOW // DAY, NOW // DAY)


def item(world: World, key: str) -> dict[str, Any]:
    return world.dynamodb.get_item(TableName="profiles", Key=to_item({"entity": key}))["Item"]


def calls(world: World) -> tuple[list[str], list[dict[str, Any]]]:
    made: list[str] = []
    asked: list[dict[str, Any]] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        made.append(model.name)
        asked.append(params)

    world.dynamodb.meta.events.register("provide-client-params.dynamodb.*", note)
    return made, asked


def test_a_profile_that_others_write_again_and_again_is_divided(world: World) -> None:
    world.store(*(sale(number) for number in range(10)))
    world.analyze()
    others = [f"other{number}" for number in range(7)]
    rival = world.analyzer()
    busy = False

    def overtake(params: dict[str, Any], **_: object) -> None:
        nonlocal busy
        if not busy and params["TableName"] == "profiles" and params["Item"]["entity"]["S"] == SHOP:
            busy = True
            if others:
                world.store(sale(others.pop()))
                rival.analyze(world.records(), RULESET)
            busy = False

    world.store(sale("late"))
    late = world.records()
    recover = world.interfere("PutItem", overtake)
    analysis = world.analyze(late)
    recover()
    assert (analysis.failures, analysis.divided) == ([], 1)
    assert item(world, SHOP)["state"]["B"][0] == CLOSED_SCHEMA
    assert sales(world) == 10 + 1 + 7
    assert world.decision("tlate") is not None


def test_the_shards_of_a_divided_profile_are_written_and_its_base_never(world: World) -> None:
    world.store(*(sale(number) for number in range(20)))
    world.analyze()
    world.divide(SHOP)
    base = item(world, SHOP)
    world.store(*(sale(number) for number in range(20, 50)))
    assert world.analyze().failures == []
    assert item(world, SHOP) == base
    assert sales(world) == 50
    assert [each.time for each in world.profiles()[SHOP].profile.ring] == [NOW + number for number in range(36, 50)]


def test_what_failed_after_a_shard_had_learnt_it_is_said_to_be_uncertain(world: World) -> None:
    world.store(sale(0))
    world.analyze()
    world.divide(SHOP)
    world.records()  # the decision
    world.store(sale(1))
    records = world.records()

    def refuse(params: dict[str, Any], **_: object) -> None:
        if params["TableName"] == "profiles" and params["Item"]["entity"]["S"] == "customer#tok_1":
            raise refusal("PutItem")

    recover = world.interfere("PutItem", refuse)
    analysis = world.analyze(records)
    recover()
    # By the time of its retry, the shard may have forgotten it.
    assert (len(analysis.failures), analysis.uncertain) == (1, 1)
    assert (world.analyze(records).uncertain, sales(world)) == (0, 2)


def test_a_retry_finds_its_events_in_the_base_and_in_the_shards(world: World) -> None:
    world.store(*(sale(number) for number in range(8)))
    first = world.records()
    world.analyze(first)
    world.divide(SHOP)
    world.store(*(sale(number) for number in range(8, 16)))
    second = world.records()
    world.analyze(second)
    for number in range(16):
        each = sale(number)
        world.dynamodb.update_item(
            TableName="transactions",
            Key=to_item({"transactionId": each.transaction_id, "timestamp": each.timestamp}),
            UpdateExpression="REMOVE decision",
        )
    assert world.analyze([*first, *second]).failures == []
    assert sales(world) == 16


def test_whoever_is_overtaken_at_a_shard_goes_on_without_reading_or_judging(world: World) -> None:
    world.store(sale(0))
    world.analyze()
    sharding = world.divide(SHOP)
    shard = sharding.shard_of(identity("tlate"))
    fellow = next(n for n in range(1, 999) if sharding.shard_of(identity(f"t{n}")) == shard)
    rival, was_overtaken = world.analyzer(), False
    world.store(sale("late"))
    late = world.records()

    def overtake(params: dict[str, Any], **_: object) -> None:
        nonlocal was_overtaken
        if not was_overtaken and params["Item"].get("entity", {}).get("S") == sharding.key(SHOP, shard):
            was_overtaken = True
            world.store(sale(fellow))
            rival.analyze(world.records(), RULESET)

    recover = world.interfere("PutItem", overtake)
    analyzer = world.analyzer()
    made, _ = calls(world)
    analysis = analyzer.analyze(late, RULESET)
    recover()
    assert (was_overtaken, analysis.failures, analysis.uncertain) == (True, [], 0)
    assert sales(world) == 3
    # Both read profiles and lists once, and find out once that the profile is divided.
    assert made.count("BatchGetItem") == 6


def test_a_card_under_attack_is_judged_by_what_all_shards_hold(world: World) -> None:
    world.store(suspicious(0))
    world.analyze()
    world.divide("card#tok_card")
    for number in range(1, 4):
        world.store(suspicious(number))
        world.analyze()
    decisions = [world.decision(f"t{number}") for number in range(4)]
    assert [each.decision for each in decisions if each] == [Verdict.APPROVE] * 3 + [Verdict.REVIEW]


def test_labels_reach_the_shards_once(world: World) -> None:
    world.store(*(sale(number) for number in range(6)))
    world.analyze()
    world.divide(SHOP)
    world.store(sale(6))
    world.analyze()
    for number in (2, 6):
        world.change(sale(number), {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 1})
    records = world.records()
    world.analyze(records)
    world.analyze(records)
    assert world.profiles()[SHOP].profile.days.total(Shared.FRAUDS, NOW // DAY, NOW // DAY) == 2


def test_an_undivided_profile_costs_what_it_did(world: World) -> None:
    made, asked = calls(world)
    world.store(sale(1))
    records = world.records()
    made.clear()
    asked.clear()
    world.analyze(records)
    reads = [each["RequestItems"]["profiles"] for each in asked if "RequestItems" in each]
    # The person's profile in its newest state, for its retries are known by it; the shared one and the lists of both as
    # they were a moment ago. Then each profile is written once, and the decision.
    assert sorted((read["ConsistentRead"], len(read["Keys"])) for read in reads) == [(False, 3), (True, 1)]
    assert sorted(set(made)) == ["BatchGetItem", "PutItem", "UpdateItem"]
    assert (made.count("PutItem"), made.count("UpdateItem")) == (2, 1)


def test_a_divided_profile_costs_one_request_more_where_that_is_known(world: World) -> None:
    world.store(sale(1))
    world.analyze()
    world.divide(SHOP)
    store = world.profile_store()
    store.load([SHOP])
    made, asked = calls(world)
    store.load([SHOP])
    assert made == ["BatchGetItem", "BatchGetItem"]
    reads = [each["RequestItems"]["profiles"] for each in asked]
    assert sorted((len(read["Keys"]), read["ConsistentRead"]) for read in reads) == [(1, True), (SHARDS, False)]


def test_the_shards_of_a_divided_person_are_read_in_their_newest_state(world: World) -> None:
    world.store(transaction(1))
    world.analyze()
    world.divide("customer#tok_ann")
    store = world.profile_store()
    store.load(["customer#tok_ann"])
    _, asked = calls(world)
    store.load(["customer#tok_ann"])
    reads = [each["RequestItems"]["profiles"] for each in asked]
    assert [(len(read["Keys"]), read["ConsistentRead"]) for read in reads] == [(1 + SHARDS, True)]


def test_a_decided_batch_of_a_divided_customer_that_comes_again_changes_nothing(world: World) -> None:
    world.store(transaction("first", merchant_id="tok_shop"))
    world.analyze()
    sharding = world.divide("customer#tok_ann")
    shards = set(sharding.keys("customer#tok_ann"))
    world.store(*(transaction(number, merchant_id="tok_shop") for number in range(3)))
    records = world.records()
    world.analyze(records)
    # So many sales that the shop's ring has forgotten those of the batch.
    world.store(*(sale(number) for number in range(10, 30)))
    world.analyze()

    def read_as_before(params: dict[str, Any], **_: object) -> None:
        """Have a read that need not be consistent find nothing of what the customer's shards have learnt."""
        read = params["RequestItems"]["profiles"]
        if not read["ConsistentRead"]:
            keys = [key["entity"]["S"] for key in read["Keys"]]
            read["Keys"] = [to_item({"entity": f"{key}#old" if key in shards else key}) for key in keys]

    recover = world.interfere("BatchGetItem", read_as_before)
    analysis = world.analyze(records)
    recover()
    assert (analysis.failures, analysis.latencies) == ([], [])
    assert sales(world) == 1 + 3 + 20


def test_an_inline_decision_sees_all_shards(world: World) -> None:
    world.store(sale(1))
    world.analyze()
    world.divide(SHOP)
    world.store(*(sale(number) for number in range(2, 9)))
    world.analyze()
    loaded = read_once(world.dynamodb, "profiles", [SHOP])
    assert loaded.profiles[SHOP].profile.days.total(Shared.COUNT, NOW // DAY, NOW // DAY) == 8


def test_a_closed_base_outlives_its_shards(world: World) -> None:
    world.store(sale(1))
    world.analyze()
    sharding = world.divide(SHOP)
    base = item(world, SHOP)
    soon = int(base["expiresAt"]["N"]) - 3 * SECONDS_A_DAY
    world.dynamodb.put_item(TableName="profiles", Item=base | {"expiresAt": {"N": str(soon)}})
    world.store(sale(2))
    world.analyze()
    shard = item(world, sharding.key(SHOP, sharding.shard_of(identity("t2"))))
    renewed = item(world, SHOP)
    assert int(renewed["expiresAt"]["N"]) > int(shard["expiresAt"]["N"])
    assert renewed["state"] == base["state"]
    assert sales(world) == 2


def test_a_damaged_shard_is_set_aside_and_the_others_stand(world: World) -> None:
    world.store(sale(0))
    world.analyze()
    sharding = world.divide(SHOP)
    world.store(*(sale(number) for number in range(1, 5)))
    world.analyze()
    (key, *_) = [each["entity"]["S"] for each in world.items("profiles") if each["entity"]["S"].count("#") == 3]
    world.dynamodb.put_item(TableName="profiles", Item=item(world, key) | {"state": {"B": b"\x04what was it"}})
    number = next(n for n in range(5, 999) if sharding.key(SHOP, sharding.shard_of(identity(f"t{n}"))) == key)
    world.store(sale(number))
    analysis = world.analyze()
    assert (analysis.failures, analysis.damaged) == ([], 1)
    assert [each for each in world.items("profiles") if each["entity"]["S"].startswith(f"damaged#{key}")]


def test_after_an_erasure_old_shards_are_nobodys(world: World) -> None:
    world.store(sale(1))
    world.analyze()
    old = world.divide(SHOP)
    world.store(sale(2))
    world.analyze()
    mark_profile(world.dynamodb, "profiles", SHOP, "customer#tok_gone", NOW)
    world.store(sale(3))
    assert world.analyze().failures == []
    assert sales(world) == 1
    new = world.divide(SHOP)
    assert set(new.keys(SHOP)).isdisjoint(old.keys(SHOP))
    assert sales(world) == 1


def test_a_rebuild_makes_a_divided_profile_one_again(world: World, tmp_path: Path) -> None:
    world.store(*(sale(number) for number in range(4)), receivedAt=NOW)
    world.analyze()
    world.divide(SHOP)
    world.store(sale(4), receivedAt=NOW)
    world.analyze()
    rebuild = ProfileRebuild(
        world.dynamodb,
        transactions_table="transactions",
        profiles_table="profiles",
        rates=RULESET.rates,
        folder=tmp_path,
        retention_days=180,
    )
    rebuilt = rebuild.run()
    assert (rebuilt.failed, SHOP in rebuilt.changed) == (set(), True)
    assert [each["entity"]["S"] for each in world.items("profiles") if each["entity"]["S"].startswith(SHOP)] == [SHOP]
    assert sales(world) == 5


def test_shards_put_together_hold_what_the_divided_profile_did(world: World) -> None:
    world.store(*(sale(number) for number in range(4)))
    world.analyze()
    world.divide(SHOP)
    world.store(*(sale(number) for number in range(4, 9)))
    world.analyze()
    before = world.profiles()[SHOP].profile

    def read(key: str) -> dict[str, Any] | None:
        return world.dynamodb.get_item(TableName="profiles", Key=to_item({"entity": key})).get("Item")

    together = shards_put_together(item(world, SHOP), read)
    assert together is not None
    assert together.whole["state"]["B"] == pack(before)
    assert 0 < len(together.shards) <= 5
    assert shards_put_together(together.whole, read) is None


def test_an_erasure_finds_every_shard(world: World) -> None:
    world.store(*(suspicious(number) for number in range(3)))
    world.analyze()
    sharding = world.divide("card#tok_card")
    world.store(*(suspicious(number) for number in range(3, 6)))
    world.analyze()
    unused: Any = None
    system = PrivacySystem(
        dynamodb=world.dynamodb,
        s3=unused,
        log_owner=unused,
        transactions="transactions",
        profiles="profiles",
        alerts="alerts",
        bucket="",
    )
    found = find_items(system, {"tok_ann"}, NOW + DAY).profiles
    shards = {sharding.key("card#tok_card", sharding.shard_of(identity(f"t{number}"))) for number in range(3, 6)}
    assert set(found) == {"customer#tok_ann", "card#tok_card", *shards}

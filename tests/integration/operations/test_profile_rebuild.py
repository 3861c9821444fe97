"""Profiles that are made again know what the analyzer's own knew, and nothing of it stays on the disk."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import STREAM_SECONDS
from fraudstream.detection.profiles.profile import Profile
from fraudstream_tools.operations.recovery.profile_rebuild import ProfileRebuild
from tests.integration.detection.analyzer_harness import NOW, RULESET, World, a_world, refusal, transaction

CUSTOMER = "customer#tok_ann"


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    with a_world(aws) as made:
        yield made


def rebuild_of(
    world: World,
    folder: Path,
    on_read: Callable[[int], None] = lambda _: None,
    *,
    on_written: Callable[[int], None] = lambda _: None,
    said: Callable[[str], None] = lambda _: None,
    now: int = NOW,
) -> ProfileRebuild:
    return ProfileRebuild(
        world.dynamodb,
        transactions_table="transactions",
        profiles_table="profiles",
        rates=RULESET.rates,
        folder=folder,
        retention_days=180,
        on_read=on_read,
        on_written=on_written,
        on_checkpoint=said,
        clock=lambda: now,
    )


def break_off(world: World, folder: Path) -> None:
    """Leave what Ctrl-C leaves, after some of the profiles."""

    def stop(percent: int) -> None:
        if percent >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild_of(world, folder, on_written=stop).run()


def refuse_puts(**_: object) -> None:
    raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "PutItem")


def lose_profiles(world: World) -> None:
    for item in world.items("profiles"):
        world.dynamodb.delete_item(TableName="profiles", Key={"entity": item["entity"]})


@pytest.fixture
def customers(world: World) -> set[str]:
    """Keys of customers with a transaction each, whose profiles are written in several parts."""
    world.store(*(transaction(number, customer_id=f"tok_{number}") for number in range(1, 13)))
    world.analyze()
    return {f"customer#tok_{number}" for number in range(1, 13)}


def test_a_fraud_whose_label_is_dated_before_its_receipt_is_not_forgotten(world: World, tmp_path: Path) -> None:
    world.store(*(transaction(number) for number in range(1, 4)))
    world.analyze()
    label = {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW - 90_000}
    world.change(transaction(2), label)
    world.analyze()

    def learnt() -> Profile:
        return world.profiles()[CUSTOMER].profile

    before = learnt()
    world.dynamodb.delete_item(TableName="profiles", Key={"entity": {"S": CUSTOMER}})
    assert CUSTOMER in rebuild_of(world, tmp_path).run().new
    assert (learnt().ring, learnt().days) == (before.ring, before.days)


def test_no_transaction_stays_on_the_disk_and_nobody_else_could_read_one(world: World, tmp_path: Path) -> None:
    world.store(*(transaction(number) for number in range(1, 4)))
    world.analyze()
    gathered: list[Path] = []
    modes: set[int] = set()

    def look(**_: object) -> None:
        gathered.extend(tmp_path.rglob("*.rows"))
        modes.update(each.parent.stat().st_mode & 0o777 for each in gathered)

    stop = world.interfere("BatchGetItem", look)
    rebuild_of(world, tmp_path).run()
    stop()
    assert gathered
    assert modes == {0o700}
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_no_transaction_stays_on_the_disk_after_a_break_either(world: World, tmp_path: Path) -> None:
    world.store(transaction(1))
    world.analyze()

    gathered: list[Path] = []

    def refuse(**_: object) -> None:
        gathered.extend(tmp_path.rglob("*.rows"))
        raise refusal("BatchGetItem")

    stop = world.interfere("BatchGetItem", refuse)
    with pytest.raises(ClientError, match="BatchGetItem"):
        rebuild_of(world, tmp_path).run()
    stop()
    assert gathered
    assert not [*tmp_path.rglob("*.rows")]
    assert CUSTOMER in rebuild_of(world, tmp_path).run().same


def test_a_run_goes_on_where_it_was_broken_off_and_says_so(world: World, customers: set[str], tmp_path: Path) -> None:
    lose_profiles(world)
    break_off(world, tmp_path)
    written = customers & world.profiles().keys()
    said: list[str] = []
    again = rebuild_of(world, tmp_path, said=said.append).run()
    assert customers & again.new == customers - written != customers
    assert not customers & again.same
    assert "goes on where one was broken off" in said[0]


def test_what_could_not_be_written_before_a_break_is_written_by_the_next_run(
    world: World, customers: set[str], tmp_path: Path
) -> None:
    lose_profiles(world)
    stop = world.interfere("PutItem", refuse_puts)
    break_off(world, tmp_path)
    stop()
    assert customers <= rebuild_of(world, tmp_path).run().new


def test_after_a_run_that_could_not_write_some_the_next_one_writes_them(
    world: World, customers: set[str], tmp_path: Path
) -> None:
    lose_profiles(world)
    stop = world.interfere("PutItem", refuse_puts)
    assert customers <= rebuild_of(world, tmp_path).run().failed
    stop()
    again = rebuild_of(world, tmp_path).run()
    assert customers <= again.new
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


@pytest.mark.parametrize("missing", ["another stack", "a day later", "an older release", "cut off"])
def test_a_run_begins_anew_after_what_another_has_left(
    world: World, customers: set[str], tmp_path: Path, missing: str
) -> None:
    break_off(world, tmp_path)
    lose_profiles(world)
    state, now = tmp_path / "done.json", NOW
    left = json.loads(state.read_bytes())
    if missing == "another stack":
        state.write_text(
            json.dumps(left | {"tables": ["arn:aws:dynamodb:eu-central-1:2:table/transactions", "profiles"]})
        )
    elif missing == "a day later":
        now += STREAM_SECONDS * 1000 + 1
    elif missing == "an older release":
        state.write_text(json.dumps({name: left[name] for name in ("partitions", "done")}))
    else:
        state.write_bytes(state.read_bytes()[:-1])
    said: list[str] = []
    assert customers <= rebuild_of(world, tmp_path, said=said.append, now=now).run().new
    assert "begins anew" in said[0]
    assert not state.exists()


def test_a_table_that_counts_no_items_yet_is_not_read_into_memory_at_once(
    world: World, customers: set[str], tmp_path: Path
) -> None:
    # As AWS describes a table for hours after it was made anew and filled from a backup.
    def say_empty(parsed: dict[str, Any], **_: object) -> None:
        parsed["Table"]["ItemCount"] = 0

    world.dynamodb.meta.events.register("after-call.dynamodb.DescribeTable", say_empty)
    gathered = set[str]()
    stop = world.interfere("BatchGetItem", lambda **_: gathered.update(each.name for each in tmp_path.rglob("*.rows")))
    done = rebuild_of(world, tmp_path).run()
    stop()
    assert customers <= done.same
    assert len({name.partition("-")[0] for name in gathered}) > 1


def test_of_one_profile_only_what_it_learnt_is_counted(world: World, tmp_path: Path) -> None:
    world.store(transaction(1), transaction(2), transaction(3, customer_id="tok_ben"))
    world.analyze()
    world.store(transaction(4), transaction(5, customer_id="tok_ben"))
    read: list[int] = []
    rebuild = rebuild_of(world, tmp_path, read.append)
    done = rebuild.run(CUSTOMER)
    assert (done.transactions, done.undecided, done.same, read[-1]) == (2, 1, {CUSTOMER}, 5)
    nobody = rebuild.run("customer#tok_nobody")
    assert (nobody.transactions, nobody.undecided, nobody.new | nobody.same) == (0, 0, set())
    # A customer is not the other side of a transfer.
    assert rebuild.run("counterparty#tok_ann").transactions == 0
    assert rebuild.run().transactions == 3


def test_a_transaction_with_a_damaged_label_is_part_of_its_profiles(world: World, tmp_path: Path) -> None:
    world.store(transaction(1), transaction(2))
    world.analyze()
    world.change(transaction(1), {"label": "PERHAPS"})
    done = rebuild_of(world, tmp_path).run(CUSTOMER)
    assert (done.transactions, done.unreadable, done.same) == (2, 0, {CUSTOMER})

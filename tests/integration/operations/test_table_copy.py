"""What a restoration brings back is told in whole, also after one that was broken off."""

from collections.abc import Iterator
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.recovery.table_copy import Copied, copy_items
from tests.aws_harness import create_table
from tests.integration.detection.analyzer_harness import World, a_world, refusal, transaction

LOST = 5


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    """A table that has lost its transactions, and a restored one that has them, undecided."""
    with a_world(aws) as made:
        create_table(made.dynamodb, "restored")
        made.store(*(transaction(number) for number in range(LOST)))
        for item in made.items("transactions"):
            made.dynamodb.put_item(TableName="restored", Item=item)
            key = {name: item[name] for name in ("transactionId", "timestamp")}
            made.dynamodb.delete_item(TableName="transactions", Key=key)
        yield made


def copied(world: World, *, dry_run: bool = False) -> tuple[int, set[str]]:
    undecided: list[str] = []
    counts = copy_items(world.dynamodb, "restored", "transactions", dry_run=dry_run, on_undecided=undecided.append)
    assert counts[Copied.UNDECIDED] == len(undecided)
    return counts[Copied.ADDED], set(undecided)


def break_off(world: World) -> None:
    """Copy some items, until the table refuses one."""
    written: list[Any] = []

    def refuse(**_: object) -> None:
        written.append(1)
        if len(written) > LOST // 2:
            raise refusal("PutItem")

    stop = world.interfere("PutItem", refuse)
    with pytest.raises(Exception, match="ProvisionedThroughputExceeded"):
        copied(world)
    stop()
    assert len(world.items("transactions")) == LOST // 2


def test_a_copy_that_goes_on_after_a_break_tells_all_that_is_undecided(world: World) -> None:
    break_off(world)
    added, undecided = copied(world)
    assert added == LOST - LOST // 2
    assert undecided == {f"t{number}" for number in range(LOST)}


def test_what_was_labelled_after_a_break_is_undecided_all_the_same(world: World) -> None:
    copied(world)
    world.change(transaction(1), {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": 1})
    assert "t1" in copied(world, dry_run=True)[1]


def test_what_was_decided_since_or_was_never_lost_is_not_told(world: World) -> None:
    world.store(transaction(0))
    copied(world)
    world.change(transaction(1), {"decision": "APPROVE"})
    assert copied(world) == (0, {"t2", "t3", "t4"})

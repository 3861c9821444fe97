"""The analyzer and a person who is erased while the stream still tells of them."""

import time
from typing import Any

import pytest

from fraudstream.contract import ERASURE_MARK_SECONDS
from fraudstream_tools.operations.privacy.erasure.marks import mark_profile
from tests.integration.detection.analyzer_harness import NOW, World, suspicious, transaction

ANN = "customer#tok_ann"


def erase(world: World, *keys: str, at: int = NOW + 10_000) -> None:
    for key in keys:
        mark_profile(world.dynamodb, "profiles", key, ANN, at)


def keys_with_state(world: World) -> set[str]:
    return {item["entity"]["S"] for item in world.items("profiles") if "state" in item}


def test_what_was_received_before_the_erasure_is_not_learnt(world: World) -> None:
    # The last one in the very millisecond of the erasure.
    world.store(*[suspicious(number) for number in (*range(5), 10_000)])
    world.store(transaction("bob", customer_id="tok_bob"))
    erase(world, ANN)
    analysis = world.analyze()
    assert analysis.failures == []
    assert keys_with_state(world) == {"customer#tok_bob"}
    assert world.items("alerts") == []
    assert world.decision("t0") is None
    assert world.decision("tbob")


def test_what_is_received_later_is_new_and_the_mark_stays_while_it_counts(world: World) -> None:
    at = int(time.time() * 1000)
    erase(world, ANN, at=at)
    world.store(transaction("new", timestamp=at + 1, received_at=at + 1))
    assert len(world.analyze().latencies) == 1
    (item,) = [item for item in world.items("profiles") if item["entity"]["S"] == ANN]
    assert item["erasedAt"] == {"N": str(at)}
    assert int(item["expiresAt"]["N"]) > at // 1000 + ERASURE_MARK_SECONDS
    world.store(transaction("late", timestamp=at - 1, received_at=at - 1))
    assert world.analyze().latencies == []
    assert [event.time for event in world.profiles()[ANN].profile.ring] == [at + 1]


def test_a_mark_that_counts_no_more_is_not_kept(world: World) -> None:
    erase(world, ANN, at=NOW)
    world.store(transaction(1))
    assert len(world.analyze().latencies) == 1
    (item,) = world.items("profiles")
    assert "state" in item
    assert "erasedAt" not in item


@pytest.mark.parametrize("written_first", [ANN, "card#tok_card"])
def test_an_analyzer_that_had_read_the_profile_writes_it_no_more(world: World, written_first: str) -> None:
    world.store(*[suspicious(number) for number in range(3)])
    world.analyze()
    world.store(suspicious("late"))
    # While the analyzer is between reading and writing, the person is erased.
    erased: list[str] = []

    def hook(**call: Any) -> None:
        if not erased and call["params"].get("TableName") == "profiles":
            erased.append("once")
            erase(world, written_first, *({ANN, "card#tok_card"} - {written_first}))

    stop = world.interfere("PutItem", hook)
    analysis = world.analyze()
    stop()
    assert erased
    assert analysis.failures == []
    assert keys_with_state(world) == set()
    assert world.decision("tlate") is None


def test_a_card_that_others_use_goes_on_for_them(world: World) -> None:
    world.store(suspicious(1))
    world.analyze()
    erase(world, ANN, "card#tok_card")
    world.store(transaction("bob", customer_id="tok_bob", card_token="tok_card"))
    assert len(world.analyze().latencies) == 1
    assert keys_with_state(world) == {"customer#tok_bob", "card#tok_card"}

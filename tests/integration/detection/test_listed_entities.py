"""Who is put on a list is judged so from the next transaction on, and the log says as what."""

from typing import Any

from fraudstream.contract import EntityKind
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.detection.stores.lists.listings import item_key
from fraudstream.reporting.log.record import LogEvent, LogRecord, read_stream_record
from fraudstream.transactions.decisions.decision import Decision, Reason, Verdict
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.lists.entries import ListChange
from tests.integration.detection.analyzer_harness import BLOCKING_RULESET, NOW, World, transaction

ME = "arn:aws:iam::000000000000:user/ann"
CARD = f"tok_{'c' * 22}"
BY_FILE = f"tok_{'f' * 22}"
MINUTE = 60_000


def ruleset(lists: str = "{blocked: {}, trusted: {}}") -> Ruleset:
    return load(
        BLOCKING_RULESET
        + b"""\
  - {id: trusted, description: d, when: 'listed("trusted")', decision: APPROVE, reasonCode: TRUSTED_ENTITY,
     severity: low, source: own}
""",
        b"{baseCurrency: EUR, rates: [{validFrom: 2026-01-01, perBase: {}}]}",
        lists.encode(),
    )


def lists(world: World, now: int = NOW) -> EntityLists:
    return EntityLists(world.dynamodb, "profiles", clock=lambda: now)


def decide(world: World, number: int, rules: Ruleset | None = None, **fields: Any) -> Decision:
    world.store(transaction(number, **({"card_token": CARD} | fields)))
    analysis = world.analyzer().analyze(world.records(), rules or ruleset())
    assert analysis.failures == []
    found = world.decision(f"t{number}")
    assert found is not None
    return found


def test_the_next_transaction_of_a_blocked_card_is_declined(world: World) -> None:
    assert decide(world, 1).decision is Verdict.APPROVE
    added = lists(world).add("blocked", EntityKind.CARD, CARD, by=ME, reason="card testing")
    assert added is ListChange.ADDED
    decision = decide(world, 2)
    assert (decision.decision, decision.score) == (Verdict.DECLINE, 100)
    assert decision.listed_as == ("blocked:card",)
    assert decide(world, 3, card_token=f"tok_{'d' * 22}").decision is Verdict.APPROVE
    removed = lists(world, NOW + 4).remove("blocked", EntityKind.CARD, CARD, by=ME, reason="a mistake")
    assert removed is ListChange.REMOVED
    again = decide(world, 5)
    assert (again.decision, again.listed_as) == (Verdict.APPROVE, ())


def test_an_entry_ends_by_itself_with_its_last_moment(world: World) -> None:
    lists(world).add("blocked", EntityKind.CARD, CARD, by=ME, reason="for a minute", until=NOW + MINUTE)
    assert decide(world, MINUTE - 1).decision is Verdict.DECLINE
    assert decide(world, MINUTE).decision is Verdict.APPROVE


def test_lists_of_the_table_and_of_the_ruleset_work_together(world: World) -> None:
    rules = ruleset(f"{{blocked: {{card: [{BY_FILE}]}}, trusted: {{}}}}")
    lists(world).add("trusted", EntityKind.CUSTOMER, "tok_ann", by=ME, reason="known traveller")
    decision = decide(world, 1, rules, card_token=BY_FILE)
    # Blocked outranks trusted; the ruleset's version says what its own lists hold.
    assert decision.decision is Verdict.DECLINE
    assert decision.listed_as == ("trusted:customer",)
    assert decide(world, 2, rules, card_token=CARD).decision is Verdict.APPROVE


def test_the_log_says_as_what_a_transaction_was_listed(world: World) -> None:
    lists(world).add("blocked", EntityKind.CARD, CARD, by=ME, reason="card testing")
    rules = ruleset()
    decision = decide(world, 1, rules)
    records: list[LogRecord] = [logged for record in world.records() for logged in read_stream_record(record)]
    (decided,) = [each for each in records if each.event is LogEvent.DECIDED]
    assert decided.listed_as == ("blocked:card",)
    # So the log alone gives the decision again, also when the entry is gone.
    given = transaction(1, card_token=CARD)
    assert rules.evaluate(given, unpack(decision.features), decided.listed_as) == (True, False)
    assert rules.evaluate(given, unpack(decision.features)) == (False, False)


def test_lists_are_read_beside_the_profiles_at_half_the_price_and_left_alone(world: World) -> None:
    lists(world).add("blocked", EntityKind.CARD, CARD, by=ME, reason="card testing")
    (before,) = [item for item in world.items("profiles") if item["entity"]["S"] == item_key(f"card#{CARD}")]
    asked: list[tuple[bool, set[str]]] = []

    def see(params: Any, **_: object) -> None:
        read = params["RequestItems"]["profiles"]
        asked.append((read["ConsistentRead"], {key["entity"]["S"] for key in read["Keys"]}))

    stop = world.interfere("BatchGetItem", see)
    try:
        decide(world, 1)
    finally:
        stop()
    entities = {"customer#tok_ann", f"card#{CARD}"}
    assert sorted(asked) == [(False, {item_key(key) for key in entities}), (True, entities)]
    assert before in world.items("profiles")
    assert set(world.profiles()) == entities


def test_a_damaged_list_item_stops_nothing_and_is_named(world: World) -> None:
    item = to_item({"entity": item_key(f"card#{CARD}"), "entries": "lost", "version": 1, "changedAt": NOW})
    world.dynamodb.put_item(TableName="profiles", Item=item)
    world.store(transaction(1, card_token=CARD))
    analysis = world.analyzer().analyze(world.records(), ruleset())
    assert (analysis.failures, analysis.unreadable_lists) == ([], 1)
    decision = world.decision("t1")
    assert decision is not None
    assert decision.decision is Verdict.APPROVE
    assert decision.reasons == (Reason(code="LIST_UNREADABLE", source=f"card#{CARD}"),)
    assert item in world.items("profiles")


def test_what_a_newer_version_says_of_an_entry_hides_nothing(world: World) -> None:
    lists(world).add("blocked", EntityKind.CARD, CARD, by=ME, reason="card testing")
    world.dynamodb.update_item(
        TableName="profiles",
        Key=to_item({"entity": item_key(f"card#{CARD}")}),
        UpdateExpression="SET entries.blocked.#new = :new, #new = :new",
        ExpressionAttributeNames={"#new": "ofTomorrow"},
        ExpressionAttributeValues={":new": {"S": "something"}},
    )
    assert decide(world, 1).decision is Verdict.DECLINE

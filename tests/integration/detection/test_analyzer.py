"""The fraud analyzer on a real DynamoDB interface: what it decides, and that effects happen once."""

import zlib

from fraudstream.contract import ItemKind
from fraudstream.detection.analyzer import Analysis
from fraudstream.detection.batch import Batch
from fraudstream.detection.batch_steps import BatchStep
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.judge import Judge
from fraudstream.detection.profiles.entities import PERSONAL, entities, kind_of
from fraudstream.detection.profiles.layout import Personal, Shared
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.transactions.decisions.decision import Label, Truth, Verdict
from fraudstream.transactions.storage.attributes import from_item, to_item
from tests.integration.detection.analyzer_harness import NOW, RULESET, TABLES, World, suspicious, transaction


def test_a_stored_transaction_is_decided_with_its_reasons_and_features(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    analysis = world.analyze()
    assert analysis.failures == []
    assert sorted(analysis.latencies) == [59_997, 59_998, 59_999, 60_000]
    first, last = world.decision("t0"), world.decision("t3")
    assert first is not None
    assert last is not None
    assert (first.decision, [reason.code for reason in first.reasons]) == (Verdict.APPROVE, ["COUNTRY_MISMATCH"])
    assert (last.decision, [reason.code for reason in last.reasons]) == (
        Verdict.REVIEW,
        ["CARD_VELOCITY", "COUNTRY_MISMATCH"],
    )
    assert last.ruleset_version == RULESET.version
    assert unpack(last.features)[NAMES.index("cardCount2h")] == 3


def test_every_entity_of_a_batch_is_read_and_written_once(world: World) -> None:
    world.store(*(transaction(number, customer_id=f"tok_{number % 120}") for number in range(240)))
    analysis = world.analyze()
    assert len(analysis.latencies) == 240
    profiles = world.profiles()
    assert len(profiles) == 120
    assert {(len(each.profile.ring), each.version) for each in profiles.values()} == {(2, 1)}


def test_a_profile_expires_unless_it_is_written_again(world: World) -> None:
    world.store(transaction(1))
    world.analyze()
    (item,) = world.items("profiles")
    assert int(item["expiresAt"]["N"]) > 400 * 86_400


def test_a_repeated_batch_changes_nothing(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    records = world.records()
    world.analyze(records)
    before = {name: world.items(name) for name in TABLES}
    again = world.analyze(records)
    assert again == Analysis()
    assert {name: world.items(name) for name in TABLES} == before


def test_the_analyzers_own_writes_ask_for_nothing(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    before = world.items("profiles")
    own = world.records()
    assert len(own) == 4
    assert world.analyze(own) == Analysis()
    assert world.items("profiles") == before


def test_claims_and_removals_ask_for_nothing(world: World) -> None:
    each = transaction(1)
    claim = to_item({"transactionId": "t1", "timestamp": 0, "kind": ItemKind.CLAIM, "payloadHash": "x"})
    world.dynamodb.put_item(TableName="transactions", Item=claim)
    world.store(each, decision="APPROVE")
    world.dynamodb.delete_item(
        TableName="transactions", Key=to_item({"transactionId": "t1", "timestamp": each.timestamp})
    )
    assert world.analyze() == Analysis()
    assert world.items("profiles") == []


def test_a_retry_after_a_crash_gives_the_same_decision(world: World) -> None:
    burst = [suspicious(number) for number in range(5)]
    world.store(*burst)
    records = world.records()
    expected = Batch(
        world.profile_store(), Judge(RULESET), [BatchStep(each.transaction_id, each) for each in burst], NOW + 60_000
    ).run(DecisionStore(world.dynamodb, "transactions", world.pool))
    assert {each.version for each in world.profiles().values()} == {1}
    world.analyze(records)
    assert {each.transaction_id: world.decision(each.transaction_id) for each in burst} == {
        name: judged.decision for name, judged in expected.items()
    }
    assert {each.version for each in world.profiles().values()} == {1}


def test_a_decision_is_never_overwritten(world: World) -> None:
    world.store(transaction(1))
    records = world.records()
    world.change(transaction(1), {"decision": "DECLINE", "score": 99, "rulesetVersion": "old", "decidedAt": 1})
    assert world.analyze(records).latencies == []
    decision = world.decision("t1")
    assert decision is not None
    assert (decision.decision, decision.ruleset_version) == (Verdict.DECLINE, "old")


def test_a_transaction_that_is_no_longer_stored_is_not_brought_back(world: World) -> None:
    each = transaction(1)
    world.store(each)
    records = world.records()
    world.dynamodb.delete_item(
        TableName="transactions", Key=to_item({"transactionId": "t1", "timestamp": each.timestamp})
    )
    assert world.analyze(records).failures == []
    assert world.items("transactions") == []


def test_a_reviewed_transaction_raises_one_alert(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    assert world.analyze().alerts == 1
    alert = world.alert("t3")
    shard = zlib.crc32(b"t3") % 4
    assert alert.pop("expiresAt") > NOW / 1000
    assert alert == {
        "transactionId": "t3",
        "timestamp": NOW + 3,
        "createdAt": NOW + 60_000,
        "status": "OPEN",
        "statusShard": f"OPEN#{shard}",
        "decision": "REVIEW",
        "score": 50,
        "reasonCodes": "CARD_VELOCITY,COUNTRY_MISMATCH",
        "entity": "customer#tok_ann",
    }


def test_a_label_closes_the_alert_once(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    world.records()
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=NOW + 90_000)
    world.change(suspicious(3), from_item(label.to_item()))
    records = world.records()
    assert world.analyze(records).failures == []
    alert = world.alert("t3")
    assert (alert["status"], alert["label"], alert["closedAt"]) == ("CLOSED", "FRAUD", NOW + 90_000)
    assert alert["statusShard"] == f"CLOSED#{zlib.crc32(b't3') % 4}"
    world.analyze(records)
    assert world.alert("t3") == alert


def test_a_label_on_an_approved_transaction_raises_nothing(world: World) -> None:
    world.store(transaction(1))
    world.analyze()
    world.change(transaction(1), {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW})
    assert world.analyze().failures == []
    assert world.items("alerts") == []


def test_a_redriven_transaction_is_judged_if_it_is_undecided(world: World) -> None:
    world.store(transaction(1))
    world.records()
    world.change(transaction(1), {"redrivenAt": NOW + 5})
    records = world.records()
    assert len(world.analyze(records).latencies) == 1
    world.records()
    world.change(transaction(1), {"redrivenAt": NOW + 9})
    assert world.analyze() == Analysis()


def test_a_redriven_transaction_is_judged_beside_a_damaged_label(world: World) -> None:
    world.store(transaction(1))
    world.records()
    world.change(transaction(1), {"label": "PERHAPS", "labelSource": "a script"})
    assert len(world.analyze().failures) == 1
    world.change(transaction(1), {"redrivenAt": NOW + 5})
    analysis = world.analyze()
    assert (len(analysis.latencies), analysis.failures) == (1, [])


def test_a_labelled_transaction_that_is_redriven_raises_no_alert(world: World) -> None:
    world.store(*(suspicious(number) for number in range(3)))
    world.analyze()
    world.store(suspicious(3), label="FRAUD", labelSource="analyst", labeledAt=NOW)
    analysis = world.analyze()
    assert (len(analysis.latencies), analysis.alerts) == (1, 0)


def test_a_fraud_label_is_learnt_by_every_profile_of_its_transaction(world: World) -> None:
    each = transaction(1, card_token="tok_card", merchant_id="tok_shop", terminal_id="tok_till", device_id="tok_phone")
    world.store(each)
    world.analyze()
    world.change(each, {"label": "FRAUD", "labelSource": "chargeback", "labeledAt": NOW + 5})
    records = world.records()
    assert world.analyze(records).failures == []
    assert frauds(world) == dict.fromkeys(entities(each).values(), 1)
    assert world.analyze(records).failures == []
    assert frauds(world) == dict.fromkeys(entities(each).values(), 1)


def test_contradicting_labels_leave_what_the_last_one_says(world: World) -> None:
    each = transaction(1)
    world.store(each)
    for at, truth in enumerate(["FRAUD", "LEGITIMATE", "FRAUD", "FRAUD", "LEGITIMATE"]):
        world.change(each, {"label": truth, "labelSource": "analyst", "labeledAt": NOW + at})
    records = world.records()
    assert world.analyze(records).failures == []
    assert frauds(world) == {"customer#tok_ann": 0}
    assert world.analyze(records[3:]).failures == []
    assert frauds(world) == {"customer#tok_ann": 0}


def test_a_label_and_what_follows_it_in_one_batch_are_taken_in_order(world: World) -> None:
    world.store(transaction(1))
    world.change(transaction(1), {"label": "FRAUD", "labelSource": "analyst", "labeledAt": NOW})
    world.store(transaction(2))
    world.analyze()
    known = {name: world.decision(name) for name in ("t1", "t2")}
    counts = {name: unpack(each.features)[NAMES.index("customerFrauds30d")] for name, each in known.items() if each}
    assert counts == {"t1": 0, "t2": 1}


def test_a_closed_alert_shows_the_newest_label(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    world.analyze()
    world.change(suspicious(3), {"label": "FRAUD", "labelSource": "analyst", "labeledAt": NOW + 5})
    world.change(suspicious(3), {"label": "LEGITIMATE", "labelSource": "analyst", "labeledAt": NOW + 9})
    world.analyze()
    alert = world.alert("t3")
    assert (alert["status"], alert["label"], alert["closedAt"]) == ("CLOSED", "LEGITIMATE", NOW + 9)


def frauds(world: World) -> dict[str, int]:
    """Known frauds by entity, as the profiles have learnt them."""
    columns = {key: Personal.FRAUDS if kind_of(key) in PERSONAL else Shared.FRAUDS for key in world.profiles()}
    return {key: sum(each.profile.days.columns[columns[key]]) for key, each in world.profiles().items()}

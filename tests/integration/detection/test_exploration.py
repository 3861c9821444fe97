"""Approved transactions that are put into the queue by chance: what is stored, told, closed, and left alone."""

import pytest

from fraudstream.detection.exploration import propensity
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.transaction import AuthorizationResult
from tests.integration.detection.analyzer_harness import NOW, RULESET, World, suspicious, transaction

APPROVED = Decision(decision=Verdict.APPROVE, score=2, ruleset_version="a", decided_at=NOW)
SHARE = 0.25


def test_a_share_is_drawn_by_the_id_alone() -> None:
    many = [transaction(number) for number in range(20_000)]
    drawn = {each.transaction_id for each in many if propensity(each, APPROVED, 0.02) == 0.02}
    assert len(drawn) == pytest.approx(400, abs=80)
    again = [transaction(number, amount_minor=1, received_at=NOW + 9) for number in range(20_000)]
    assert {each.transaction_id for each in again if propensity(each, APPROVED, 0.02)} == drawn
    more = {each.transaction_id for each in many if propensity(each, APPROVED, 0.04)}
    assert drawn < more
    assert not any(propensity(each, APPROVED, 0.0) for each in many)
    assert all(propensity(each, APPROVED, 1.0) for each in many)


def test_what_is_flagged_or_was_declined_by_its_issuer_is_never_drawn() -> None:
    flagged = Decision(decision=Verdict.REVIEW, score=50, ruleset_version="a", decided_at=NOW)
    assert propensity(transaction(1), flagged, 1.0) is None
    declined = transaction(1, authorization_result=AuthorizationResult.DECLINED)
    assert propensity(declined, APPROVED, 1.0) is None


def test_drawn_approvals_get_an_alert_and_stay_approved(world: World) -> None:
    drawn = {f"t{number}" for number in range(40) if propensity(transaction(number), APPROVED, SHARE)}
    world.store(*(transaction(number, customer_id=f"tok_{number}") for number in range(40)))
    records = world.records()
    analysis = world.analyzer(exploration_share=SHARE).analyze(records, RULESET)
    assert (analysis.failures, analysis.alerts, len(analysis.latencies)) == ([], 0, 40)
    assert 0 < len(drawn) < 40
    assert {alert["transactionId"]["S"] for alert in world.items("alerts")} == drawn
    for number in range(40):
        decision = world.decision(f"t{number}")
        assert decision is not None
        assert decision.decision is Verdict.APPROVE
        assert decision.exploration_propensity == (SHARE if f"t{number}" in drawn else None)
    name = min(drawn)
    alert = world.alert(name)
    assert (alert["decision"], alert["status"], alert["explorationPropensity"]) == ("APPROVE", "OPEN", SHARE)
    assert set(world.events()) == {f"{each}:CASE_OPENED" for each in drawn}
    # Delivered again, it changes nothing.
    world.analyzer(exploration_share=SHARE).analyze(records, RULESET)
    assert world.alert(name) == alert


def test_a_label_closes_what_was_drawn_and_tells_of_it(world: World) -> None:
    world.store(transaction(1))
    analyzer = world.analyzer(exploration_share=1.0)
    analyzer.analyze(world.records(), RULESET)
    world.records()
    world.change(transaction(1), {"label": "LEGITIMATE", "labelSource": "analyst", "labeledAt": NOW + 90_000})
    analyzer.analyze(world.records(), RULESET)
    assert (world.alert("t1")["status"], world.alert("t1")["label"]) == ("CLOSED", "LEGITIMATE")
    assert set(world.events()) == {"t1:CASE_OPENED", "t1:CASE_CLOSED", f"t1:LABEL_SET:{NOW + 90_000}:LEGITIMATE"}


def test_what_is_flagged_has_the_alert_that_it_always_had(world: World) -> None:
    world.store(*(suspicious(number) for number in range(4)))
    assert world.analyzer(exploration_share=1.0).analyze(world.records(), RULESET).alerts == 1
    assert "explorationPropensity" not in world.alert("t3")
    assert len(world.items("alerts")) == 4


def test_what_has_a_label_before_its_decision_is_not_drawn(world: World) -> None:
    world.store(transaction(1), label="FRAUD", labelSource="chargeback", labeledAt=NOW)
    world.analyzer(exploration_share=1.0).analyze(world.records(), RULESET)
    assert world.items("alerts") == []
    decision = world.decision("t1")
    assert decision is not None
    assert decision.exploration_propensity is None

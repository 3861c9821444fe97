"""Inline decisions on a real DynamoDB interface: what a client that waits is answered, at the first time and again."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.integration.detection.analyzer_harness import NOW, World
from tests.integration.transactions.inline.inline_harness import (
    PATIENT_SECONDS,
    Inline,
    abroad,
    inline_processor,
    is_pending,
    stored,
)
from tests.integration.transactions.processor_harness import DAY, body_of, payment


def test_a_client_that_waits_is_answered_with_a_decision(inline: Inline) -> None:
    sent = abroad()
    answer = inline.post(sent)
    assert answer["statusCode"] == 201
    assert answer["headers"]["Preference-Applied"] == "wait"
    state = body_of(answer)
    assert (state["status"], state["decisionStage"]) == ("DECIDED", "INLINE")
    assert state["inlineDecision"].items() >= {"decision": "APPROVE", "reasonCodes": ["COUNTRY_MISMATCH"]}.items()
    for name in ("decision", "score", "rulesetVersion", "modelVersion", "decidedAt"):
        assert state[name] == state["inlineDecision"][name]
    assert [reason["code"] for reason in state["reasons"]] == ["COUNTRY_MISMATCH"]
    assert body_of(inline.processor.get(sent["transactionId"])) == state


def test_the_item_has_one_attribute_more_and_no_decision(inline: Inline) -> None:
    inline.post(abroad())
    with_decision = stored(inline)
    inline.processor.remove_transaction(with_decision["transactionId"])
    inline.post(abroad(), prefer=None)
    without = stored(inline)
    assert with_decision.keys() - without.keys() - {"sampleDay"} == {"inline"}
    assert "decision" not in with_decision


def test_the_analyzer_decides_alike_and_its_decision_stays(inline: Inline) -> None:
    sent = abroad()
    first = body_of(inline.post(sent))
    assert len(inline.world.analyze().latencies) == 1
    state = body_of(inline.processor.get(sent["transactionId"]))
    assert (state["decisionStage"], state["status"]) == ("FINAL", "DECIDED")
    assert state["inlineDecision"] == first["inlineDecision"]
    for name in ("decision", "score", "rulesetVersion", "modelVersion"):
        assert state[name] == first[name]
    assert state["reasons"][0]["source"] == "abroad"


def test_who_does_not_wait_gets_what_he_always_got_at_the_same_cost(inline: Inline) -> None:
    for prefer in (None, "wait=0", "wait=soon", "respond-async", ""):
        assert is_pending(inline.post(payment(), prefer=prefer))
    assert set(inline.processor.calls) == {"PutItem"}
    assert all("inline" not in item for item in inline.processor.transactions())
    assert inline.calls["begun"] == 0


def test_waiting_costs_one_more_request(inline: Inline) -> None:
    inline.post(payment())  # it loads the ruleset
    before = inline.calls["begun"]
    inline.post(payment())
    assert inline.calls["begun"] - before == 1
    assert inline.processor.calls == {"PutItem": 4}


def test_without_inline_decisions_in_the_settings_nobody_waits(inline: Inline) -> None:
    api = replace(inline.processor.api, decider=None)
    switched_off = replace(inline, processor=replace(inline.processor, api=api))
    sent = payment()
    assert is_pending(switched_off.post(sent))
    inline.processor.remove_transaction(sent["transactionId"])
    inline.post(sent)
    assert "inlineDecision" in body_of(switched_off.processor.get(sent["transactionId"])), "what was given is shown"


@pytest.mark.parametrize("prefer", [f"wait={PATIENT_SECONDS}", None])
def test_a_repeat_is_answered_as_get_is(inline: Inline, prefer: str | None) -> None:
    sent = abroad()
    first = inline.post(sent)
    inline.processor.time[0] += 60_000
    again = inline.post(sent, prefer=prefer)
    assert again["statusCode"] == 200
    assert body_of(again) == body_of(first) == body_of(inline.processor.get(sent["transactionId"]))
    assert ("Preference-Applied" in again["headers"]) == (prefer is not None)


def test_a_repeat_that_waits_answers_what_there_is(inline: Inline) -> None:
    sent = payment()
    assert is_pending(inline.post(sent, prefer=None))
    again = inline.post(sent)
    assert again["statusCode"] == 200
    assert (body_of(again)["status"], "Preference-Applied" in again["headers"]) == ("PENDING", False)
    assert "inline" not in stored(inline)
    inline.world.analyze()
    assert inline.post(sent)["headers"]["Preference-Applied"] == "wait"


def test_another_transaction_under_the_same_id_is_a_conflict(inline: Inline) -> None:
    sent = payment()
    inline.post(sent)
    before = inline.processor.items()
    answer = inline.post(sent | {"amountMinor": 5000})
    assert answer["statusCode"] == 409
    assert inline.processor.items() == before
    assert inline.calls["begun"] == inline.calls["ended"]


def test_of_many_at_once_all_are_answered_with_the_same_decision(
    aws: MinistackServer, world: World, inline: Inline
) -> None:
    sent = abroad(timestamp=NOW)
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        processors = [stack.enter_context(inline_processor(aws, world)) for _ in range(4)]
        for each in processors:
            each.processor.time[0] = NOW
        answers = list(pool.map(lambda each: each.post(sent), processors))
    assert sorted(answer["statusCode"] for answer in answers) == [200, 200, 200, 201]
    states = [body_of(answer) for answer in answers]
    assert states == [body_of(inline.processor.get(sent["transactionId"]))] * 4
    assert "inlineDecision" in states[0]


def test_a_crash_between_the_two_writes_is_repaired_by_the_retry(inline: Inline) -> None:
    sent = abroad()
    inline.post(sent)
    inline.processor.remove_transaction(sent["transactionId"])
    inline.processor.time[0] += DAY
    answer = inline.post(sent)
    assert answer["statusCode"] == 201
    state = body_of(answer)
    assert state["timestamp"] == NOW, "the claim's time stands"
    assert state["inlineDecision"]["decision"] == "APPROVE"
    assert "inline" in stored(inline)


def test_lost_answers_of_both_writes_change_nothing(inline: Inline) -> None:
    lost = set[int]()

    def once_more(attempts: int, **_: object) -> float | None:
        if attempts > 1 or len(lost) == 2:
            return None
        lost.add(len(lost))
        return 0.0

    inline.processor.client.meta.events.register_first("needs-retry.dynamodb.PutItem", once_more)
    sent = abroad()
    answer = inline.post(sent)
    assert len(lost) == 2
    assert (answer["statusCode"], body_of(answer)["decisionStage"]) == (201, "INLINE")
    assert body_of(inline.post(sent)) == body_of(answer)


def test_a_transaction_never_decided_has_failed_and_shows_the_answer(inline: Inline) -> None:
    sent = payment()
    inline.post(sent)
    inline.processor.time[0] += 3_600_001
    state = body_of(inline.processor.get(sent["transactionId"]))
    assert (state["status"], state["decisionStage"], state["decision"]) == ("FAILED", "INLINE", "APPROVE")

"""Inline decisions on a real DynamoDB interface: what a client that waits is promised, whatever fails."""

import json
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import BREAKER_PREFIX, RULESET_PREFIX, EntityKind
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.inline import InlineJudge
from fraudstream.detection.profiles import codec
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.sca_policy import ScaPolicy
from fraudstream.detection.stores.decisions.breaker import BROKEN_AT
from fraudstream.detection.stores.rulesets.active import CHECK_SECONDS, STALE_SECONDS
from fraudstream.reporting.log.record import read_stream_record
from fraudstream.transactions.api import preferences
from fraudstream.transactions.decisions.inline import FailedAttempt, LazyDecider
from fraudstream.transactions.decisions.reasons import HELD_BACK
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from tests.integration.detection.analyzer_harness import NOW, World, a_world, ruleset_files, transaction
from tests.integration.transactions.inline_harness import (
    IMPATIENT_SECONDS,
    PATIENT_SECONDS,
    Inline,
    inline_processor,
    make_bucket,
    refuse,
    unreachable,
)
from tests.integration.transactions.processor_harness import DAY, body_of, payment
from tests.unit.detection.model_harness import severe_model


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    with a_world(aws) as made:
        yield made


@pytest.fixture
def inline(aws: MinistackServer, world: World) -> Iterator[Inline]:
    make_bucket(aws)
    with inline_processor(aws, world) as made:
        made.processor.time[0] = NOW
        made.store_ruleset()
        yield made


@pytest.fixture
def impatient(aws: MinistackServer, world: World, inline: Inline) -> Iterator[Inline]:
    """Another processor on the same tables, which soon gives up what never answers."""
    with inline_processor(aws, world, budget_seconds=IMPATIENT_SECONDS) as made:
        made.processor.time[0] = inline.processor.time[0]
        yield made


@pytest.fixture(autouse=True)
def _clients_wait_as_long_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences, "MAX_WAIT_SECONDS", PATIENT_SECONDS)


def answered_at_last(inline: Inline) -> int:
    """Post transactions until one is answered with a decision, as on a busy machine the first may be too late; give
    how many it took."""
    for posted in range(1, 61):
        if body_of(inline.post(payment()))["decisionStage"] == "INLINE":
            return posted
    raise AssertionError


def abroad(**fields: Any) -> dict[str, Any]:
    return payment(cardToken="card-1", cardCountry="DE", ipCountry="VN", **fields)


def stored(inline: Inline) -> dict[str, Any]:
    (item,) = inline.processor.transactions()
    return item


def is_pending(answer: dict[str, Any]) -> bool:
    state = body_of(answer)
    return (
        answer["statusCode"] == 201
        and (state["status"], state["decision"], state["decisionStage"]) == ("PENDING", None, None)
        and "inlineDecision" not in state
        and "Preference-Applied" not in answer["headers"]
    )


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


def test_profiles_that_the_analyzer_wrote_are_judged_by(inline: Inline) -> None:
    for _ in range(3):
        inline.post(abroad(), prefer=None)
        inline.processor.time[0] += 1000
    inline.world.analyze()
    assert body_of(inline.post(abroad()))["inlineDecision"]["reasonCodes"] == ["CARD_VELOCITY", "COUNTRY_MISMATCH"]


def test_who_is_on_a_list_is_judged_so(inline: Inline) -> None:
    inline.store_ruleset(
        b"""
schemaVersion: 1
baseLogOdds: -4
thresholds: {review: 30, decline: 80}
rules:
  - {id: blocked, description: d, when: 'listed("blocked")', decision: DECLINE, reasonCode: BLOCKED_ENTITY,
     severity: high, source: own}
"""
    )
    sent = abroad()
    inline.post(sent, prefer=None)
    lists = EntityLists(inline.world.dynamodb, "profiles", clock=lambda: NOW)
    lists.add("blocked", EntityKind.CARD, stored(inline)["cardToken"], by="arn:aws:iam::1:user/ann", reason="stolen")
    assert body_of(inline.post(abroad()))["inlineDecision"]["reasonCodes"] == ["BLOCKED_ENTITY"]


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


def put_profile(inline: Inline, state: bytes) -> str:
    sent = abroad()
    inline.post(sent, prefer=None)
    key = f"{EntityKind.CARD.value}#{stored(inline)['cardToken']}"
    inline.processor.remove_transaction(sent["transactionId"])
    item = {"entity": {"S": key}, "state": {"B": state}, "version": {"N": "1"}}
    inline.world.dynamodb.put_item(TableName="profiles", Item=item)
    return key


def test_a_damaged_profile_is_judged_without_and_stays_as_it_is(inline: Inline) -> None:
    put_profile(inline, b"damaged")
    before = inline.world.items("profiles")
    assert "PROFILE_DAMAGED" in body_of(inline.post(abroad()))["inlineDecision"]["reasonCodes"]
    assert inline.world.items("profiles") == before


def test_a_newer_profile_is_judged_without_and_stays_as_it_is(inline: Inline) -> None:
    body = bytes([codec.CLOSED_SCHEMA + 1]) + codec.pack(Profile.new(EntityKind.CARD))[1:-4]
    put_profile(inline, body + zlib.crc32(body).to_bytes(4, "little"))
    before = inline.world.items("profiles")
    assert "PROFILE_NEWER" in body_of(inline.post(abroad()))["inlineDecision"]["reasonCodes"]
    assert inline.world.items("profiles") == before


@pytest.mark.parametrize("hook", [refuse("BatchGetItem"), unreachable])
def test_where_profiles_cannot_be_read_the_transaction_is_pending(inline: Inline, hook: Any) -> None:
    inline.own_dynamodb.meta.events.register("before-send.dynamodb.BatchGetItem", hook)
    assert is_pending(inline.post(payment()))
    assert stored(inline)["inline"] == "NO_PROFILES"
    assert len(inline.failures) == 1


def test_where_dynamodb_leaves_keys_out_the_transaction_is_pending(inline: Inline) -> None:
    def leave_out(parsed: dict[str, Any], **_: object) -> None:
        parsed["UnprocessedKeys"] = {"profiles": {"Keys": [{"entity": {"S": "customer#x"}}]}}

    inline.own_dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", leave_out)
    assert is_pending(inline.post(payment()))
    assert stored(inline)["inline"] == "NO_PROFILES"


def test_without_a_ruleset_the_transaction_is_pending_until_there_is_one(inline: Inline) -> None:
    found = inline.s3.list_objects_v2(Bucket="rules")["Contents"]
    for each in found:
        inline.s3.delete_object(Bucket="rules", Key=each["Key"])
    assert is_pending(inline.post(payment()))
    assert stored(inline)["inline"] == "NO_RULESET"
    inline.store_ruleset()
    assert body_of(inline.post(payment()))["decisionStage"] == "INLINE"


def test_a_model_that_cannot_be_read_is_not_judged_without(inline: Inline) -> None:
    inline.s3.put_object(Bucket="rules", Key="rulesets/live/models.yaml", Body=b"live: gone.json\n")
    assert is_pending(inline.post(payment()))
    assert stored(inline)["inline"] == "NO_RULESET"


def test_what_never_answers_is_given_up_and_left_to_no_other_request(impatient: Inline) -> None:
    impatient.network.silent = True
    assert is_pending(impatient.post(payment()))
    assert stored(impatient)["inline"] == "SLOW"
    assert impatient.calls["begun"] == impatient.calls["ended"] > 0
    impatient.network.silent = False
    answered_at_last(impatient)


def test_a_table_that_stops_answering_makes_nothing_an_error(impatient: Inline) -> None:
    posted = answered_at_last(impatient)
    impatient.network.silent = True
    assert is_pending(impatient.post(payment()))
    assert impatient.calls["begun"] == impatient.calls["ended"]
    assert len(impatient.world.analyze().latencies) == posted + 1, "all are decided all the same"


def test_where_judging_fails_the_transaction_is_pending(inline: Inline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline.judge, "_calendar", Calendar(label_delay_days="seven"))  # pyright: ignore[reportArgumentType]
    assert is_pending(inline.post(payment(merchantId="shop-1", deviceId="d-1")))
    assert stored(inline)["inline"] == "FAILED"


def test_where_nothing_can_be_loaded_the_transaction_is_pending(inline: Inline) -> None:
    def load() -> Any:
        raise RuntimeError("no client")

    decider = LazyDecider(load, inline.failures.append)
    decider.prepare()
    broken = replace(inline, processor=replace(inline.processor, api=replace(inline.processor.api, decider=decider)))
    assert is_pending(broken.post(payment()))
    assert stored(inline)["inline"] == FailedAttempt().result(None)  # pyright: ignore[reportArgumentType]
    assert len(inline.failures) == 2


def test_what_judging_needs_is_loaded_when_the_first_one_waits_and_stays(inline: Inline) -> None:
    loaded: list[InlineJudge] = []

    def load() -> InlineJudge:
        loaded.append(inline.judge)
        return inline.judge

    api = replace(inline.processor.api, decider=LazyDecider(load, inline.failures.append))
    fresh = replace(inline, processor=replace(inline.processor, api=api))
    fresh.post(payment(), prefer=None)
    assert loaded == []
    for _ in range(3):
        fresh.post(payment())
    assert len(loaded) == 1


def test_a_transaction_never_decided_has_failed_and_shows_the_answer(inline: Inline) -> None:
    sent = payment()
    inline.post(sent)
    inline.processor.time[0] += 3_600_001
    state = body_of(inline.processor.get(sent["transactionId"]))
    assert (state["status"], state["decisionStage"], state["decision"]) == ("FAILED", "INLINE", "APPROVE")


def test_a_burst_that_the_analyzer_judges_stricter_is_said_in_the_alert(inline: Inline) -> None:
    burst = [abroad() for _ in range(4)]
    for sent in burst:
        assert body_of(inline.post(sent))["decision"] == "APPROVE"
        inline.processor.time[0] += 100
    inline.world.analyze()
    last = burst[-1]["transactionId"]
    state = body_of(inline.processor.get(last))
    assert (state["decision"], state["inlineDecision"]["decision"]) == ("REVIEW", "APPROVE")
    assert inline.world.alert(last)["reasonCodes"] == "CARD_VELOCITY,COUNTRY_MISMATCH,STRICTER_THAN_INLINE"


def test_an_alert_of_a_decision_that_is_no_stricter_says_nothing(inline: Inline) -> None:
    for _ in range(3):
        inline.post(abroad())
        inline.processor.time[0] += 100
    inline.world.analyze()
    sent = abroad()
    assert body_of(inline.post(sent))["decision"] == "REVIEW"
    inline.world.analyze()
    assert "STRICTER" not in inline.world.alert(sent["transactionId"])["reasonCodes"]


def test_the_log_has_it_on_the_stored_record_and_beside_the_decision(inline: Inline, impatient: Inline) -> None:
    inline.post(abroad())
    impatient.network.silent = True
    impatient.post(abroad())
    inline.post(abroad(), prefer=None)
    records = inline.world.records()
    answered, in_vain, not_asked = [line for record in records for line in read_stream_record(record)]
    assert (answered.event, answered.inline_decision, answered.inline_reasons) == (
        "STORED",
        "APPROVE",
        ("COUNTRY_MISMATCH",),
    )
    assert None not in (answered.inline_score, answered.inline_ruleset_version, answered.inline_decided_at)
    assert (in_vain.inline_decision, in_vain.inline_fallback) == (None, "SLOW")
    assert (not_asked.inline_decision, not_asked.inline_fallback) == (None, None)
    inline.world.analyze(records)
    decided = [line for record in inline.world.records() for line in read_stream_record(record)]
    assert {line.event for line in decided} == {"DECIDED"}
    verdicts = {line.transaction_id: line.inline_decision for line in decided}
    assert verdicts == {
        answered.transaction_id: "APPROVE",
        in_vain.transaction_id: None,
        not_asked.transaction_id: None,
    }
    assert all(line.inline_score is None for line in decided)


def test_metrics_tell_how_long_it_took_and_who_waited_in_vain(
    inline: Inline, impatient: Inline, capsys: pytest.CaptureFixture[str]
) -> None:
    api = inline.processor.api
    inline.post(payment(), prefer=None)
    api.meter.flush()
    assert "Inline" not in capsys.readouterr().out
    inline.post(payment())
    api.meter.flush()
    answered = json.loads(capsys.readouterr().out.splitlines()[-1])
    impatient.network.silent = True
    impatient.post(payment())
    impatient.processor.api.meter.flush()
    in_vain = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answered["InlineFallback"], answered["InlineLatency"]) == ([0.0], [0.0])
    assert in_vain["InlineFallback"] == [1.0]
    assert "InlineLatency" not in in_vain


def test_only_who_waits_for_a_new_transaction_is_counted(inline: Inline, capsys: pytest.CaptureFixture[str]) -> None:
    sent = payment()
    inline.post(sent, prefer=None)
    inline.post(sent)
    # Nothing is decided for a repeat, so that it has not waited in vain.
    assert [line for line in capsys.readouterr().out.splitlines() if "Inline" in line] == []


def test_advice_on_authentication_is_answered_stored_and_logged(aws: MinistackServer, world: World) -> None:
    make_bucket(aws)
    with inline_processor(aws, world, ScaPolicy(is_issuer=True, counts_payments=False)) as inline:
        inline.processor.time[0] = NOW
        inline.store_ruleset()
        sent = payment(amountMinor=2000, cardToken="card-1", channel="ECOMMERCE", amountSinceStrongMinor=7500)
        expected = {"exemption": "LOW_VALUE", "why": ["COUNTER_KNOWN"]}
        answer = inline.post(sent)
        assert body_of(answer)["inlineDecision"]["scaAdvice"] == expected
        assert body_of(inline.processor.get(sent["transactionId"]))["inlineDecision"]["scaAdvice"] == expected
        stored_records = inline.world.records()
        inline.world.analyze(stored_records)
        lines = [line for record in [*stored_records, *inline.world.records()] for line in read_stream_record(record)]
        assert [(line.event, line.sca_exemption, line.sca_band, line.sca_why) for line in lines] == [
            ("STORED", "LOW_VALUE", None, ("COUNTER_KNOWN",)),
            ("DECIDED", "LOW_VALUE", None, ("COUNTER_KNOWN",)),
        ]


def test_without_the_setting_nobody_is_advised(inline: Inline) -> None:
    answer = inline.post(payment(amountMinor=2000, cardToken="card-1", channel="ECOMMERCE", amountSinceStrongMinor=0))
    assert "scaAdvice" not in body_of(answer)["inlineDecision"]


def test_who_waits_for_less_than_the_budget_gets_what_there_is_by_then(inline: Inline) -> None:
    given = transaction(1)
    with closing(inline.judge.attempt(given, PATIENT_SECONDS)) as attempt:
        assert not isinstance(attempt.result(given), str)
    with closing(inline.judge.attempt(given, 0.0)) as attempt:
        assert attempt.result(given) == "SLOW"


def test_a_look_at_the_ruleset_is_over_when_the_answer_is_sent(inline: Inline) -> None:
    inline.post(payment())
    inline.rulesets._next_look = time.time()
    inline.rulesets._files._s3.meta.events.register("before-send.s3.GetObject", lambda **_: time.sleep(0.3))
    before = inline.calls["begun"]
    # The one of before is good enough to decide by, and Lambda would freeze what goes on behind the answer.
    assert body_of(inline.post(payment()))["decisionStage"] == "INLINE"
    assert inline.calls["begun"] > before + 1
    assert inline.calls["begun"] == inline.calls["ended"]


@pytest.mark.parametrize(("seconds", "is_waited_for"), [(CHECK_SECONDS, False), (STALE_SECONDS, True)])
def test_rules_that_were_looked_at_long_ago_decide_nothing(
    inline: Inline, monkeypatch: pytest.MonkeyPatch, seconds: float, *, is_waited_for: bool
) -> None:
    """Lambda may have kept the function frozen for hours, in which somebody rolled a rule back."""
    before = body_of(inline.post(payment()))["inlineDecision"]["rulesetVersion"]
    inline.store_ruleset(ruleset_files(-5)[0])
    inline.rulesets._files._s3.meta.events.register("before-send.s3.GetObject", lambda **_: time.sleep(0.3))
    thawed = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: thawed)
    now = body_of(inline.post(payment()))["inlineDecision"]["rulesetVersion"]
    assert (now != before) == is_waited_for


@pytest.mark.parametrize(("is_broken", "verdict"), [(False, "DECLINE"), (True, "REVIEW")])
def test_a_model_that_broke_its_promise_declines_nobody_who_waits(
    inline: Inline, *, is_broken: bool, verdict: str
) -> None:
    model = severe_model()
    for name, content in (("models/severe.json", model.to_json()), ("models.yaml", b"live: severe.json\n")):
        inline.s3.put_object(Bucket="rules", Key=RULESET_PREFIX + name, Body=content)
    if is_broken:
        item = to_item({"entity": BREAKER_PREFIX + model.version, BROKEN_AT: NOW})
        inline.world.dynamodb.put_item(TableName="profiles", Item=item)
    told = body_of(inline.post(payment()))["inlineDecision"]
    assert (told["decision"], HELD_BACK in told["reasonCodes"]) == (verdict, is_broken)

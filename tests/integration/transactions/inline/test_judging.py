"""By what inline decisions judge: profiles, lists, and rules and models that are not too old."""

import time
from dataclasses import replace

import pytest

from fraudstream.contract import BREAKER_PREFIX, RULESET_PREFIX, EntityKind
from fraudstream.detection.inline import InlineJudge
from fraudstream.detection.stores.decisions.breaker import BROKEN_AT
from fraudstream.detection.stores.rulesets.active import CHECK_SECONDS, STALE_SECONDS
from fraudstream.transactions.decisions.inline import LazyDecider
from fraudstream.transactions.decisions.reasons import HELD_BACK
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from tests.integration.detection.analyzer_harness import BLOCKING_RULESET, NOW, ruleset_files
from tests.integration.transactions.inline.inline_harness import (
    Inline,
    abroad,
    stored,
)
from tests.integration.transactions.processor_harness import body_of, payment
from tests.unit.detection.model_harness import severe_model


def test_profiles_that_the_analyzer_wrote_are_judged_by(inline: Inline) -> None:
    for _ in range(3):
        inline.post(abroad(), prefer=None)
        inline.processor.time[0] += 1000
    inline.world.analyze()
    assert body_of(inline.post(abroad()))["inlineDecision"]["reasonCodes"] == ["CARD_VELOCITY", "COUNTRY_MISMATCH"]


def test_who_is_on_a_list_is_judged_so(inline: Inline) -> None:
    inline.store_ruleset(BLOCKING_RULESET)
    sent = abroad()
    inline.post(sent, prefer=None)
    lists = EntityLists(inline.world.dynamodb, "profiles", clock=lambda: NOW)
    lists.add("blocked", EntityKind.CARD, stored(inline)["cardToken"], by="arn:aws:iam::1:user/ann", reason="stolen")
    assert body_of(inline.post(abroad()))["inlineDecision"]["reasonCodes"] == ["BLOCKED_ENTITY"]


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

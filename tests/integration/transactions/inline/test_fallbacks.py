"""Inline decisions where something fails or takes too long: the transaction is stored, and decided later."""

import zlib
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from fraudstream.contract import EntityKind
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.profiles import codec
from fraudstream.detection.profiles.profile import Profile
from fraudstream.transactions.decisions.inline import FailedAttempt, LazyDecider
from tests.integration.detection.analyzer_harness import transaction
from tests.integration.transactions.inline.inline_harness import (
    PATIENT_SECONDS,
    Inline,
    abroad,
    answered_at_last,
    is_pending,
    refuse,
    stored,
    unreachable,
)
from tests.integration.transactions.processor_harness import body_of, payment


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


def test_who_waits_for_less_than_the_budget_gets_what_there_is_by_then(inline: Inline) -> None:
    given = transaction(1)
    with closing(inline.judge.attempt(given, PATIENT_SECONDS)) as attempt:
        assert not isinstance(attempt.result(given), str)
    with closing(inline.judge.attempt(given, 0.0)) as attempt:
        assert attempt.result(given) == "SLOW"

"""What is told of inline decisions afterwards: by the alert, the log, the metrics and the advice."""

import json

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.sca_policy import ScaPolicy
from fraudstream.reporting.log.record import read_stream_record
from tests.integration.detection.analyzer_harness import NOW, World
from tests.integration.transactions.inline.inline_harness import (
    Inline,
    abroad,
    inline_processor,
    make_bucket,
)
from tests.integration.transactions.processor_harness import body_of, payment


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

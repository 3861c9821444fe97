"""When strong customer authentication may be left out, by Regulation (EU) 2018/389."""

from typing import Any

import pytest

from fraudstream.detection.features import codec
from fraudstream.detection.rules.rates import load_rates
from fraudstream.detection.sca_policy import ScaPolicy
from fraudstream.transactions.decisions.decision import Decision, Reason, Verdict
from fraudstream.transactions.decisions.sca import ScaAdvice, ScaExemption, ScaReason
from fraudstream.transactions.transaction import Authentication, Channel, Transaction, TransactionType

RATES = load_rates({"baseCurrency": "USD", "rates": [{"validFrom": "2026-01-01", "perBase": {"EUR": 0.8, "SEK": 8.0}}]})
ISSUER = ScaPolicy(is_issuer=True, counts_payments=False, card_fraud_rate=0.05, transfer_fraud_rate=0.012)
COUNTING_PAYMENTS = ISSUER._replace(counts_payments=True)
ACQUIRER = ISSUER._replace(is_issuer=False)


def card_payment(euros: float, **fields: Any) -> Transaction:
    told = {
        "transaction_id": "t-1",
        "timestamp": 1_795_400_000_000,
        "received_at": 1_795_400_000_000,
        "amount_minor": round(100 * euros),
        "currency": "EUR",
        "type": TransactionType.PAYMENT,
        "customer_id": "tok_customer",
        "card_token": "tok_card",
        "channel": Channel.ECOMMERCE,
        "ip_country": "DE",
    }
    return Transaction(**(told | fields))


def transfer(euros: float, **fields: Any) -> Transaction:
    return card_payment(euros, type=TransactionType.TRANSFER, card_token=None, channel=Channel.MOBILE, **fields)


def approved(*, known_amounts: float | None = 20, **fields: Any) -> Decision:
    told = {"decision": Verdict.APPROVE, "score": 2, "ruleset_version": "abcdef123456", "decided_at": 1}
    return Decision(features=codec.pack({"customerAmountCount": known_amounts}), **(told | fields))


def advice(policy: ScaPolicy, transaction: Transaction, decision: Decision | None = None) -> ScaAdvice:
    return policy.advise(transaction, decision or approved(), RATES)


def tra(band: int) -> ScaAdvice:
    return ScaAdvice(exemption=ScaExemption.TRA, band=band, why=(ScaReason.LOW_RISK,))


def low_value(why: ScaReason) -> ScaAdvice:
    return ScaAdvice(exemption=ScaExemption.LOW_VALUE, why=(why,))


def none(*why: ScaReason) -> ScaAdvice:
    return ScaAdvice(exemption=ScaExemption.NONE, why=why)


@pytest.mark.parametrize(
    ("policy", "euros", "counter", "expected"),
    [
        (ISSUER, 30, {"amount_since_strong_minor": 7000}, low_value(ScaReason.COUNTER_KNOWN)),
        (ISSUER, 30, {"amount_since_strong_minor": 7001}, none(ScaReason.COUNTER_USED_UP, ScaReason.NO_FRAUD_RATE)),
        (ISSUER, 30.01, {"amount_since_strong_minor": 0}, none(ScaReason.ABOVE_LOW_VALUE, ScaReason.NO_FRAUD_RATE)),
        (ISSUER, 30, {}, none(ScaReason.COUNTER_UNKNOWN, ScaReason.NO_FRAUD_RATE)),
        (ISSUER, 30, {"payments_since_strong": 0}, none(ScaReason.COUNTER_UNKNOWN, ScaReason.NO_FRAUD_RATE)),
        (COUNTING_PAYMENTS, 30, {"payments_since_strong": 4}, low_value(ScaReason.COUNTER_KNOWN)),
        (
            COUNTING_PAYMENTS,
            30,
            {"payments_since_strong": 5},
            none(ScaReason.COUNTER_USED_UP, ScaReason.NO_FRAUD_RATE),
        ),
        (ACQUIRER, 30, {}, low_value(ScaReason.ISSUER_COUNTS)),
        (ACQUIRER, 30, {"amount_since_strong_minor": 9000}, none(ScaReason.COUNTER_USED_UP, ScaReason.NO_FRAUD_RATE)),
    ],
)
def test_low_value_takes_the_amount_and_the_one_counter_that_was_chosen(
    policy: ScaPolicy, euros: float, counter: dict[str, int], expected: ScaAdvice
) -> None:
    assert advice(policy._replace(card_fraud_rate=None), card_payment(euros, **counter)) == expected


@pytest.mark.parametrize(
    ("rate", "euros", "expected"),
    [
        (0.01, 500, tra(500)),
        (0.01, 500.01, none(ScaReason.ABOVE_LOW_VALUE, ScaReason.ABOVE_BAND)),
        (0.011, 250, tra(250)),
        (0.06, 250, tra(250)),
        (0.061, 250, none(ScaReason.ABOVE_LOW_VALUE, ScaReason.ABOVE_BAND)),
        (0.13, 100, tra(100)),
        (0.131, 40, none(ScaReason.ABOVE_LOW_VALUE, ScaReason.ABOVE_BAND)),
    ],
)
def test_risk_analysis_takes_the_reference_fraud_rates_of_card_payments(
    rate: float, euros: float, expected: ScaAdvice
) -> None:
    assert advice(ISSUER._replace(card_fraud_rate=rate), card_payment(euros)) == expected


@pytest.mark.parametrize(
    ("rate", "euros", "expected"),
    [
        (0.005, 500, tra(500)),
        (0.01, 250, tra(250)),
        (0.015, 100, tra(100)),
        (0.016, 100, none(ScaReason.ABOVE_LOW_VALUE, ScaReason.ABOVE_BAND)),
    ],
)
def test_transfers_have_reference_fraud_rates_of_their_own(rate: float, euros: float, expected: ScaAdvice) -> None:
    assert advice(ISSUER._replace(transfer_fraud_rate=rate), transfer(euros)) == expected


def test_an_acquirer_exempts_no_transfer() -> None:
    assert advice(ACQUIRER, transfer(20)) == none(ScaReason.PAYERS_PROVIDER_DECIDES)


@pytest.mark.parametrize(
    "decision",
    [
        approved(decision=Verdict.REVIEW),
        approved(decision=Verdict.DECLINE),
        approved(score=6),
        approved(reasons=(Reason(code="ROUND_AMOUNT", source="round-amount", points=0.25),)),
        approved(reasons=(Reason(code="PROFILE_DAMAGED", source="customer#tok_customer"),)),
    ],
)
def test_nothing_is_exempt_where_anything_speaks_for_risk_or_could_not_be_read(decision: Decision) -> None:
    assert advice(ISSUER, card_payment(20, amount_since_strong_minor=0), decision) == none(ScaReason.RISK)


def test_risk_analysis_needs_the_payers_place_and_habits() -> None:
    unplaced = card_payment(90, ip_country=None)
    assert advice(ISSUER, unplaced) == none(ScaReason.ABOVE_LOW_VALUE, ScaReason.PLACE_UNKNOWN)
    assert advice(ISSUER, card_payment(90, ip_country=None, latitude=52.5, longitude=13.4)) == tra(250)
    for few in (None, 0, 4):
        stranger = advice(ISSUER, card_payment(90), approved(known_amounts=few))
        assert stranger == none(ScaReason.ABOVE_LOW_VALUE, ScaReason.HISTORY_UNKNOWN)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"authentication": Authentication.STRONG}, ScaReason.STRONG_APPLIED),
        ({"authentication": Authentication.OUT_OF_SCOPE}, ScaReason.OUT_OF_SCOPE),
        ({"channel": Channel.POS}, ScaReason.NOT_REMOTE),
        ({"channel": Channel.MOTO}, ScaReason.NOT_REMOTE),
        ({"type": TransactionType.REFUND}, ScaReason.NOT_REMOTE),
        ({"card_token": None}, ScaReason.NOT_REMOTE),
        ({"currency": "JPY"}, ScaReason.NO_EXCHANGE_RATE),
    ],
)
def test_other_payments_are_told_why_no_exemption_comes_into_question(fields: dict[str, Any], why: ScaReason) -> None:
    assert advice(ISSUER, card_payment(20, amount_since_strong_minor=0, **fields)) == none(why)


def test_limits_are_in_euros_whatever_the_base_currency() -> None:
    # 300 Swedish crowns are 37.5 dollars, and 30 euros.
    assert advice(ISSUER, card_payment(300, currency="SEK", amount_since_strong_minor=70_000)) == low_value(
        ScaReason.COUNTER_KNOWN
    )
    assert advice(ISSUER, card_payment(301, currency="SEK", amount_since_strong_minor=0)) == tra(250)

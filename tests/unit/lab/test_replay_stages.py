"""Replay in two stages computes what `Judge` computes, to the last bit."""

from msgspec import structs

from fraudstream.detection.features import codec
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.ruleset import load
from fraudstream.durations import DAY, MINUTE
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.lab.backtest.replay_samples import History, Told, replayed
from fraudstream_tools.lab.replay.history import KnownOutcome, judge_history
from tests.unit.lab.backtest_harness import LISTS, RATES, decided, ruleset_file, world

RULESET = load(ruleset_file([]), RATES, LISTS)


def features_by_stages(history: History, *, elsewhere: bool) -> list[tuple[bytes, ...]]:
    samples = replayed(history, [RULESET.rates], Calendar(), label_delay_days=7, elsewhere=elsewhere)
    return [sample.packed for sample in samples]


def test_both_stages_together_see_what_one_judge_sees() -> None:
    told = {
        truth.transaction_id: Told(truth.fraud, truth.report.labeled_at) for truth in world().truths if truth.report
    }
    history = History([transaction for transaction, _ in decided()], told, 0)
    expected = [(decision.features,) for _, decision in decided()]
    assert features_by_stages(history, elsewhere=False) == expected
    assert features_by_stages(history, elsewhere=True) == expected


def crowded(transaction: Transaction, number: int) -> Transaction:
    """Many at the same moment: a full ring cannot tell the older from the newer."""
    return Transaction(
        transaction_id=f"crowd-{number}",
        timestamp=transaction.timestamp,
        received_at=transaction.timestamp,
        amount_minor=100 + number,
        currency="EUR",
        type=transaction.type,
        customer_id=transaction.customer_id,
        card_token="card",
        terminal_id="terminal",
        merchant_id="merchant",
    )


def test_they_agree_where_profiles_cannot_tell_old_from_new() -> None:
    first = decided()[0][0]
    transactions = [crowded(first, number) for number in range(60)]
    # All labels become known at the same moment too.
    told = {each.transaction_id: Told(fraud=True, known_at=first.timestamp) for each in transactions[:30]}
    known = {name: KnownOutcome(each.fraud, each.known_at or 0) for name, each in told.items()}
    expected = [(decision.features,) for _, decision in judge_history(transactions, known, Judge(RULESET))]
    assert features_by_stages(History(transactions, told, 0), elsewhere=False) == expected


def test_they_agree_on_refunds_whoever_remembers_the_payment() -> None:
    paid = structs.replace(crowded(decided()[0][0], 0), transaction_id="paid", merchant_id="shop")
    back = {"type": TransactionType.REFUND, "original_transaction_id": "paid", "timestamp": paid.timestamp + 35 * DAY}
    by_others = {"customer_id": "other", "card_token": "other"}
    transactions = [
        paid,
        structs.replace(paid, transaction_id="earlier", terminal_id="other", **by_others),
        structs.replace(paid, transaction_id="same-shop", **back),
        structs.replace(paid, transaction_id="other-shop", merchant_id="elsewhere", terminal_id=None, **back),
        structs.replace(paid, transaction_id="by-other", **by_others, **back),
        structs.replace(paid, transaction_id="nowhere", merchant_id="elsewhere", terminal_id=None, **by_others, **back),
    ]
    judged = [decision.features for _, decision in judge_history(transactions, {}, Judge(RULESET))]
    place = NAMES.index("refundSearchedDays")
    assert [codec.unpack(each)[place] for each in judged] == [None, None, 0, 0, 0, 35]
    assert features_by_stages(History(transactions, {}, 0), elsewhere=False) == [(each,) for each in judged]


def test_they_agree_on_payees_whoever_remembers_them() -> None:
    first = structs.replace(crowded(decided()[0][0], 0), type=TransactionType.TRANSFER)
    transactions = [
        structs.replace(
            first, transaction_id=f"{days}-{number}", timestamp=time, received_at=time, counterparty_token=to
        )
        for days in (0, 30)
        for number, to in enumerate(["often", *(f"employee-{number}" for number in range(40)), *["often"] * 20])
        for time in [first.timestamp + days * DAY + number * MINUTE]
    ]
    judged = [decision.features for _, decision in judge_history(transactions, {}, Judge(RULESET))]
    place = NAMES.index("customerPayeeAgeHours")
    assert [codec.unpack(judged[at])[place] for at in (0, 40, 61 + 1, 61 + 40)] == [0, 0, 720, 720]
    assert features_by_stages(History(transactions, {}, 0), elsewhere=False) == [(each,) for each in judged]


def test_labels_come_between_the_transactions_when_they_become_known() -> None:
    transactions = [crowded(decided()[0][0], number) for number in range(3)]
    transactions = [
        Transaction(
            transaction_id=each.transaction_id,
            timestamp=each.timestamp + 1000 * number,
            received_at=each.timestamp + 1000 * number,
            amount_minor=5,
            currency="EUR",
            type=each.type,
            customer_id="c",
        )
        for number, each in enumerate(transactions)
    ]
    start = transactions[0].timestamp
    told = {
        "crowd-0": Told(fraud=True, known_at=start + 1500),
        "crowd-1": Told(fraud=True, known_at=None),
        "crowd-2": Told(fraud=False, known_at=start),
    }
    steps = [(step.transaction.transaction_id, step.fraud_known_at) for step in History(transactions, told, 0).steps()]
    assert steps == [("crowd-0", None), ("crowd-1", None), ("crowd-0", start + 1500), ("crowd-2", None)]

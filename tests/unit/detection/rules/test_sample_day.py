"""The rules that are deployed, on the sample day: honest transactions stay approved, and every pattern is caught."""

from collections import Counter
from pathlib import Path

import pytest

from fraudstream.detection.judge import Judge
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.files.transactions import read_transactions
from fraudstream_tools.lab.replay.history import as_transaction, judge_history
from fraudstream_tools.lab.world.sample_day import SAMPLE, sample_truth
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).parents[4] / "rules"


@pytest.fixture(scope="module")
def verdicts() -> Counter[tuple[str, Verdict]]:
    """How often each decision was made, by the fraud's episode; honest ones under an empty name."""
    frauds = sample_truth()
    transactions = [as_transaction(row, number) for number, row in enumerate(read_transactions(SAMPLE), start=1)]
    decisions = judge_history(transactions, {}, Judge(RulesFolder(RULES).load()))
    return Counter((frauds.get(each.transaction_id, ""), decision.decision) for each, decision in decisions)


def test_honest_transactions_stay_approved(verdicts: Counter[tuple[str, Verdict]]) -> None:
    honest = {verdict: verdicts["", verdict] for verdict in Verdict}
    assert honest[Verdict.APPROVE] / sum(honest.values()) >= 0.99
    assert honest[Verdict.DECLINE] / sum(honest.values()) <= 0.002


def test_half_of_the_fraud_is_caught_and_most_of_what_is_caught_is_fraud(
    verdicts: Counter[tuple[str, Verdict]],
) -> None:
    caught = sum(count for (episode, verdict), count in verdicts.items() if episode and verdict is not Verdict.APPROVE)
    missed = sum(count for (episode, verdict), count in verdicts.items() if episode and verdict is Verdict.APPROVE)
    alarms = verdicts["", Verdict.REVIEW] + verdicts["", Verdict.DECLINE]
    assert caught / (caught + missed) >= 0.5
    assert caught / (caught + alarms) >= 0.6


@pytest.mark.parametrize(
    "episode",
    ["account_takeover", "card_testing", "many_merchants", "merchant_enumeration", "refund_abuse", "structuring"],
)
def test_an_episode_is_noticed(verdicts: Counter[tuple[str, Verdict]], episode: str) -> None:
    assert verdicts[episode, Verdict.REVIEW] + verdicts[episode, Verdict.DECLINE] > 0

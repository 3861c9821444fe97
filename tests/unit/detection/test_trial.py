"""What is shipped passes the trial that comes before anything becomes active, and what would fail later fails there."""

from pathlib import Path
from typing import Any, Final

import pytest

from fraudstream.detection.judge import Judge
from fraudstream.detection.models.model import load
from fraudstream.detection.rules.rates import Rates
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.detection.trial import check_model, check_ruleset
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream.transactions.values.money import EXPONENTS, MAX_AMOUNT_MINOR
from fraudstream_tools.rules.folder import RulesFolder

ROOT: Final = Path(__file__).resolve().parents[3]


def shipped() -> Ruleset:
    """Return the ruleset that ships."""
    return RulesFolder(ROOT / "rules").load()


def test_the_shipped_rules_judge_the_trial_transactions() -> None:
    check_ruleset(shipped())


def test_the_shipped_model_scores_the_trial_vectors() -> None:
    check_model(load((ROOT / "models" / "default.json").read_bytes()))


@pytest.mark.parametrize(
    ("field", "value"), [("type", TransactionType.REVERSAL), ("currency", "KWD"), ("currency", "CLF")]
)
def test_rules_that_fail_for_one_type_or_currency_are_refused(
    field: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = Ruleset.evaluate

    def fail(ruleset: Ruleset, transaction: Transaction, *rest: Any) -> Any:
        if getattr(transaction, field) == value:
            raise ZeroDivisionError
        return evaluate(ruleset, transaction, *rest)

    monkeypatch.setattr(Ruleset, "evaluate", fail)
    with pytest.raises(RulesetError, match="a trial judgement failed: ZeroDivisionError"):
        check_ruleset(shipped())


@pytest.mark.parametrize("currency", sorted(EXPONENTS)[::20])
def test_rates_that_fail_for_one_currency_are_refused(currency: str, monkeypatch: pytest.MonkeyPatch) -> None:
    to_base = Rates.to_base

    def fail(rates: Rates, amount_minor: int, code: str, timestamp: int) -> float | None:
        if code == currency:
            raise OverflowError
        return to_base(rates, amount_minor, code, timestamp)

    monkeypatch.setattr(Rates, "to_base", fail)
    with pytest.raises(RulesetError, match="a trial judgement failed: OverflowError"):
        check_ruleset(shipped())


def test_the_largest_and_the_smallest_amounts_are_judged_of_every_type(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[tuple[TransactionType, float | None]] = []
    judge = Judge.judge

    def note(self: Judge, transaction: Transaction, *rest: Any) -> Any:
        amount = self.ruleset.rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        judged.append((transaction.type, amount))
        return judge(self, transaction, *rest)

    monkeypatch.setattr(Judge, "judge", note)
    ruleset = shipped()
    check_ruleset(ruleset)
    largest = [ruleset.rates.to_base(MAX_AMOUNT_MINOR, code, 0) for code in EXPONENTS]
    known = [amount for amount in largest if amount is not None]
    for kind in TransactionType:
        assert {amount for each, amount in judged if each is kind} == {0.0, min(known), max(known), None}
    # A function that starts waits for it.
    assert len(judged) == len(TransactionType) * 3 * 2

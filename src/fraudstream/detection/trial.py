"""A trial judgement of a ruleset or a model before it becomes active: what fails here never meets a transaction."""

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from fraudstream.detection.features import codec
from fraudstream.detection.features.own import VALUES
from fraudstream.detection.features.registry import NAMES, Vector
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.model import Model, ModelError
from fraudstream.detection.rules.rates import Rates
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream.transactions.values.money import EXPONENTS, MAX_AMOUNT_MINOR

_LARGEST: Final = 3e38
"""No stored feature is larger: see `features.codec`."""


def _vectors() -> Iterator[Vector]:
    """Yield what models see: everything missing, zero, and as large and small as a value can be."""
    yield codec.unpack(codec.pack({})) + (None,) * len(VALUES)
    for value in (0.0, 1.0, _LARGEST, -_LARGEST):
        yield codec.unpack(codec.pack(dict.fromkeys(NAMES, value))) + (value,) * len(VALUES)


def _transactions(currencies: Iterable[str], types: Iterable[TransactionType]) -> Iterator[Transaction]:
    """Yield transactions with nothing but what is required, and the least and the largest amount."""
    for currency, kind, amount in product(currencies, types, (0, MAX_AMOUNT_MINOR)):
        yield Transaction(
            transaction_id="trial",
            timestamp=0,
            received_at=0,
            amount_minor=amount,
            currency=currency,
            type=kind,
            customer_id="trial",
        )


def _extremes(rates: Rates) -> set[str]:
    """Return a currency whose amounts become the largest, one of the smallest, and one without a rate."""
    largest = {each: rates.to_base(MAX_AMOUNT_MINOR, each, 0) for each in sorted(EXPONENTS)}
    known = sorted((amount, each) for each, amount in largest.items() if amount is not None)
    return {known[0][1], known[-1][1], *[each for each, amount in largest.items() if amount is None][:1]}


def check_ruleset(ruleset: Ruleset) -> None:
    """Judge trial transactions by a ruleset without its models.

    Of its currency, a transaction's features see the amount alone: so the extremes are judged whole, of every type, and
    for all currencies the rules alone are asked. A function that starts waits for it.

    Raises:
        RulesetError: one of them could not be judged.
    """
    judge = Judge(ruleset)
    # Rules see the features alone.
    nothing, *others = (vector[: len(NAMES)] for vector in _vectors())
    payments = list(_transactions(EXPONENTS, [TransactionType.PAYMENT]))
    try:
        for transaction in _transactions(_extremes(ruleset.rates), TransactionType):
            judge.judge(transaction, {}, 0)
        for payment in payments:
            ruleset.evaluate(payment, nothing)
        for vector in others:
            ruleset.evaluate(payments[0], vector)
    except Exception as error:  # whatever it is, a customer's transaction would meet it too
        raise RulesetError([f"a trial judgement failed: {type(error).__name__}"]) from error


def check_model(model: Model) -> None:
    """Score trial vectors by a model, and explain them.

    Raises:
        ModelError: one of them gave no finite number.
    """
    try:
        finite = [math.isfinite(number) for vector in _vectors() for number in _scores(model, vector)]
    except Exception as error:  # whatever it is, a customer's transaction would meet it too
        raise ModelError(f"a trial judgement failed: {type(error).__name__}") from error
    if not all(finite):
        raise ModelError("a trial judgement gave no finite number")


def _scores(model: Model, vector: Vector) -> tuple[float, ...]:
    return (model.log_odds(vector), model.evidence(vector), *model.contributions(vector).values())

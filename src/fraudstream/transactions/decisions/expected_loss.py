"""Which of several suspicious transactions is most worth a look: the one order of every queue and worklist.

A look is worth what the transaction would cost, times how likely it is fraud. The amount counts by its square root: by
the amount itself one large honest transfer outranks any number of likely frauds, and a probability that errs by a
little, times a large amount, errs by much.
"""

import math

from fraudstream.transactions.decisions.decision import MAX_SCORE


def likelihood(probability: float | None, score: int) -> float:
    """Return how likely a transaction is fraud, as far as its decision says, from 0 to 1.

    A calibrated probability says it. Where there is none (rules decide alone, the live model is not calibrated, or a
    rule has hit that its training has not weighed), the score stands in for it: it orders such transactions among
    themselves, and beside calibrated ones it tends to be too high.

    Args:
        probability: of the decision, if it has one.
        score: 0 to 100.
    """
    return score / MAX_SCORE if probability is None else probability


def expected_loss(probability: float | None, score: int, amount: float | None) -> float:
    """Return what a look at a transaction is worth: its likelihood of fraud times the square root of its amount.

    It is no sum of money: it compares transactions, and those of one case add up. It is 0 where no amount can be
    compared.

    Args:
        probability: of the decision, if it has one.
        score: 0 to 100.
        amount: in the base currency; None without an exchange rate.
    """
    return likelihood(probability, score) * math.sqrt(max(amount or 0.0, 0.0))

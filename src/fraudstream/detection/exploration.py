"""Approved transactions that are put into the review queue by chance, so that labels are not only of what was flagged.

The decision stays an approval. Which transactions are drawn follows from their ids alone: whoever judges one again
draws it again.
"""

from hashlib import sha256
from typing import Final

from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.transaction import AuthorizationResult, Transaction

_HASHES: Final = 2**64


def propensity(transaction: Transaction, decision: Decision, share: float) -> float | None:
    """Return the probability with which a transaction was drawn; None if it was not.

    What its issuer declined is never drawn: nobody can learn what it would have been.

    Args:
        transaction: what was judged.
        decision: only approvals are drawn.
        share: of the approved transactions, from 0 to 1.
    """
    if decision.decision is not Verdict.APPROVE or transaction.authorization_result == AuthorizationResult.DECLINED:
        return None
    # With a prefix of its own: other samples that are drawn by the id must not be the same.
    drawn = int.from_bytes(sha256(b"exploration " + transaction.transaction_id.encode()).digest()[:8])
    return share if drawn < share * _HASHES else None

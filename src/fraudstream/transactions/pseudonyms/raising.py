"""Transactions whose tokens are given the newest number, and how to find what is stored by the tokens before."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from fraudstream.transactions.pseudonyms.tokens import TokenRaiser, number_of
from fraudstream.transactions.transaction import FIELDS, Transaction

_IDENTIFIERS = tuple(field.name for field in FIELDS if field.spec.identifies is not None)


class RaisedTransaction(NamedTuple):
    """A transaction with tokens of the newest number."""

    transaction: Transaction
    earlier: Mapping[str, Sequence[str]]
    """Each of its tokens that had an earlier number, to those of all earlier numbers that are known, newest first."""


def raise_tokens(transaction: Transaction, raiser: TokenRaiser) -> RaisedTransaction:
    """Return a transaction with tokens of the newest number; most often it is the same one."""
    raised: dict[str, str] = {}
    earlier: dict[str, Sequence[str]] = {}
    if raiser.newest == 1:
        return RaisedTransaction(transaction, earlier)
    for name in _IDENTIFIERS:
        token: str | None = getattr(transaction, name)
        if token is None or number_of(token) >= raiser.newest:
            continue
        *before, newest = raiser.later(token)
        raised[name] = newest
        earlier[newest] = before[::-1]
    return RaisedTransaction(msgspec.structs.replace(transaction, **raised), earlier)

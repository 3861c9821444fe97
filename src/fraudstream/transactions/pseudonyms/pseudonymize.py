"""What is kept of a request: a transaction whose identifiers are tokens and whose place is coarse."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from fraudstream.transactions.pseudonyms.identifiers import entity_of, normalize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, coarse
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.transaction import FIELDS, Transaction

_VERSION: Final = "2:"
"""Of payload hashes. 0.1.0 wrote its own without a version, over the request as it was posted."""


def pseudonymize(
    request: TransactionRequest,
    tokenizer: Tokenizer,
    *,
    timestamp: int,
    received_at: int,
    placeholders: AbstractSet[str] = frozenset(),
) -> Transaction:
    """Build the transaction that is stored for a request.

    Identifiers that stand for nobody are left out. A customer is required: one who stands for nobody gets a token of
    this transaction's own, so that strangers do not become one person.

    Args:
        request: a valid request.
        tokenizer: makes the tokens.
        timestamp: when it happened, in epoch milliseconds.
        received_at: when it came in, in epoch milliseconds.
        placeholders: values, in small letters, that clients send in place of an identifier which they do not have.
    """
    kept = _present(request)
    for field in FIELDS:
        if field.name not in kept:
            continue
        if (kind := field.spec.identifies) is not None:
            entity = entity_of(kind, normalize(kind, kept[field.name]), placeholders)
            if entity is None and field.required:
                # No identifier has a line break in it, so that this one is nobody else's.
                entity = f"nobody\n{request.transaction_id}"
            kept[field.name] = None if entity is None else tokenizer.token(kind, entity)
        elif field.spec.is_coarse:
            kept[field.name] = coarse(kept[field.name])
    kept |= {"timestamp": timestamp, "received_at": received_at}
    return Transaction(**kept)


def payload_hash(request: TransactionRequest, tokenizer: Tokenizer) -> str:
    """Return the keyed hash of what a client posted, with its version.

    It is the same for the same fields, in whatever order and spacing, and for identifiers that are the same when
    normalized: addresses whole, not their networks.
    """
    return _VERSION + _hash(_normalized(request), tokenizer)


def is_same_payload(request: TransactionRequest, stored_hash: str, tokenizer: Tokenizer) -> bool:
    """Return whether a request is the one that a stored hash was made of, by this version or by 0.1.0."""
    if stored_hash.startswith(_VERSION):
        return stored_hash == payload_hash(request, tokenizer)
    return stored_hash == _hash(request, tokenizer)


def _hash(request: TransactionRequest, tokenizer: Tokenizer) -> str:
    return tokenizer.payload_hash(msgspec.json.encode(request, order="deterministic"))


def _normalized(request: TransactionRequest) -> TransactionRequest:
    present = _present(request)
    identifiers = {field.name: kind for field in FIELDS if (kind := field.spec.identifies) and field.name in present}
    return msgspec.structs.replace(
        request, **{name: normalize(kind, present[name]) for name, kind in identifiers.items()}
    )


def _present(request: TransactionRequest) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(request).items() if value is not msgspec.UNSET}

"""What is kept of a request: a transaction whose identifiers are tokens and whose place is coarse."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from fraudstream.transactions.pseudonyms.identifiers import entity_of, normalize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser, coarse
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.transaction import FIELDS, Transaction

_VERSION: Final = "2"
"""Version of payload hashes."""
_UNVERSIONED: Final = "1"
"""0.1.0 wrote its own without a version, over the request as it was posted."""


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
    """Return the keyed hash of what a client posted, with its version and, from 2 on, the number of its key: `2.2:…`.

    It is the same for the same fields, in whatever order and spacing, and for identifiers that are the same when
    normalized: addresses whole, not their networks.
    """
    digest = tokenizer.payload_hash(_encoded(_normalized(request)))
    return f"{_VERSION}:{digest}" if tokenizer.number == 1 else f"{_VERSION}.{tokenizer.number}:{digest}"


def is_same_payload(request: TransactionRequest, stored_hash: str, tokenizer: Tokenizer) -> bool:
    """Return whether a request is the one that a stored hash was made of, by this version or by 0.1.0."""
    version, number, digest = _parsed(stored_hash)
    if not 1 <= number <= tokenizer.raiser.newest:
        return False
    posted = request if version == _UNVERSIONED else _normalized(request)
    return digest == tokenizer.payload_hash(_encoded(posted), number)


def raised_payload_hash(stored_hash: str, raiser: TokenRaiser) -> str:
    """Return a stored hash as it would be with the newest key."""
    version, number, digest = _parsed(stored_hash)
    if number >= raiser.newest:
        return stored_hash
    for each in range(number + 1, raiser.newest + 1):
        digest = raiser.raised_hash(digest, each)
    return f"{version}.{raiser.newest}:{digest}"


def _parsed(stored_hash: str) -> tuple[str, int, str]:
    """Return a hash's version, the number of its key, and the hash itself."""
    head, mark, digest = stored_hash.partition(":")
    if not mark:
        return _UNVERSIONED, 1, stored_hash
    version, _, number = head.partition(".")
    return version, int(number) if number.isdecimal() else 1, digest


def _encoded(request: TransactionRequest) -> bytes:
    return msgspec.json.encode(request, order="deterministic")


def _normalized(request: TransactionRequest) -> TransactionRequest:
    present = _present(request)
    identifiers = {field.name: kind for field in FIELDS if (kind := field.spec.identifies) and field.name in present}
    return msgspec.structs.replace(
        request, **{name: normalize(kind, present[name]) for name, kind in identifiers.items()}
    )


def _present(request: TransactionRequest) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(request).items() if value is not msgspec.UNSET}

"""What is kept of a request: a transaction whose identifiers are tokens and whose place is coarse."""

import ipaddress
from typing import Any

import msgspec

from fraudstream.transactions.fields import EntityKind
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.tokens import Tokenizer, coarse
from fraudstream.transactions.transaction import FIELDS, Transaction


def pseudonymize(request: TransactionRequest, tokenizer: Tokenizer, *, timestamp: int, received_at: int) -> Transaction:
    """Build the transaction that is stored for a request.

    Args:
        request: a valid request.
        tokenizer: makes the tokens.
        timestamp: when it happened, in epoch milliseconds.
        received_at: when it came in, in epoch milliseconds.
    """
    kept: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(request).items() if value is not msgspec.UNSET
    }
    for field in FIELDS:
        if field.name not in kept:
            continue
        if (kind := field.spec.identifies) is not None:
            kept[field.name] = tokenizer.token(kind, _normal(kept[field.name], kind))
        elif field.spec.is_coarse:
            kept[field.name] = coarse(kept[field.name])
    kept |= {"timestamp": timestamp, "received_at": received_at}
    return Transaction(**kept)


def payload_hash(request: TransactionRequest, tokenizer: Tokenizer) -> str:
    """Return the keyed hash of what a client posted: the same for the same fields, in whatever order and spacing."""
    return tokenizer.payload_hash(msgspec.json.encode(request, order="deterministic"))


def _normal(identifier: str, kind: EntityKind) -> str:
    """Write an address in its one short form, so that it has one token; other identifiers are the client's own."""
    if kind is not EntityKind.IP:
        return identifier
    address = ipaddress.ip_address(identifier)
    return str(getattr(address, "ipv4_mapped", None) or address)

"""Identifiers become tokens, and places become coarse."""

import base64
import binascii
import hashlib
import hmac

from fraudstream.transactions.fields import EntityKind

TOKEN_PREFIX = "tok_"  # noqa: S105  (marks tokens for the reader; no secret)
_MIN_KEY_BYTES = 32
_DIGEST_BYTES = 16


class TokenKeyError(ValueError):
    """The key of the tokens can't be used."""


class Tokenizer:
    """Turns identifiers into tokens by HMAC-SHA256 with a secret key: without it, they cannot be linked to a person."""

    def __init__(self, key: str) -> None:
        """Store the key.

        Args:
            key: at least 32 bytes, base64.

        Raises:
            TokenKeyError: not base64, or too short.
        """
        try:
            self._key = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            raise TokenKeyError("the token key must be base64") from None
        if len(self._key) < _MIN_KEY_BYTES:
            raise TokenKeyError(f"the token key must have at least {_MIN_KEY_BYTES} bytes")

    def token(self, kind: EntityKind, identifier: str) -> str:
        """Return the token of an identifier: `tok_` and 22 characters, always the same for the same kind and text."""
        return TOKEN_PREFIX + self._digest(kind.value, identifier.encode())

    def payload_hash(self, payload: bytes) -> str:
        """Return the keyed hash of a request's payload: 22 characters that tell nothing of what it held."""
        return self._digest("payload", payload)

    def _digest(self, domain: str, content: bytes) -> str:
        digest = hmac.digest(self._key, domain.encode() + b"\0" + content, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_DIGEST_BYTES]).rstrip(b"=").decode()


def coarse(degrees: float) -> float:
    """Round a latitude or longitude to two decimals, about a kilometre."""
    return round(degrees, 2) + 0.0  # so that -0.001 is 0.0 and not -0.0

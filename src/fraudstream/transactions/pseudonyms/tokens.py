"""Identifiers become tokens, and places become coarse.

Tokens have a number. Those of number 1 are keyed hashes of identifiers; those of each next number are hashes, with the
next key, of the tokens before. So everything that is stored can be given the next number without the identifiers.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from fraudstream.contract import EntityKind

TOKEN_PREFIX = "tok_"  # noqa: S105  (marks tokens for the reader; no secret)
TOKEN_PATTERN: Final = r"tok[0-9]{0,3}_[A-Za-z0-9_-]{22}"  # noqa: S105  (the form of a token, of any number)
Token = Annotated[str, msgspec.Meta(pattern=rf"^{TOKEN_PATTERN}\Z")]
_NUMBERED: Final = re.compile(r"tok([0-9]+)_")
_MIN_KEY_BYTES = 32
_DIGEST_BYTES = 16


class TokenKeyError(ValueError):
    """The key of the tokens can't be used."""


class TokenRaiser:
    """Turns tokens into those of later numbers, by the keys of these numbers alone."""

    def __init__(self, keys: str = "") -> None:
        """Store the keys.

        Args:
            keys: those of the numbers from 2 on, separated by commas: each at least 32 bytes, base64. Empty for none.

        Raises:
            TokenKeyError: one of them is not base64, or too short.
        """
        self._keys = [_decoded(key) for key in keys.split(",")] if keys else []

    @property
    def newest(self) -> int:
        """The highest number that tokens can have."""
        return len(self._keys) + 1

    def raised(self, token: str, number: int | None = None) -> str:
        """Return the token of a later number for the same identifier; a token that has it already as it is.

        Args:
            token: of any number.
            number: which; None for the newest.
        """
        for each in range(number_of(token) + 1, (number or self.newest) + 1):
            token = f"tok{each}_" + _digest(self._keys[each - 2], "token", token.encode())
        return token

    def later(self, token: str) -> Sequence[str]:
        """Return a token and those of all later numbers for the same identifier, oldest first."""
        return [token, *(self.raised(token, each) for each in range(number_of(token) + 1, self.newest + 1))]

    def raised_hash(self, payload_hash: str, number: int) -> str:
        """Return the keyed hash of a later number for the same payload: HMAC over the one before."""
        return _digest(self._keys[number - 2], "payload", payload_hash.encode())


def number_of(token: str) -> int:
    """Return a token's number."""
    numbered = _NUMBERED.match(token)
    return int(numbered[1]) if numbered else 1


class Tokenizer:
    """Turns identifiers into tokens by HMAC-SHA256 with a secret key: without it, they cannot be linked to a person."""

    def __init__(self, key: str, raiser: TokenRaiser | None = None, number: int = 1) -> None:
        """Store the keys.

        Args:
            key: that of number 1: at least 32 bytes, base64.
            raiser: has the keys of later numbers.
            number: that of the tokens that are made.

        Raises:
            TokenKeyError: not base64, or too short; or there is no key of this number.
        """
        self._key = _decoded(key)
        self.raiser = raiser or TokenRaiser()
        self.number = number
        if not 1 <= number <= self.raiser.newest:
            raise TokenKeyError(f"there is no token key of number {number}")

    def token(self, kind: EntityKind, identifier: str) -> str:
        """Return the token of an identifier: `tok_` and 22 characters, always the same for the same kind and text.

        That of a later number begins with `tok2_`, `tok3_` and so on.
        """
        return self.raiser.raised(self._first(kind, identifier), self.number)

    def tokens(self, kind: EntityKind, identifier: str) -> Sequence[str]:
        """Return the tokens of an identifier of all numbers, oldest first."""
        return self.raiser.later(self._first(kind, identifier))

    def payload_hash(self, payload: bytes, number: int | None = None) -> str:
        """Return the keyed hash of a request's payload: 22 characters that tell nothing of what it held.

        Args:
            payload: what was posted.
            number: that of the key; None for the number of the tokens that are made.
        """
        digest = _digest(self._key, "payload", payload)
        for each in range(2, (number or self.number) + 1):
            digest = self.raiser.raised_hash(digest, each)
        return digest

    def _first(self, kind: EntityKind, identifier: str) -> str:
        return TOKEN_PREFIX + _digest(self._key, kind.of_tokens.value, identifier.encode())


def _digest(key: bytes, domain: str, content: bytes) -> str:
    digest = hmac.digest(key, domain.encode() + b"\0" + content, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:_DIGEST_BYTES]).rstrip(b"=").decode()


def _decoded(key: str) -> bytes:
    try:
        decoded = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise TokenKeyError("the token key must be base64") from None
    if len(decoded) < _MIN_KEY_BYTES:
        raise TokenKeyError(f"the token key must have at least {_MIN_KEY_BYTES} bytes")
    return decoded


def coarse(degrees: float) -> float:
    """Round a latitude or longitude to two decimals, about a kilometre."""
    return round(degrees, 2) + 0.0  # so that -0.001 is 0.0 and not -0.0

"""Tokens and digests of what must not leave this machine as it is, or is too long for an id."""

import hashlib
import hmac
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Final

from fraudstream_tools.lab.files.problems import FileProblemError

_KEY_BYTES: Final = 32
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 28  # 131 bits
_SCHEME = b"fraudstream file token 1\0"


def key_file() -> Path:
    """Return the file with this machine's key, which is made when it is first needed."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "fraudstream" / "file-tokens.key"


def token(kind: str, text: str) -> str:
    """Return the token of a text by this machine's secret key: letters only, so that nothing in it looks like a number.

    Args:
        kind: what it identifies; the same text is another token for another kind.
        text: a card number, an e-mail address, …

    Raises:
        FileProblemError: the key cannot be read or made.
    """
    return _letters(hmac.digest(_key(key_file()), _SCHEME + kind.encode() + b"\0" + text.encode(), hashlib.sha256))


def digest(text: str) -> str:
    """Return the digest of a text: the same on every machine, letters only. Guesses can be tried."""
    return _letters(hashlib.sha256(_SCHEME + text.encode()).digest())


def _letters(content: bytes) -> str:
    number = int.from_bytes(content)
    letters: list[str] = []
    for _ in range(_LENGTH):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


@cache
def _key(file: Path) -> bytes:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as new:
            try:
                new.write(secrets.token_bytes(_KEY_BYTES))
            except OSError:
                # A part of a key would be refused ever after.
                file.unlink()
                raise
    except FileExistsError:
        pass
    except OSError as error:
        raise FileProblemError(f"{file}: the key of tokens cannot be made: {error.strerror}") from None
    try:
        key = file.read_bytes()
    except OSError as error:
        raise FileProblemError(f"{file}: the key of tokens cannot be read: {error.strerror}") from None
    if len(key) != _KEY_BYTES:
        raise FileProblemError(f"{file}: it is no key of tokens; without it, the same card gets another token")
    return key

"""Texts that people wrote, such as notes, without somebody who was erased."""

import re
from collections.abc import Set as AbstractSet
from typing import Final

from fraudstream.reporting.log.erasure_marks import ERASED
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN

TOKEN: Final = re.compile(rf"(?<![\w-]){TOKEN_PATTERN}(?![\w-])")
_WORD: Final = re.compile(r"[A-Za-z0-9._:-]+")
"""What may be a transaction's id."""
_PUNCTUATION: Final = ".:"
"""May end an id, and may as well follow it in a sentence."""


def without_names(text: str, names: AbstractSet[str]) -> str:
    """Return a text in which `erased` stands in place of some tokens, and of some ids of transactions."""

    def without_id(found: re.Match[str]) -> str:
        word = found[0]
        if word in names:
            return ERASED
        bare = word.rstrip(_PUNCTUATION)
        return ERASED + word[len(bare) :] if bare in names else word

    return _WORD.sub(without_id, TOKEN.sub(lambda found: ERASED if found[0] in names else found[0], text))

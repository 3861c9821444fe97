"""Who says what a transaction turned out to be: a code, which appears in logs, reports and events."""

import re
from typing import Final

from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.card_numbers.iban import holds_iban

SOURCE_MUST_BE: Final = "a code of 1 to 32 letters, digits and . _ : -, without a card number or account number (IBAN)"
"""What a label's source has to be: no sentence about a person fits in."""
_SOURCE: Final = re.compile(r"[A-Za-z0-9._:-]{1,32}")


def is_source(text: str) -> bool:
    """Return whether a text may be the source of a label; see `SOURCE_MUST_BE`."""
    return _SOURCE.fullmatch(text) is not None and not holds_card_number(text) and not holds_iban(text)


def told_code(text: str | None) -> str | None:
    """Return what is told of a stored source, kind of fraud or action; None for what is no such code.

    Whoever may label may have put anything there.
    """
    return text if text is not None and is_source(text) else None

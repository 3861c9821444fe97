"""Ids that no other test has, and that nobody can take for a card number."""

import uuid

_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def new_id() -> str:
    """Return a UUID whose digits are letters: one UUID in some 3,000 holds what is a valid card number."""
    return str(uuid.uuid4()).translate(_LETTERS)

"""Counts with the word for what is counted, as sentences need them."""


def counted(count: float, noun: str, plural: str = "") -> str:
    """Return a count with its noun: `1 hour`, `1,200 hours`.

    Args:
        count: how many.
        noun: for one.
        plural: for more and for none; without it, the noun with an `s`.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def word_for(count: int, one: str, more: str) -> str:
    """Return the form of a word that goes with a count, such as `is` or `are`."""
    return one if count == 1 else more

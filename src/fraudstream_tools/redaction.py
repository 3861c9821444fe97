"""What commands print of ids that people gave them: an id may be anything, a card number too."""

NOT_SHOWN = "(not shown: it holds a card number)"


def shown(text: str) -> str:
    """Return a text to print, or `NOT_SHOWN` where it holds a card number."""
    from fraudstream.transactions.card_numbers.detector import holds_card_number  # noqa: PLC0415  (kept out of `--help`)

    return NOT_SHOWN if holds_card_number(text) else text

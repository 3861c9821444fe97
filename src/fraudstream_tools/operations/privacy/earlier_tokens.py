"""Whom a token of a later number stands for: no key leads back from it to the earlier ones, so they are looked for."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fraudstream.transactions.pseudonyms.lookup import MOST_AT_ONCE
from fraudstream.transactions.pseudonyms.tokens import number_of
from fraudstream.transactions.storage.attributes import Item
from fraudstream_tools.operations.privacy.rotation.item_tokens import tokens_in
from fraudstream_tools.operations.privacy.tokens import earlier_among
from fraudstream_tools.operations.recovery.table_scan import scan

if TYPE_CHECKING:
    from fraudstream_tools.operations.privacy.system import PrivacySystem
    from fraudstream_tools.operations.privacy.tokens import AskForTokens


def find_earlier_tokens(system: "PrivacySystem", token: str, ask: "AskForTokens") -> set[str]:
    """Return the earlier tokens of whom a token stands for, as far as anything is stored by them.

    The tables of transactions and profiles are read whole, unless the token has the first number. Legal holds are in
    the latter.

    Args:
        system: the stores.
        token: of any number.
        ask: `ask_for_tokens` with client and function.

    Raises:
        TokensRefusedError: the processor gives no tokens.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    number = number_of(token)
    if number == 1:
        return set()
    earlier: set[str] = set()
    lock = threading.Lock()

    def take(_: int, page: Iterable[Item]) -> None:
        found = [each for item in page for each in earlier_among(tokens_in(item), number)]
        with lock:
            earlier.update(found)

    for table in (system.transactions, system.profiles):
        scan(system.dynamodb, table, take)
    asked = sorted(earlier)
    parts = (asked[start : start + MOST_AT_ONCE] for start in range(0, len(asked), MOST_AT_ONCE))
    return {each for part in parts for each, forms in zip(part, ask(tokens=part), strict=True) if token in forms}

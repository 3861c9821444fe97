"""Lists of entities, such as blocked and trusted ones, read from a file beside the ruleset."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from fraudstream.detection.entities import tokens
from fraudstream.transactions.transaction import Transaction

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-zA-Z0-9]{0,31}$")]
Token = Annotated[str, msgspec.Meta(pattern="^tok_[A-Za-z0-9_-]{22}$")]


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    customer: frozenset[Token] = frozenset()
    card: frozenset[Token] = frozenset()
    merchant: frozenset[Token] = frozenset()
    terminal: frozenset[Token] = frozenset()
    device: frozenset[Token] = frozenset()
    ip: frozenset[Token] = frozenset()


class Lists:
    """Named lists of entities' tokens."""

    def __init__(self, lists: Mapping[str, Mapping[str, frozenset[str]]]) -> None:
        """Take the lists: by name, then by kind of entity, the tokens."""
        self.names = tuple(sorted(lists))
        self._kinds = [[(kind, members) for kind, members in lists[name].items() if members] for name in self.names]

    def memberships(self, transaction: Transaction) -> list[bool]:
        """Tell for each list, in the order of `names`, whether any entity of the transaction is on it."""
        if not any(self._kinds):
            return [False] * len(self.names)
        present: dict[str, str] = {kind.value: token for kind, token in tokens(transaction).items()}
        return [any(present.get(kind) in members for kind, members in kinds) for kinds in self._kinds]


def load_lists(content: object) -> Lists:
    """Read decoded lists.

    Raises:
        ValueError: what is wrong and where.
    """
    found = msgspec.convert(content, dict[Name, _List])
    return Lists({name: msgspec.structs.asdict(entries) for name, entries in found.items()})

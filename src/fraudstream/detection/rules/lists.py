"""Lists of entities, such as blocked and trusted ones: from a file beside the ruleset, and from items of a table."""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.entities import entities, tokens
from fraudstream.detection.rules import strict_yaml
from fraudstream.durations import DAY
from fraudstream.transactions.pseudonyms.tokens import Token, TokenRaiser
from fraudstream.transactions.transaction import Transaction

ListedEntities: TypeAlias = Mapping[str, Mapping[str, float]]
"""By the key of an entity, such as `card#tok_…`, and by list: epoch milliseconds at which its entry ends."""

NAME_PATTERN: Final = r"^[a-z][a-zA-Z0-9]{0,31}\Z"
Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entity that is on a list for a time."""

    token: Token
    until: date
    """The last day, in UTC."""


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    customer: tuple[Token | _Entry, ...] = ()
    card: tuple[Token | _Entry, ...] = ()
    merchant: tuple[Token | _Entry, ...] = ()
    terminal: tuple[Token | _Entry, ...] = ()
    device: tuple[Token | _Entry, ...] = ()
    ip: tuple[Token | _Entry, ...] = ()
    counterparty: tuple[Token | _Entry, ...] = ()


_EPOCH: Final = date(1970, 1, 1).toordinal()
_KEYS: Final = (*EntityKind, *_Entry.__struct_fields__)


class Lists:
    """Named lists of entities' tokens."""

    def __init__(self, lists: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
        """Store the lists: by name, then by kind of entity, then by token, epoch milliseconds at which it ends."""
        self._lists = lists
        self.names = tuple(sorted(lists))
        self._kinds = [[(kind, members) for kind, members in lists[name].items() if members] for name in self.names]
        self._is_empty = not any(self._kinds)
        self._nowhere = (False,) * len(self.names)

    def entries(self) -> dict[str, frozenset[tuple[str, str, float]]]:
        """Return by list its entries: kind of entity, token, and epoch milliseconds at which it ends."""
        return {
            name: frozenset((kind, token, end) for kind, members in kinds for token, end in members.items())
            for name, kinds in zip(self.names, self._kinds, strict=True)
        }

    def of_entity(self, kind: EntityKind, token: str) -> dict[str, float]:
        """Return on which lists an entity is, by name, with the epoch milliseconds at which each entry ends."""
        ends = {name: kinds.get(kind.value, {}).get(token) for name, kinds in self._lists.items()}
        return {name: end for name, end in ends.items() if end is not None}

    def raised(self, raiser: TokenRaiser) -> "Lists":
        """Return the same lists with tokens of the newest number; of two entries of one entity the later end holds."""
        return Lists(
            {
                name: {
                    # Sorted by their ends: of a token that comes twice the last one stays.
                    kind: {
                        raiser.raised(token): end for token, end in sorted(members.items(), key=lambda each: each[1])
                    }
                    for kind, members in kinds.items()
                }
                for name, kinds in self._lists.items()
            }
        )

    def memberships(self, transaction: Transaction, listed_as: Collection[str] = ()) -> Sequence[bool]:
        """Return for each list, in the order of `names`, whether any entity of the transaction is on it.

        It is on it if the transaction was received before the entry's end.

        Args:
            transaction: the transaction.
            listed_as: what items of the table say of it, as `listed_as` returns it.
        """
        if self._is_empty and not listed_as:
            return self._nowhere
        named = {each.partition(":")[0] for each in listed_as}
        present: dict[str, str] = {kind.value: token for kind, token in tokens(transaction).items()}
        now = transaction.received_at
        return [
            name in named or any(now < members.get(present.get(kind, ""), 0) for kind, members in kinds)
            for name, kinds in zip(self.names, self._kinds, strict=True)
        ]


def listed_as(transaction: Transaction, listed: ListedEntities, names: Collection[str]) -> tuple[str, ...]:
    """Return what a transaction's entities are listed as when it was received, such as `blocked:card`; sorted.

    Args:
        transaction: the transaction.
        listed: what items of the table say. Whoever may write them may name lists that are none, thousands of them.
        names: those of the lists that there are.
    """
    if not listed:
        return ()
    now = transaction.received_at
    touched = entities(transaction).items()
    return tuple(
        sorted(
            f"{name}:{kind}"
            for kind, key in touched
            for name, end in listed.get(key, {}).items()
            if name in names and now < end
        )
    )


def load_lists(content: object) -> Lists:
    """Read decoded lists.

    Raises:
        ValueError: what is wrong and where.
    """
    lists: dict[str, dict[str, dict[str, float]]] = {}
    for name, entries in strict_yaml.convert(content, dict[Name, Any]).items():
        try:
            named = strict_yaml.convert(entries, _List, _KEYS)
            lists[name] = {kind.value: _ends(getattr(named, kind), kind) for kind in EntityKind}
        except strict_yaml.DocumentError as error:
            raise strict_yaml.DocumentError(f"{name}: {error}") from None
    return Lists(lists)


def _ends(entries: Sequence[str | _Entry], kind: str) -> dict[str, float]:
    ends: dict[str, float] = {}
    for position, entry in enumerate(entries, start=1):
        token, end = (entry, math.inf) if isinstance(entry, str) else (entry.token, _end(entry.until))
        if token in ends:
            raise strict_yaml.DocumentError(f"{kind}: entry {position} stands there twice")
        ends[token] = end
    return ends


def _end(day: date) -> float:
    return (day.toordinal() + 1 - _EPOCH) * DAY

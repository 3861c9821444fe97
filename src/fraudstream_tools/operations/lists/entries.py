"""Entries of lists: what they have to be, what is shown of them, and what came of a change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fraudstream.contract import EntityKind
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.stores.lists.listings import ListEntry
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN


class ListError(ValueError):
    """An entry cannot be made or ended."""


def check_list(name: str, known: Sequence[str]) -> None:
    """Check that the active ruleset knows a list: no rule can ask for another one.

    Raises:
        ListError: it does not.
    """
    if name not in known:
        raise ListError(
            f"the active ruleset has no list {name} (it has {', '.join(known) or 'none'}; a new one begins in "
            f"lists.yaml){strict_yaml.suggestion(name, known)}"
        )


def check_token(token: str) -> None:
    """Check that a text is a token as the API answers it, of any number.

    Raises:
        ListError: it is not. The text is not repeated: it may be a person's identifier.
    """
    if not re.fullmatch(TOKEN_PATTERN, token):
        raise ListError("that is no token: the API answers tokens (tok_ and 22 characters) in place of identifiers")


class ListChange(StrEnum):
    """What came of a change."""

    ADDED = "added"
    REPLACED = "replaced"
    """There was an entry, which has now another end or reason."""
    REMOVED = "removed"
    ENDING = "ending"
    """Its removal waits for a second person already."""
    WITHDRAWN = "withdrawn"
    """What was removed has only waited for a second person: nothing counted."""
    ABSENT = "absent"
    """There was nothing to remove."""


@dataclass(frozen=True, kw_only=True)
class ListedEntity:
    """An entry of a list."""

    list_name: str
    kind: EntityKind
    token: str
    entry: ListEntry
    waits: bool = False
    """Whether the entry, or its end, does not count before somebody else has approved it."""
    has_my_mark: bool = False
    """Whether it waits, and the person who looks has a mark on it: what it lacks is somebody else's."""

    @property
    def digest(self) -> str:
        """What it is approved by."""
        return self.entry.digest(self.kind.key(self.token), self.list_name)

    def is_active(self, now: int) -> bool:
        """Return whether the entry counts at a time in epoch milliseconds, or would if it did not wait."""
        return self.waits or now < self.entry.end


@dataclass(frozen=True, kw_only=True)
class ListContents:
    """The entries of a stack's lists, newest change first, and what could not be read."""

    entries: tuple[ListedEntity, ...]
    damaged: tuple[str, ...]
    """Keys of items that hold no entries that can be read."""

"""Entities on lists, such as blocked cards: items of their own beside the profiles, which the analyzer reads with them.

An item holds the entries of one entity by list. An entry that ended stays for a while, so that it can be seen who
ended it.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from fraudstream.contract import LISTED_KIND, LISTED_PREFIX
from fraudstream.detection.profiles.entities import kind_of
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.storage.attributes import AttributeValue, Item, readable_values, to_item

ENDED_DAYS: Final = 90
"""For which an entry stays that has ended; own choice: a quarter's review finds it."""
_MILLISECONDS: Final = 1000
MOST_LISTS: Final = 100
"""On which an entity is, at most; own choice. Where lists need two people, each entry is asked for by itself."""
ENDED_MILLISECONDS: Final = ENDED_DAYS * SECONDS_A_DAY * _MILLISECONDS


class DamagedListingError(ValueError):
    """What is stored of a listed entity cannot be read."""


class ListEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An entity's entry in one list. Times are epoch milliseconds."""

    since: int
    by: str
    """The ARN of the AWS identity that wrote it."""
    reason: str
    until: int | None = None
    """When it ends by itself; None: not before it is removed."""
    ended_at: int | None = None
    """When somebody removed it."""
    ended_by: str | None = None
    ended_reason: str | None = None
    before: "ListEntry | None" = None
    """What counts until somebody else has approved this one, where lists need two people."""
    approved_by: str | None = None
    """The ARN of who approved it, for people who look at it: functions go by marks alone."""

    @property
    def end(self) -> float:
        """When it ends or ended; infinity where nothing ends it."""
        return min((each for each in (self.until, self.ended_at) if each is not None), default=math.inf)

    @property
    def kept_until(self) -> float:
        """When neither it nor what counts in its place is needed any more; infinity where nothing ends them."""
        return max(self.end, self.before.kept_until) if self.before else self.end

    def digest(self, entity: str, list_name: str) -> str:
        """Return what it is approved by: a SHA-256 over the entity's key, the list, and all that a person said."""
        said = msgspec.structs.replace(self, before=None, approved_by=None)
        return hashlib.sha256(msgspec.json.encode([entity, list_name, said], order="sorted")).hexdigest()


_Entries: TypeAlias = Annotated[dict[str, ListEntry], msgspec.Meta(max_length=MOST_LISTS)]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All entries of an entity."""

    entity: str
    """Its key, such as `card#tok_…`."""
    entries: dict[str, ListEntry]
    """By list."""
    changed_at: int
    """Epoch milliseconds."""
    version: int
    """Grows with each change."""

    def to_item(self) -> Item:
        """Return the item that is stored."""
        values: dict[str, Any] = {
            "entity": item_key(self.entity),
            LISTED_KIND: kind_of(self.entity).value,
            "entries": msgspec.to_builtins(self.entries),
            "changedAt": self.changed_at,
            "version": self.version,
        }
        end = max((entry.kept_until for entry in self.entries.values()), default=0)
        if end < math.inf:
            values["expiresAt"] = int(end) // _MILLISECONDS + ENDED_DAYS * SECONDS_A_DAY
        return to_item(values)

    @classmethod
    def from_item(cls, item: Mapping[str, AttributeValue]) -> "Listing":
        """Read a stored item.

        Raises:
            DamagedListingError: it cannot be read.
        """
        try:
            values = readable_values(item)
            return cls(
                entity=values["entity"].removeprefix(LISTED_PREFIX),
                entries=msgspec.convert(values["entries"], _Entries),
                changed_at=values["changedAt"],
                version=values["version"],
            )
        except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedListingError(f"a listed entity cannot be read: {type(error).__name__}") from None

    def ends(self) -> dict[str, float]:
        """Return by list when its entry ends, epoch milliseconds."""
        return {name: entry.end for name, entry in self.entries.items()}


def item_key(entity: str) -> str:
    """Return the key of the item that says on which lists an entity is."""
    return LISTED_PREFIX + entity

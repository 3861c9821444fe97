"""Entities on lists, such as blocked cards: added, removed and shown. The next transaction of an entity sees a change.

Entries are items in the table of profiles; entries of lists.yaml belong to the ruleset and are no part of this.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import LISTED_INDEX, LISTED_KIND
from fraudstream.detection.profiles.entities import EntityKind
from fraudstream.detection.rules import strict_yaml
from fraudstream.detection.stores.listings import DamagedListingError, ListEntry, Listing, item_key
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN
from fraudstream.transactions.storage.attributes import to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KINDS: Final = tuple(EntityKind)
_ATTEMPTS: Final = 5


class ListError(ValueError):
    """An entry cannot be made or ended."""


class ListChange(StrEnum):
    """What came of a change."""

    ADDED = "added"
    REPLACED = "replaced"
    """There was an entry, which has now another end or reason."""
    REMOVED = "removed"
    ABSENT = "absent"
    """There was nothing to remove."""


@dataclass(frozen=True, kw_only=True)
class ListedEntity:
    """An entry of a list."""

    list_name: str
    kind: EntityKind
    token: str
    entry: ListEntry

    def is_active(self, now: int) -> bool:
        """Return whether the entry counts at a time in epoch milliseconds."""
        return now < self.entry.end


@dataclass(frozen=True, kw_only=True)
class ListContents:
    """The entries of a stack's lists, newest change first, and what could not be read."""

    entries: tuple[ListedEntity, ...]
    damaged: tuple[str, ...]
    """Keys of items that hold no entries that can be read."""


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


class EntityLists:
    """The items of listed entities in a table of profiles.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Callable[[], int] = epoch_milliseconds) -> None:
        """Store the table; the clock returns epoch milliseconds."""
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def add(
        self, list_name: str, kind: EntityKind, token: str, *, by: str, reason: str, until: int | None = None
    ) -> ListChange:
        """Add an entity to a list; an entry that it has there gets this end and reason.

        Args:
            list_name: the list; see `check_list`.
            kind: of the entity.
            token: of the entity.
            by: the ARN of who does it.
            reason: why.
            until: when it ends by itself, epoch milliseconds.

        Raises:
            ListError: the end is in the past, what is stored cannot be read, or others changed it at every attempt.
        """
        now = self._clock()
        if until is not None and until <= now:
            raise ListError("the end is in the past: choose a later one, or none")
        entry = ListEntry(since=now, by=by, reason=reason, until=until)

        def added(before: ListEntry | None) -> tuple[ListEntry, ListChange]:
            return entry, ListChange.REPLACED if before is not None and now < before.end else ListChange.ADDED

        return self._change(f"{kind.value}#{token}", list_name, added)

    def remove(self, list_name: str, kind: EntityKind, token: str, *, by: str, reason: str) -> ListChange:
        """Remove an entity from a list; who did it and why stays to be seen for `ENDED_DAYS`.

        Args:
            list_name: the list.
            kind: of the entity.
            token: of the entity.
            by: the ARN of who does it.
            reason: why.

        Raises:
            ListError: what is stored cannot be read, or others changed it at every attempt.
        """
        now = self._clock()

        def removed(before: ListEntry | None) -> tuple[ListEntry | None, ListChange]:
            if before is None or before.end <= now:
                return None, ListChange.ABSENT
            ended = msgspec.structs.replace(before, ended_at=now, ended_by=by, ended_reason=reason)
            return ended, ListChange.REMOVED

        return self._change(f"{kind.value}#{token}", list_name, removed)

    def of_entities(self, entities: Iterable[str]) -> dict[str, Mapping[str, ListEntry]]:
        """Return the entries of some entities by entity and list, ended ones too; what cannot be read is left out.

        Args:
            entities: at most a hundred keys, such as `card#tok_…`.
        """
        keys = [to_item({"entity": item_key(entity)}) for entity in entities]
        if not keys:
            return {}
        answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
        found: dict[str, Mapping[str, ListEntry]] = {}
        for item in answer["Responses"].get(self._table, ()):
            with suppress(DamagedListingError):
                listing = Listing.from_item(item)
                found[listing.entity] = listing.entries
        return found

    def show(
        self, list_name: str | None = None, kind: EntityKind | None = None, *, with_ended: bool = False
    ) -> ListContents:
        """Return the entries of one list or all.

        The index that finds them is up to a second behind what was just written.

        Args:
            list_name: the list; None for all.
            kind: of the entities; None for all.
            with_ended: entries too that ended in the last 90 days.
        """
        now, damaged = self._clock(), list[str]()
        found: list[tuple[int, ListedEntity]] = []
        for item in (item for each in ([kind] if kind else KINDS) for item in self._items(each)):
            try:
                listing = Listing.from_item(item)
            except DamagedListingError:
                damaged.append(str(item["entity"].get("S")))
                continue
            of_kind, _, token = listing.entity.partition("#")
            found += [
                (
                    entry.ended_at or entry.since,
                    ListedEntity(list_name=name, kind=EntityKind(of_kind), token=token, entry=entry),
                )
                for name, entry in listing.entries.items()
                if list_name in (None, name) and (with_ended or now < entry.end)
            ]
        found.sort(key=lambda each: each[0], reverse=True)
        return ListContents(entries=tuple(entry for _, entry in found), damaged=tuple(damaged))

    def _items(self, kind: EntityKind) -> Iterator[Any]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=LISTED_INDEX,
            KeyConditionExpression="#kind = :kind",
            ExpressionAttributeNames={"#kind": LISTED_KIND},
            ExpressionAttributeValues={":kind": {"S": kind.value}},
            ScanIndexForward=False,
        )
        for page in pages:
            yield from page["Items"]

    def _change(
        self,
        entity: str,
        list_name: str,
        changed: "Callable[[ListEntry | None], tuple[ListEntry | None, ListChange]]",
    ) -> ListChange:
        """Change one entry of an entity, on condition that nobody else changes the entity meanwhile."""
        outcome: ListChange | None = None
        for _ in range(_ATTEMPTS):
            before = self._read(entity)
            entries = before.entries if before else {}
            entry, what = changed(entries.get(list_name))
            # The answer to a write may be lost: what is there already is our own.
            if entry is None or entries.get(list_name) == entry:
                return outcome or what
            outcome = what
            after = Listing(
                entity=entity,
                entries={**entries, list_name: entry},
                changed_at=self._clock(),
                version=before.version + 1 if before else 1,
            )
            if self._write(after):
                return what
        raise ListError(f"others changed the lists of this {entity.partition('#')[0]} at every attempt: do it again")

    def _read(self, entity: str) -> Listing | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=to_item({"entity": item_key(entity)}), ConsistentRead=True
        )
        try:
            return Listing.from_item(answer["Item"]) if "Item" in answer else None
        except DamagedListingError:
            raise ListError(
                f"what is stored of this {entity.partition('#')[0]} cannot be read: look at the item "
                f"{item_key(entity)} in the table of profiles, and delete it"
            ) from None

    def _write(self, listing: Listing) -> bool:
        """Write a listing in place of the one before it; return whether that was still there.

        Items are updated and never put: a policy allows an analyst no more.
        """
        item = listing.to_item()
        key = {"entity": item.pop("entity")}
        condition, values = "attribute_not_exists(entity)", {}
        if listing.version > 1:
            condition, values = "#version = :before", to_item({":before": listing.version - 1})
        endless = "" if "expiresAt" in item else " REMOVE #expiresAt"
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in item) + endless,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in (*item, *(["expiresAt"] if endless else []))},
                ExpressionAttributeValues={f":{name}": value for name, value in item.items()} | values,
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True

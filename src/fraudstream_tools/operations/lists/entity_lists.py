"""Entities on lists, such as blocked cards: added, removed and shown. The next transaction of an entity sees a change.

Entries are items in the table of profiles; entries of lists.yaml belong to the ruleset and are no part of this.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_overtaken
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import LISTED_INDEX, LISTED_KIND, EntityKind
from fraudstream.detection.stores.lists.listings import (
    ENDED_MILLISECONDS,
    DamagedListingError,
    ListEntry,
    Listing,
    item_key,
)
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.batch_reads import read_batch
from fraudstream_tools.operations.lists.entries import ListChange, ListContents, ListedEntity, ListError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.lists.approving import ListApproval

_ATTEMPTS: Final = 5


class EntityLists:
    """The items of listed entities in a table of profiles.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        clock: Callable[[], int] = epoch_milliseconds,
        *,
        approval: "ListApproval | None" = None,
    ) -> None:
        """Store the table.

        Args:
            dynamodb: asks DynamoDB.
            table: the table of profiles.
            clock: returns epoch milliseconds.
            approval: what a person may do for entries that need two; None where one person is enough.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._approval = approval

    def add(
        self, list_name: str, kind: EntityKind, token: str, *, by: str, reason: str, until: int | None = None
    ) -> ListChange:
        """Add an entity to a list; an entry that it has there gets this end and reason.

        Where two people are asked for, the person's mark is put on the entry, and what counted before goes on to count.

        Args:
            list_name: the list; see `entries.check_list`.
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

        return self._change(kind.key(token), list_name, added)

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
        now, entity = self._clock(), kind.key(token)

        def removed(before: ListEntry | None) -> tuple[ListEntry | None, ListChange]:
            if before is None or before.end <= now:
                is_ending = before is not None and self.waits(entity, list_name, before, now)
                return None, ListChange.ENDING if is_ending else ListChange.ABSENT
            ended = msgspec.structs.replace(
                before, ended_at=now, ended_by=by, ended_reason=reason, before=None, approved_by=None
            )
            return ended, ListChange.REMOVED

        return self._change(entity, list_name, removed)

    def approve(self, list_name: str, entity: str, digest: str, *, reason: str) -> None:
        """Write the person's mark for an entry that somebody else has written or ended, with a record.

        Args:
            list_name: the list.
            entity: the entity's key.
            digest: of the entry that the person has seen, or its beginning.
            reason: why it may count.

        Raises:
            ApprovalError: the entry is another one by now, the person's mark is on it already, or this stack asks for
                no second person.
            ListError: what is stored cannot be read, or others changed it at every attempt.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        if self._approval is None:
            raise ApprovalError("this stack asks for no second person for lists: see the setting fourEyes")
        stored = self._read(entity)
        seen = stored.entries.get(list_name) if stored else None
        if seen is None or not digest or not seen.digest(entity, list_name).startswith(digest):
            raise ApprovalError("the entry is another one by now: look at it again")
        whole = seen.digest(entity, list_name)
        self._approval.approve(whole, list_name, entity, seen, reason=reason)
        if not self._approval.approvals.is_approved(whole):
            return

        def approved(before: ListEntry | None) -> tuple[ListEntry | None, ListChange]:
            if before is None or before.digest(entity, list_name) != whole:
                return None, ListChange.ABSENT
            by = self._approval.approver.operator.arn if self._approval else None
            return msgspec.structs.replace(before, before=None, approved_by=by), ListChange.REPLACED

        self._change(entity, list_name, approved, is_approved=True)

    def of_entities(self, entities: Iterable[str]) -> dict[str, Mapping[str, ListEntry]]:
        """Return the entries of some entities by entity and list, ended ones too; what cannot be read is left out.

        Args:
            entities: at most a hundred keys, such as `card#tok_…`.

        Raises:
            TimeoutError: the table is too busy to give them.
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
        """
        keys = [to_item({"entity": item_key(entity)}) for entity in entities]
        if not keys:
            return {}
        entries_of: dict[str, Mapping[str, ListEntry]] = {}
        for item in read_batch(self._dynamodb, self._table, {"Keys": keys, "ConsistentRead": True}):
            with suppress(DamagedListingError):
                listing = Listing.from_item(item)
                entries_of[listing.entity] = listing.entries
        return entries_of

    def listed_among(self, list_name: str, kind: EntityKind, tokens: Sequence[str]) -> list[str]:
        """Return those of an entity's tokens by which it is on a list: while tokens change, an entry may have any.

        Args:
            list_name: the list.
            kind: of the entity.
            tokens: all that it has, oldest first.

        Returns:
            The newest token alone where it is on the list by none.
        """
        keys = {kind.key(token): token for token in tokens}
        now, entries_of = self._clock(), self.of_entities(keys)
        listed = [
            token
            for key, token in keys.items()
            if (entry := entries_of.get(key, {}).get(list_name)) is not None and now < entry.kept_until
        ]
        return listed or [*tokens[-1:]]

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
        ended = ENDED_MILLISECONDS if with_ended else 0
        entries: list[tuple[int, ListedEntity]] = []
        for item in (item for each in ([kind] if kind else EntityKind) for item in self._items(each)):
            try:
                listing = Listing.from_item(item)
            except DamagedListingError:
                damaged.append(str(item["entity"].get("S")))
                continue
            entries += [
                (entry.ended_at or entry.since, self._listed(listing.entity, name, entry, now))
                for name, entry in listing.entries.items()
                if list_name in (None, name) and now < entry.kept_until + ended
            ]
        entries.sort(key=lambda each: each[0], reverse=True)
        return ListContents(entries=tuple(entry for _, entry in entries), damaged=tuple(damaged))

    def waits(self, entity: str, list_name: str, entry: ListEntry, now: int) -> bool:
        """Return whether an entry, or its end, does not count before somebody else has approved it.

        Who approved it is believed to the entry, so that a page asks for the marks of those alone which wait.

        Args:
            entity: the entity's key.
            list_name: the list.
            entry: the entry.
            now: epoch milliseconds.
        """
        if self._approval is None or entry.approved_by or now >= entry.kept_until:
            return False
        return not self._approval.approvals.is_approved(entry.digest(entity, list_name))

    def _listed(self, entity: str, list_name: str, entry: ListEntry, now: int) -> ListedEntity:
        kind, _, token = entity.partition("#")
        waits = self.waits(entity, list_name, entry, now)
        has_my_mark = (
            waits and self._approval is not None and self._approval.has_marked(entry.digest(entity, list_name))
        )
        return ListedEntity(
            list_name=list_name, kind=EntityKind(kind), token=token, entry=entry, waits=waits, has_my_mark=has_my_mark
        )

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
        *,
        is_approved: bool = False,
    ) -> ListChange:
        """Change one entry of an entity, on condition that nobody else changes the entity meanwhile."""
        outcome: ListChange | None = None
        for _ in range(_ATTEMPTS):
            before = self._read(entity)
            entries = before.entries if before else {}
            stored = entries.get(list_name)
            entry, change = changed(stored)
            if entry is not None and self._approval and not is_approved:
                entry = self._approval.in_place_of(stored, entity, list_name, entry)
                change = self._approval.came_of(entry, self._clock())
            # The answer to a write may be lost: what is there already is our own.
            if entry is None or stored == entry:
                return outcome or change
            outcome = change
            now = self._clock()
            # An item expires whole, and one with an endless entry never: so each write takes out what has had its time.
            kept = {name: each for name, each in entries.items() if now < each.kept_until + ENDED_MILLISECONDS}
            after = Listing(
                entity=entity,
                entries={**kept, list_name: entry},
                changed_at=now,
                version=before.version + 1 if before else 1,
            )
            if self._write(after):
                return change
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
        condition, compared = "attribute_not_exists(entity)", {}
        if listing.version > 1:
            condition, compared = "#version = :before", to_item({":before": listing.version - 1})
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=key,
                ConditionExpression=condition,
                **change_of(item, removed=() if "expiresAt" in item else ["expiresAt"], compared=compared),
            )
        except ClientError as error:
            raise_unless_overtaken(error)
            return False
        return True

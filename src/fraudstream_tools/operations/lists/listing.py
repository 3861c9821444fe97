"""What a person does with lists; every change leaves an audit record.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fraudstream.contract import EntityKind
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.lists.entries import ListChange


class _NotListedError(Exception):
    """Nothing was to be removed, and the record is to say so."""

    def __init__(self, change: ListChange) -> None:
        super().__init__()
        self.change = change


@dataclass(frozen=True, kw_only=True)
class ListEditor:
    """Puts entities on lists and takes them off, in the name of one person."""

    lists: EntityLists
    audit: AuditLog

    def add_to_list(
        self, list_name: str, kind: EntityKind, token: str, *, reason: str, until: int | None
    ) -> ListChange:
        """Add an entity to a list; see `EntityLists.add`.

        Raises:
            ListError: it cannot be added.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        entity = kind.key(token)
        after = {"list": list_name, "until": until}
        before = self._entry(list_name, entity)
        with self.audit.recorded("add-to-list", entity, reason=why, before=before, after=after):
            return self.lists.add(list_name, kind, token, by=self.audit.operator.arn, reason=why, until=until)

    def remove_from_list(self, list_name: str, kind: EntityKind, token: str, *, reason: str) -> ListChange:
        """Remove an entity from a list; see `EntityLists.remove`. Where there is none, the record says it is refused.

        Raises:
            ListError: it cannot be removed.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        why = checked_reason(reason)
        entity = kind.key(token)
        before = self._entry(list_name, entity)
        try:
            with self.audit.recorded("remove-from-list", entity, reason=why, before=before, after={"list": None}):
                return self._removed(list_name, kind, token, why)
        except _NotListedError as error:
            return error.change

    def approve(self, list_name: str, kind: EntityKind, token: str, digest: str, *, reason: str) -> None:
        """Approve an entry that waits for a second person; see `EntityLists.approve`.

        Raises:
            ApprovalError: it cannot be approved.
            ListError: what is stored cannot be read, or others changed it at every attempt.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        self.lists.approve(list_name, kind.key(token), digest, reason=reason)

    def _removed(self, list_name: str, kind: EntityKind, token: str, why: str) -> ListChange:
        change = self.lists.remove(list_name, kind, token, by=self.audit.operator.arn, reason=why)
        if change in {ListChange.ABSENT, ListChange.ENDING}:
            raise _NotListedError(change)
        return change

    def _entry(self, list_name: str, entity: str) -> Mapping[str, Any]:
        entry = self.lists.of_entities([entity]).get(entity, {}).get(list_name)
        return {} if entry is None else {"list": list_name, **msgspec.to_builtins(entry)}

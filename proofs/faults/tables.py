"""DynamoDB tables in memory: conditional writes, reads of the newest state and of the one before, and what changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from proofs.faults.expressions import ConditionExpression, Item, updated
from proofs.faults.kinds import CANCELED

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "transactions": ("transactionId", "timestamp"),
    "profiles": ("entity",),
    "alerts": ("transactionId",),
    "outbox": ("transactionId", "eventId"),
}
MAX_ITEM_BYTES: Final = 400 * 1024
"""DynamoDB's limit."""

OnChange = Callable[[str, Item | None, Item | None], None]
"""Called with the table's name and the old and new item of each change."""


_OPERATIONS: Final = {"Put": "PutItem", "Update": "UpdateItem"}


def parts(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the writes of a request, each with the operation that would do it alone."""
    if operation != "TransactWriteItems":
        yield operation, request
        return
    for each in request["TransactItems"]:
        ((kind, write),) = each.items()
        yield _OPERATIONS[kind], write


class RefusedError(Exception):
    """DynamoDB answers with an error."""

    def __init__(self, code: str, item: Item | None = None, reasons: Sequence[Mapping[str, Any]] = ()) -> None:
        """Store the error's code, the item that a failed condition gives back, and why a transaction was canceled."""
        super().__init__(code)
        self.code = code
        self.item = item
        self.reasons = reasons


class MemoryTables:
    """The stack's tables."""

    def __init__(self, on_change: OnChange) -> None:
        """Make empty tables that tell of their changes."""
        self._items: dict[str, dict[tuple[str, ...], bytes]] = {name: {} for name in KEYS}
        self._before: dict[str, dict[tuple[str, ...], bytes]] = {name: {} for name in KEYS}
        """Each item as it was before its newest write."""
        self._on_change = on_change

    def execute(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a request of DynamoDB's JSON protocol.

        Args:
            operation: such as `PutItem`.
            request: its parameters.

        Raises:
            RefusedError: a condition does not hold.
        """
        match operation:
            case "GetItem":
                item = self.get(request["TableName"], request["Key"])
                return {} if item is None else {"Item": _projected(item, request)}
            case "BatchGetItem":
                return self._batch_get(request["RequestItems"])
            case "PutItem":
                self._write(request, request["Item"], lambda _: request["Item"])
            case "UpdateItem":
                before = self.get(request["TableName"], request["Key"])
                self._write(request, request["Key"], lambda old: _update(old, request))
                if request.get("ReturnValues") == "ALL_OLD":
                    return {"Attributes": before or {}}
                if request.get("ReturnValues") == "ALL_NEW":
                    return {"Attributes": self.get(request["TableName"], request["Key"])}
            case "TransactWriteItems":
                self._transact(list(parts(operation, request)))
            case _:
                raise NotImplementedError(operation)
        return {}

    def _transact(self, writes: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Carry out all of some writes, or none."""
        reasons: list[dict[str, Any]] = []
        for _, write in writes:
            try:
                self._check(write, self.get(write["TableName"], write.get("Key") or write["Item"]))
                reasons.append({"Code": "None"})
            except RefusedError as refused:
                reasons.append({"Code": "ConditionalCheckFailed", **({"Item": refused.item} if refused.item else {})})
        if any(reason["Code"] != "None" for reason in reasons):
            raise RefusedError(CANCELED, reasons=reasons)
        for operation, write in writes:
            self.execute(operation, write)

    def get(self, table: str, key: Item) -> Item | None:
        """Read one item."""
        stored = self._items[table].get(_key(table, key))
        return None if stored is None else msgspec.json.decode(stored)

    def batch_before(self, requests: Mapping[str, Any]) -> dict[str, Any]:
        """Read items as they were before their newest writes; what was written once is not there yet."""
        found = {
            table: [self._before[table].get(_key(table, key)) for key in request["Keys"]]
            for table, request in requests.items()
        }
        return {
            "Responses": {
                table: [msgspec.json.decode(stored) for stored in items if stored is not None]
                for table, items in found.items()
            },
            "UnprocessedKeys": {},
        }

    def all(self, table: str) -> list[Item]:
        """Read all items, in the order in which they came."""
        return [msgspec.json.decode(stored) for stored in self._items[table].values()]

    def keys(self, table: str) -> list[str]:
        """Return the partition keys of all items."""
        return [key[0] for key in self._items[table]]

    def put(self, table: str, item: Item) -> None:
        """Write an item as somebody outside of the system would: without a condition."""
        self._store(table, self.get(table, item), item)

    def _write(self, request: Mapping[str, Any], key: Item, change: Callable[[Item | None], Item]) -> None:
        table = request["TableName"]
        old = self.get(table, key)
        self._check(request, old)
        self._store(table, old, change(old))

    def _check(self, request: Mapping[str, Any], old: Item | None) -> None:
        if expression := request.get("ConditionExpression"):
            names = request.get("ExpressionAttributeNames", {})
            condition = ConditionExpression(expression, names, request.get("ExpressionAttributeValues", {}))
            if not condition.holds(old or {}):
                wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
                raise RefusedError("ConditionalCheckFailedException", old if wanted else None)

    def _store(self, table: str, old: Item | None, new: Item) -> None:
        stored = msgspec.json.encode(new)
        if len(stored) > MAX_ITEM_BYTES:
            raise RefusedError("ValidationException")
        if old is not None:
            self._before[table][_key(table, new)] = msgspec.json.encode(old)
        self._items[table][_key(table, new)] = stored
        if old != new:
            self._on_change(table, old, new)

    def _batch_get(self, requests: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, list[Item]] = {}
        for table, request in requests.items():
            items = (self.get(table, key) for key in request["Keys"])
            found[table] = [item for item in items if item is not None]
        return {"Responses": found, "UnprocessedKeys": {}}


def _key(table: str, item: Item) -> tuple[str, ...]:
    return tuple([next(iter(item[name].values())) for name in KEYS[table]])


def _projected(item: Item, request: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in request:
        return item
    names = request.get("ExpressionAttributeNames", {})
    wanted = {names.get(name.strip(), name.strip()) for name in request["ProjectionExpression"].split(",")}
    return {name: value for name, value in item.items() if name in wanted}


def _update(old: Item | None, request: Mapping[str, Any]) -> Item:
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    return updated(old or dict(request["Key"]), request["UpdateExpression"], names, values)

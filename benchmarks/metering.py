"""Counts what botocore's clients do, and what DynamoDB bills for it: by item sizes, as its documentation says."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.items import WRITE_UNIT, item_size

READ_UNIT: Final = 4096
_WRITES: Final = {"PutItem", "UpdateItem"}


class RequestMeter:
    """Counts requests, bytes and units of the function that works now."""

    def __init__(self, reader: Any, index_keys: Mapping[str, Sequence[str]]) -> None:  # noqa: ANN401
        """Store what is needed to count.

        Args:
            reader: a DynamoDB client whose own requests are not counted: it looks at items that were updated.
            index_keys: the hash keys of each table's indexes: an item with one is in the index too, which costs one
                more unit at each write.
        """
        self._index_keys = index_keys
        self.counts: dict[str, dict[str, float]] = {}
        self._reader = reader
        self._lock = threading.Lock()
        self._now: dict[str, float] = {}

    def count_for(self, function: str) -> dict[str, float]:
        """Count what follows for a function, and return its counts."""
        self._now = self.counts.setdefault(function, defaultdict(float))
        return self._now

    def watch(self, events: Any) -> None:  # noqa: ANN401  (a hierarchical emitter)
        """Count the calls of all clients that copy this emitter."""
        events.register("before-parameter-build", _keep_parameters)
        events.register("after-call", self._count)

    def _count(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: object) -> None:  # noqa: ANN401
        asked: Mapping[str, Any] = context["metered"]
        service, operation = model.service_model.service_name, model.name
        found: dict[str, float] = {f"{service}_requests": 1, f"{service}_{operation}": 1}
        if operation in _WRITES:
            found["write_units"] = self._write_units(operation, asked, parsed)
        elif operation == "BatchGetItem":
            found["read_units"] = _batch_units(asked, parsed)
        elif operation == "GetItem":
            found["read_units"] = _read_units([parsed.get("Item", {})], consistent=asked.get("ConsistentRead", False))
        elif operation == "PutObject":
            # botocore has made a file of it.
            found["stored_bytes"] = asked["Body"].getbuffer().nbytes
        with self._lock:
            for name, number in found.items():
                self._now[name] += number

    def _write_units(self, operation: str, asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> int:
        if "Error" in parsed:
            # A failed condition costs what the item that is there would.
            item = parsed.get("Item") or asked.get("Item", {})
        elif operation == "PutItem":
            item = asked["Item"]
        else:
            item = self._reader.get_item(TableName=asked["TableName"], Key=asked["Key"], ConsistentRead=True)["Item"]
        return max(-(-item_size(item) // WRITE_UNIT), 1) + sum(
            key in item for key in self._index_keys[asked["TableName"]]
        )


def _keep_parameters(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    context["metered"] = params


def _batch_units(asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    total = 0.0
    for table, wanted in asked["RequestItems"].items():
        items = parsed["Responses"].get(table, [])
        absent: list[dict[str, Any]] = [{} for _ in range(len(wanted["Keys"]) - len(items))]
        total += _read_units([*items, *absent], consistent=wanted.get("ConsistentRead", False))
    return total


def _read_units(items: list[dict[str, Any]], *, consistent: bool) -> float:
    units = sum(max(-(-item_size(item) // READ_UNIT), 1) for item in items)
    return units if consistent else units / 2

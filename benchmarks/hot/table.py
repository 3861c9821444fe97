"""A DynamoDB table in simulated time: fixed latency, and the limits of four partitions and of each key.

A partition and a key take 1,000 write and 3,000 read units in each second (developer guide: "Best practices for
designing and using partition keys effectively"). What is refused, by a limit or by a condition, is charged like what is
not. A refused write is sent again as botocore's standard mode does.
"""

import random
import zlib
from collections import Counter
from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from botocore.exceptions import ClientError

from benchmarks.hot.clock import SimulatedClock
from benchmarks.items import item_size
from fraudstream.aws.dynamodb_errors import CONDITION_FAILED

PARTITIONS: Final = 4
WRITE_UNITS: Final = 1000
READ_UNITS: Final = 3000
SECONDS_OF_WRITE: Final = 0.005
SECONDS_OF_READ: Final = 0.005
_WRITE_BYTES: Final = 1024
_READ_BYTES: Final = 4096
_SDK_ATTEMPTS: Final = 3
_LONGEST_BACKOFF: Final = 20
_THROTTLED: Final = "ProvisionedThroughputExceededException"


class _Limit:
    """Units that may be used in each second."""

    def __init__(self, units: int) -> None:
        self._units = units
        self._second = 0
        self._used = 0.0

    def take(self, units: float, now: float) -> bool:
        """Use units; return whether the second had as many left."""
        if int(now) > self._second:
            self._second, self._used = int(now), 0.0
        self._used += units
        return self._used <= self._units


class SimulatedTable:
    """A client of a table of profiles, with what `ProfileStore` and `DecisionStore` call."""

    def __init__(self, clock: SimulatedClock, chance: random.Random) -> None:
        """Make it empty.

        Args:
            clock: the time.
            chance: draws how long the SDK waits.
        """
        self._clock = clock
        self._chance = chance
        self._items: dict[str, dict[str, Any]] = {}
        self._limits: dict[tuple[str, str | int], _Limit] = {}
        self.counted: Counter[str] = Counter()
        """Requests, units and refusals."""

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803  (DynamoDB's names)
        """Read items; what is beyond a limit is left unprocessed."""
        ((table, request),) = RequestItems.items()
        self._clock.sleep(SECONDS_OF_READ)
        self.counted["requests"] += 1
        found: list[dict[str, Any]] = []
        left: list[Any] = []
        for wanted in request["Keys"]:
            key = wanted["entity"]["S"]
            item = self._items.get(key)
            units = ceil(item_size(item) / _READ_BYTES) if item else 1
            if not self._take("read", key, units if request.get("ConsistentRead") else units / 2):
                left.append(wanted)
            elif item:
                found.append(item)
        unprocessed = {table: {"Keys": left}} if left else {}
        return {"Responses": {table: found}, "UnprocessedKeys": unprocessed}

    def put_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  (DynamoDB's parameters)
        """Write an item if the version that is there is the expected one."""
        item = request["Item"]
        for attempt in range(_SDK_ATTEMPTS):
            self._clock.sleep(SECONDS_OF_WRITE)
            self.counted["requests"] += 1
            if self._take("write", item["entity"]["S"], ceil(item_size(item) / _WRITE_BYTES)):
                return self._put(item, request)
            if attempt + 1 < _SDK_ATTEMPTS:
                self._clock.sleep(min(self._chance.random() * 2**attempt, _LONGEST_BACKOFF))
        raise ClientError({"Error": {"Code": _THROTTLED, "Message": "simulated"}}, "PutItem")

    def update_item(self, **_: object) -> dict[str, Any]:
        """Write a decision: the table of transactions has a key for each, and is not what is measured."""
        self._clock.sleep(SECONDS_OF_WRITE)
        return {}

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  (DynamoDB's parameters)
        """Read a transaction, which has no decision: those that have one are not delivered again here."""
        self._clock.sleep(SECONDS_OF_READ)
        return {"Item": request["Key"]}

    def _put(self, item: dict[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
        key = item["entity"]["S"]
        old = self._items.get(key)
        expected = request.get("ExpressionAttributeValues", {}).get(":version")
        if (old["version"] if old else None) != expected:
            self.counted["conflicts"] += 1
            response: Any = {"Error": {"Code": CONDITION_FAILED, "Message": "simulated"}}
            raise ClientError(response | ({"Item": old} if old else {}), "PutItem")
        self._items[key] = item
        return {}

    def _take(self, what: str, key: str, units: float) -> bool:
        limit = WRITE_UNITS if what == "write" else READ_UNITS
        self.counted[f"{what}_units"] += units  # pyright: ignore[reportArgumentType]  (halves, too)
        granted = True
        for scope in (key, zlib.crc32(key.encode()) % PARTITIONS):
            within = self._limits.setdefault((what, scope), _Limit(limit))
            granted &= within.take(units, self._clock.now)
        self.counted["throttled"] += not granted
        return granted

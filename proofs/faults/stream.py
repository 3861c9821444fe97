"""The stream of the table of transactions, and who follows it: at least once, in order for each transaction."""

import random
import zlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from proofs.faults.kinds import Fault, Faults
from proofs.faults.network import KilledError

Record: TypeAlias = dict[str, Any]
"""A stream record as Lambda hands it over."""

ANALYZER_ATTEMPTS: Final = 10
REPORTER_ATTEMPTS: Final = 10_000
"""As the mappings are set: then a record is given up."""


@dataclass
class Consumer:
    """A function that follows the stream."""

    function: Callable[[Sequence[Record]], str | None]
    """Processes a batch; gives the sequence number of the first record that failed, or None."""
    wants: Callable[[Record], bool]
    """The mapping's filter."""
    lanes: list[deque[Record]]
    """Records that wait, by the lane of their transaction: a lane runs one batch at a time."""
    largest_batch: int
    attempts: int
    """At a record, before it is given up."""
    dead_letters: list[Record] = field(default_factory=list[Record])
    failures: Counter[str] = field(default_factory=Counter[str])
    """Failed attempts by the sequence number of the record that stood first."""

    def tell(self, record: Record) -> None:
        """Append a new record."""
        if self.wants(record):
            self.lanes[_hash(record) % len(self.lanes)].append(record)

    def idle(self) -> bool:
        """Return whether no record waits."""
        return not any(self.lanes)


class Stream:
    """Turns changes of the table into records, and brings them to the consumers."""

    def __init__(self, faults: Faults, chance: random.Random) -> None:
        """Make an empty stream."""
        self.errors: Counter[str] = Counter()
        """Classes of the exceptions with which functions ended."""
        self._faults = faults
        self._chance = chance
        self.consumers: list[Consumer] = []
        self.seconds = 0
        """The stream's clock."""
        self._number = 0

    def add(self, keys: Record, old: Record | None, new: Record) -> None:
        """Add a change."""
        self._number += 1
        record = {
            "eventID": f"{zlib.crc32(str(self._number).encode()):08x}{self._number:024x}",
            "eventName": "MODIFY" if old else "INSERT",
            "dynamodb": {
                "ApproximateCreationDateTime": float(self.seconds),
                "Keys": keys,
                "NewImage": new,
                "SequenceNumber": f"{self._number:021d}",
            }
            | ({"OldImage": old} if old else {}),
        }
        for consumer in self.consumers:
            consumer.tell(record)

    def deliver(self, consumer: Consumer, lane: int) -> bool:
        """Run a function on a lane's next batch; tell whether there was one."""
        waiting = consumer.lanes[lane]
        if not waiting:
            return False
        batch = [waiting[place] for place in range(self._chance.randint(1, min(len(waiting), consumer.largest_batch)))]
        if len(consumer.lanes) > 1 and self._faults.happens(Fault.AT_ONCE, 1):
            # Another poller has the same batch: what it delivers is processed at the same time.
            other = consumer.lanes[(lane + 1) % len(consumer.lanes)]
            other.extendleft(reversed(batch))
        first = _number_of(batch[0])
        try:
            failed = consumer.function(batch)
        except KilledError:
            failed = first
        except Exception as error:  # noqa: BLE001  (Lambda delivers the batch again, whatever it was)
            self.errors[type(error).__name__] += 1
            failed = first
        self._move_on(consumer, waiting, batch, failed)
        return True

    def _move_on(self, consumer: Consumer, waiting: deque[Record], batch: list[Record], failed: str | None) -> None:
        again = failed is None and self._faults.happens(Fault.DUPLICATED, 4)
        done = 0 if again else len(batch)
        if failed is not None:
            done = next(place for place, record in enumerate(batch) if _number_of(record) == failed)
            consumer.failures[failed] += 1
            if consumer.failures[failed] > consumer.attempts:
                consumer.dead_letters.append(batch[done])
                done += 1
        for record in batch[:done]:
            # What came in front of it meanwhile stays.
            waiting.remove(record)


def _number_of(record: Record) -> str:
    return record["dynamodb"]["SequenceNumber"]


def _hash(record: Record) -> int:
    return zlib.crc32(record["dynamodb"]["Keys"]["transactionId"]["S"].encode())

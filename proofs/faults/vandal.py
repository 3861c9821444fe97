"""Who damages what is stored, so that the system must set it aside or refuse it."""

import base64
import random
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fraudstream.detection.profiles.codec import CLOSED_SCHEMA
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.transactions.storage.attributes import to_item
from proofs.faults.expressions import Item
from proofs.faults.kinds import Fault, Faults
from proofs.faults.tables import MemoryTables

_HOUR: Final = 3_600_000
_LARGEST_JUMP: Final = 24 * _HOUR


@dataclass
class Vandal:
    """Damages and forges profiles, puts what is no transaction, takes S3 away, and sets the clocks of functions."""

    tables: MemoryTables
    faults: Faults
    chance: random.Random
    functions: Sequence[str] = ()
    """Names of those who have a clock."""
    off: Counter[str] = field(default_factory=Counter[str])
    """How much later a function's clock is than the time, milliseconds."""
    s3_away_until: int = 0
    """Epoch milliseconds."""
    poison: set[str] = field(default_factory=set[str])
    """Ids of items that are no transactions."""
    set_aside: set[str] = field(default_factory=set[str])
    """Keys of profiles that were damaged."""
    newer: dict[str, Item] = field(default_factory=dict[str, Item])
    """Profiles that a newer version has written, by key."""

    def act(self, now: int) -> None:
        """Do what the faults say, at a time in epoch milliseconds."""
        if self.faults.happens(Fault.POISON, 0.02):
            self._put_poison(now)
        if self.functions and self.faults.happens(Fault.CLOCK_JUMPED, 0.3):
            self.off[self.chance.choice(self.functions)] = self.chance.choice((0, 1)) * self.chance.randint(
                -_LARGEST_JUMP, _LARGEST_JUMP
            )
        if now >= self.s3_away_until and self.faults.happens(Fault.S3_AWAY, 0.02):
            self.s3_away_until = now + _HOUR
        for fault in (Fault.PROFILE_DAMAGED, Fault.PROFILE_NEWER):
            profiles = self.tables.keys("profiles") if self.faults.happens(fault, 0.01) else []
            if profiles:
                self._spoil(self.chance.choice(profiles), fault)

    def overwritten(self) -> int:
        """Return how many profiles that a newer version has written somebody else has changed since."""
        return sum(
            self.tables.get("profiles", to_item({"entity": key})) != spoilt for key, spoilt in self.newer.items()
        )

    def _put_poison(self, now: int) -> None:
        name = f"poison-{len(self.poison)}"
        self.poison.add(name)
        self.tables.put("transactions", to_item({"transactionId": name, "timestamp": now, "kind": "TXN"}))

    def _spoil(self, key: str, fault: Fault) -> None:
        item = self.tables.get("profiles", to_item({"entity": key}))
        if item is None or key in self.newer:
            return
        state = bytearray(base64.b64decode(item["state"]["B"]))
        if fault is Fault.PROFILE_DAMAGED:
            self.set_aside.add(entity_of(key))
            if self.chance.random() < 1 / 2:
                state = state[: self.chance.randrange(len(state))]
            else:
                state[self.chance.randrange(len(state))] ^= 1 << self.chance.randrange(8)
        else:
            state = bytearray(_as_newer_version(bytes(state)))
            item["version"] = {"N": str(int(item["version"]["N"]) + 1)}
        spoilt = item | {"state": {"B": base64.b64encode(state).decode()}}
        self.tables.put("profiles", spoilt)
        if fault is Fault.PROFILE_NEWER:
            self.newer[key] = spoilt


def _as_newer_version(state: bytes) -> bytes:
    """Return a profile as a later version of the code may store it: with another schema, and a right checksum."""
    body = bytes([CLOSED_SCHEMA + 1]) + state[1:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")

"""Who ends processes, damages what is stored, publishes what cannot be used, and takes AWS away and gives it back."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import MODELS_FILE, RULESET_FILE, RULESET_PREFIX
from fraudstream.detection.profiles.sharded import entity_of
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.operations.review.labels import give_label
from proofs.stack.kinds import StackFault, StackFaults
from proofs.stack.proxy import FaultProxy
from proofs.stack.wire import kill

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud

_LOOKS_SECONDS: Final = 0.2
_KILLED_A_LOOK: Final = 0.03
_AWAY_SECONDS: Final = 4.0
_S3_AWAY_SECONDS: Final = 15.0
_STOPPED_SECONDS: Final = 3.0
_STORM_SECONDS: Final = 4.0
_LONGEST_WAIT_SECONDS: Final = 20.0
"""For profiles that can be damaged."""
_DAMAGED: Final = 3
"""Profiles, each time, beside the busiest one."""
_POISON: Final = 3
"""Items, each time."""
_LACKING: Final = "amountMinor"
"""What they lack."""


class StackVandal:
    """Does at its place in the run what is planned there, and kills processes in between."""

    def __init__(self, cloud: "LocalCloud", proxy: FaultProxy, faults: StackFaults) -> None:
        """Plan the damage over the run.

        Args:
            cloud: the embedded AWS whose items, files and processes are damaged.
            proxy: what stands between the functions and AWS.
            faults: draws what goes wrong, and counts it.
        """
        self._cloud = cloud
        self._faults = faults
        self.poison: dict[str, Mapping[str, Any]] = {}
        """Items that are no transactions until they are repaired, by id: their keys and what they lack."""
        self.set_aside: set[str] = set()
        """Keys of entities whose profiles were damaged."""
        self._files: dict[str, bytes] = {}
        self._going_on: threading.Timer | None = None
        """Lets AWS go on that was stopped."""
        plan: list[tuple[float, StackFault, Callable[[], None]]] = [
            (0.00, StackFault.RULESET_INVALID, lambda: self._publish(RULESET_FILE)),
            (0.00, StackFault.MODEL_INVALID, lambda: self._publish(MODELS_FILE)),
            (0.05, StackFault.POISON, self._put_poison),
            (0.12, StackFault.STORM, lambda: proxy.begin(StackFault.STORM, _STORM_SECONDS)),
            (0.20, StackFault.RULESET_INVALID, self.put_right),
            (0.30, StackFault.RULESET_INVALID, lambda: self._publish(RULESET_FILE)),
            (0.30, StackFault.MODEL_INVALID, lambda: self._publish(MODELS_FILE)),
            (0.35, StackFault.PROFILE_DAMAGED, self._damage_profiles),
            (0.42, StackFault.S3_AWAY, lambda: proxy.begin(StackFault.S3_AWAY, _S3_AWAY_SECONDS)),
            (0.55, StackFault.POISON, self._put_poison),
            (0.62, StackFault.AWAY, lambda: proxy.begin(StackFault.AWAY, _AWAY_SECONDS)),
            (0.72, StackFault.STOPPED, self._stop_aws),
            (0.80, StackFault.STORM, lambda: proxy.begin(StackFault.STORM, _STORM_SECONDS)),
            (0.88, StackFault.PROFILE_DAMAGED, self._damage_profiles),
        ]
        self._plan = [(place, deed) for place, fault, deed in plan if fault in faults.only]

    def reach(self) -> float:
        """Return the share of the transactions that clients may post before what is planned next is done."""
        return self._plan[0][0] if self._plan else math.inf

    def run(self, progress: Callable[[], float], ended: threading.Event) -> None:
        """Act until the clients have ended.

        Args:
            progress: tells the share of the transactions that are stored.
            ended: set when the clients have ended.
        """
        try:
            while not ended.wait(_LOOKS_SECONDS):
                while self._plan and progress() >= self.reach():
                    self._plan[0][1]()
                    self._plan.pop(0)
                if self._faults.happens(StackFault.KILLED, _KILLED_A_LOOK):
                    self._kill_one(self._cloud.function_processes)
        finally:
            # Nobody waits for what is not done any more.
            self._plan.clear()
            if self._going_on:
                self._going_on.join()

    def put_right(self) -> None:
        """Publish again the files that were there before."""
        for name, content in self._files.items():
            self._s3.put_object(Bucket=self._bucket, Key=RULESET_PREFIX + name, Body=content)
        self._files.clear()

    def repair_poison(self) -> None:
        """Complete the items that are no transactions, as an operator does who knows the cause."""
        table = self._cloud.outputs["transactionsTable"]
        for item in self.poison.values():
            self._cloud.client("dynamodb").update_item(
                TableName=table,
                Key={name: item[name] for name in ("transactionId", "timestamp")},
                UpdateExpression=f"SET {_LACKING} = :lacking",
                ExpressionAttributeValues={":lacking": item[_LACKING]},
            )

    @property
    def _s3(self) -> Any:  # noqa: ANN401  (a client)
        return self._cloud.client("s3")

    @property
    def _bucket(self) -> str:
        return self._cloud.outputs["bucketName"]

    def _kill_one(self, processes: Sequence[int]) -> None:
        if processes:
            kill(self._faults.chance.choice(processes))

    def _put_poison(self) -> None:
        """Write copies of transactions that lack an attribute, and label the first one."""
        dynamodb, table = self._cloud.client("dynamodb"), self._cloud.outputs["transactionsTable"]
        sound = [item for item in dynamodb.scan(TableName=table)["Items"] if _LACKING in item]
        for number, item in enumerate(self._faults.chance.sample(sound, min(_POISON, len(sound)))):
            name = f"poison-{self._faults.chance.getrandbits(48):012x}"
            copy = {**Transaction.from_item(item).to_item(), **to_item({"transactionId": name, "kind": "TXN"})}
            self.poison[name] = copy = {**copy, "expiresAt": item["expiresAt"]}
            self._faults.count(StackFault.POISON)
            dynamodb.put_item(TableName=table, Item={key: value for key, value in copy.items() if key != _LACKING})
            if number == 0:
                give_label(
                    dynamodb,
                    table,
                    name,
                    Label(label=Truth.FRAUD, label_source="analyst", labeled_at=epoch_milliseconds()),
                )

    def _damage_profiles(self) -> None:
        dynamodb, table = self._cloud.client("dynamodb"), self._cloud.outputs["profilesTable"]
        items = self._stored_profiles(table)
        # The one that is written most is met soon. With another version, whoever has read it does not write over it.
        items.sort(key=lambda item: int(item["version"]["N"]))
        busiest: list[dict[str, Any]] = [{**item, "version": {"N": "1000"}} for item in items[-1:]]
        for item in (*busiest, *self._faults.chance.sample(items[:-1], min(_DAMAGED, len(items[:-1])))):
            state = bytearray(item["state"]["B"])
            state[self._faults.chance.randrange(len(state))] ^= 1 << self._faults.chance.randrange(8)
            self.set_aside.add(entity_of(item["entity"]["S"]))
            self._faults.count(StackFault.PROFILE_DAMAGED)
            dynamodb.put_item(TableName=table, Item=item | {"state": {"B": bytes(state)}})

    def _stored_profiles(self, table: str) -> list[dict[str, Any]]:
        """Return the items of profiles; the first ones are there a moment after the first transactions."""
        until = time.monotonic() + _LONGEST_WAIT_SECONDS
        while True:
            items: list[dict[str, Any]] = self._cloud.client("dynamodb").scan(TableName=table)["Items"]
            found = [item for item in items if "state" in item and "version" in item]
            if len(found) > _DAMAGED or time.monotonic() > until:
                return found
            time.sleep(_LOOKS_SECONDS)

    def _publish(self, name: str) -> None:
        key = RULESET_PREFIX + name
        self._files[name] = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        self._faults.count(StackFault.RULESET_INVALID if name == RULESET_FILE else StackFault.MODEL_INVALID)
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"rules: [this is: not a file of ours")

    def _stop_aws(self) -> None:
        self._faults.count(StackFault.STOPPED)
        process = self._cloud.process_id
        os.killpg(process, signal.SIGSTOP)
        self._going_on = threading.Timer(_STOPPED_SECONDS, os.killpg, (process, signal.SIGCONT))
        self._going_on.start()

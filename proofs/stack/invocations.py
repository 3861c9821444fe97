"""What comes between streams and functions: batches again, at the same time, cut anew, and outcomes that get lost."""

import json
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from embedded_aws.runtime.invocations import Invocation, InvocationRefusedError, Invoke, failure
from proofs.stack.kinds import StackFault, StackFaults

if TYPE_CHECKING:
    from proofs.stack.journal import StackJournal

_REMEMBERED: Final = 300
"""Records among which batches are cut anew."""
_LARGEST_CUT: Final = 60
_LONGEST_PAUSE_SECONDS: Final = 3.0

StreamEntry = Mapping[str, Any]


class FaultyInvocations:
    """Invokes functions as asked, and with stream records more often than asked."""

    def __init__(self, faults: StackFaults) -> None:
        """Begin with nothing delivered; the source draws what goes wrong."""
        self.faults = faults
        self.analyzer = ""
        """The name of the function whose work a journal follows."""
        self.journal: StackJournal | None = None
        self.is_honest = True
        """Whether failures are told to Lambda: a mutation says they are not."""
        self._invoke: Invoke = _unknown
        self._recent: dict[str, deque[StreamEntry]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="batches-again")
        self._again: set[Future[object]] = set()

    def around(self, invoke: Invoke) -> Invoke:
        """Return what invokes functions from now on."""
        self._invoke = invoke
        return self._invoked

    def settle(self) -> None:
        """Wait until nothing is delivered again any more."""
        while left := tuple(self._again):
            wait(left)

    def forget(self) -> None:
        """Deliver nothing again that was delivered so far."""
        self.settle()
        with self._lock:
            self._recent.clear()

    def close(self) -> None:
        """Deliver nothing again."""
        self._pool.shutdown(cancel_futures=True)

    def _invoked(self, name: str, payload: bytes) -> Invocation:
        if not payload.startswith(b'{"Records":['):
            return self._invoke(name, payload)
        batch: list[StreamEntry] = json.loads(payload)["Records"]
        with self._lock:
            recent = self._recent.setdefault(name, deque(maxlen=_REMEMBERED))
            recent.extend(batch)
            fault = self.faults.of_batch()
            again = _cut(list(recent), self.faults) if fault is StackFault.RECUT else batch
        if fault is StackFault.AT_ONCE:
            self._repeat(name, again, 0)
        answer = self._followed(name, payload, batch)
        match fault:
            case StackFault.DUPLICATED | StackFault.RECUT:
                self._repeat(name, again, self.faults.chance.uniform(0, _LONGEST_PAUSE_SECONDS))
            case StackFault.OUTCOME_LOST:
                return failure(answer.request_id, "Sandbox.Failure", "the outcome was lost")
            case _:
                pass
        if not self.is_honest:
            return Invocation(payload=b'{"batchItemFailures": []}', function_error=None, request_id=answer.request_id)
        return answer

    def _repeat(self, name: str, batch: Sequence[StreamEntry], pause: float) -> None:
        def deliver() -> None:
            threading.Event().wait(pause)
            with suppress(InvocationRefusedError):
                self._followed(name, json.dumps({"Records": batch}).encode(), batch)

        future: Future[object] = self._pool.submit(deliver)
        self._again.add(future)
        future.add_done_callback(self._again.discard)

    def _followed(self, name: str, payload: bytes, batch: Sequence[StreamEntry]) -> Invocation:
        if self.journal is None or name != self.analyzer:
            return self._invoke(name, payload)
        answers: list[Invocation] = []

        def invoke() -> set[str] | None:
            answers.append(self._invoke(name, payload))
            return failures(answers[0])

        self.journal.analyzed(batch, invoke)
        return answers[0]


def failures(answer: Invocation) -> set[str] | None:
    """Return the sequence numbers of the records that a function says have failed; None if it ended otherwise."""
    if answer.function_error:
        return None
    return {each["itemIdentifier"] for each in json.loads(answer.payload)["batchItemFailures"]}


def _cut(recent: Sequence[StreamEntry], faults: StackFaults) -> list[StreamEntry]:
    """Return a part of some records: each transaction's in their order, the transactions in another one."""
    begin = faults.chance.randrange(len(recent))
    taken = recent[begin : begin + faults.chance.randint(1, _LARGEST_CUT)]
    by_name: dict[str, list[StreamEntry]] = {}
    for record in taken:
        by_name.setdefault(record["dynamodb"]["Keys"]["transactionId"]["S"], []).append(record)
    groups = list(by_name.values())
    faults.chance.shuffle(groups)
    return [record for group in groups for record in group]


def _unknown(name: str, payload: bytes) -> Invocation:
    raise NotImplementedError(name, len(payload))

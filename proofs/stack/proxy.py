"""The proxy between the functions and AWS: it carries every request, or fails to, and tells what was applied.

Both sides are real: functions in processes of their own with their own clients, and the embedded AWS.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from embedded_aws.runtime.http_protocol import Request, read_request
from proofs.faults.kinds import CANCELED, IN_CONFLICT, SINGLE_WRITES, reasons_in_the_way
from proofs.stack.kinds import THROTTLES, TRANSACTION_THROTTLES, StackFault, StackFaults
from proofs.stack.rivals import Rivals
from proofs.stack.wire import Upstream, WireAnswer, WireCall, dynamodb_answer, kill, process_at, refusal

_HOST: Final = "127.0.0.1"
_LONGEST_DELAY_SECONDS: Final = 0.8
_LATE_SECONDS: Final = 4.0
"""Longest time after which a late request arrives: behind the repetitions of its caller."""
_HANGING_SECONDS: Final = 30.0
"""Longer than any client of a function waits."""

OnCall = Callable[[str, Mapping[str, Any]], None]
Rewrite = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class _GoneError(Exception):
    """The caller gets no answer: its connection is reset."""


class FaultProxy:
    """Listens on the loopback interface for functions that believe it to be AWS."""

    def __init__(self, faults: StackFaults, processes: Callable[[], Sequence[int]]) -> None:
        """Begin without a connection.

        Args:
            faults: draws what goes wrong.
            processes: returns the ids of the functions' processes.
        """
        self.faults = faults
        self._processes = processes
        self.on_request: Callable[[WireCall], None] = _unseen
        """Told of each request as it comes."""
        self.on_sent: OnCall = _nothing
        """Told of each request on its way."""
        self.on_applied: OnCall = _nothing
        self.on_lost: OnCall = _nothing
        """Told of a request that was applied and whose caller does not know."""
        self.rivals = Rivals()
        self.rewrite: Rewrite = _unchanged
        """Changes requests before they arrive: how a mutation drops a condition."""
        self.swallows: Callable[[str, Mapping[str, Any]], bool] = _carried_out
        """Tells which requests are answered and not carried out: how a mutation loses a write."""
        self._until: dict[StackFault, float] = {}
        """Ends of what lasts, as `time.monotonic` gives them."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._upstream = (_HOST, 0)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, url: str) -> str:
        """Begin to carry requests to a URL, and return the one to send them to."""
        place = urlsplit(url)
        self._upstream = (place.hostname or _HOST, place.port or 80)
        self._thread.start()
        opening = asyncio.start_server(self._accept, _HOST, 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        return f"http://{_HOST}:{self._server.sockets[0].getsockname()[1]}"

    def begin(self, fault: StackFault, seconds: float) -> None:
        """Have AWS or a part of it be away, or throttle, for some seconds."""
        self._until[fault] = time.monotonic() + seconds

    def settle(self) -> None:
        """Wait until every late request has arrived."""
        deadline = time.monotonic() + _HANGING_SECONDS
        while any(task.get_name() == "late" for task in tuple(self._tasks)) and time.monotonic() < deadline:
            time.sleep(0.05)

    def close(self) -> None:
        """End all connections."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Upstream(self._upstream)
        # Nobody else holds the task of a connection whose caller has gone.
        if task := asyncio.current_task():
            self._hold(task)
        try:
            while (request := await read_request(reader)) is not None:
                writer.write(await self._answer(request, connection, writer))
                await writer.drain()
        except _GoneError:
            # No goodbye: the caller sees its connection reset.
            writer.transport.abort()
        except (OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            connection.close()
            writer.close()

    async def _answer(self, request: Request, connection: Upstream, writer: asyncio.StreamWriter) -> bytes:
        call = WireCall.of(request)
        self.on_request(call)
        parameters = _rewritten(call.operation, call.parameters, self.rewrite)
        if parameters is not call.parameters:
            call = call.rewritten(parameters)
        self.on_sent(call.operation, call.parameters)
        await self.rivals.meet(self.faults, call.operation, call.parameters)
        if lasting := self._lasting(call):
            return lasting.encoded()
        fault = self.faults.of_call(call.operation)
        if fault is StackFault.KILLED_BEFORE:
            self._kill(writer)
        if fault in {StackFault.KILLED_BEFORE, StackFault.RESET_BEFORE}:
            raise _GoneError
        if early := await self._unapplied(call, fault):
            return early.encoded()
        answer = await self._apply(call, connection)
        if fault is StackFault.APPLIED_TWICE:
            answer = await self._apply(call, connection)
        return await self._told(call, answer, fault, writer)

    def _lasting(self, call: WireCall) -> WireAnswer | None:
        """Return what is answered while AWS is away or throttles everything; None while it does not."""
        now = time.monotonic()
        if now < self._until.get(StackFault.AWAY, 0):
            self.faults.count(StackFault.AWAY)
            raise _GoneError
        if call.is_s3 and now < self._until.get(StackFault.S3_AWAY, 0):
            self.faults.count(StackFault.S3_AWAY)
            raise _GoneError
        if now < self._until.get(StackFault.STORM, 0) and self.faults.chance.random() < 1 / 2:
            self.faults.count(StackFault.STORM)
            return self._throttle(call)
        return None

    def _throttle(self, call: WireCall) -> WireAnswer:
        if call.is_s3:
            return refusal(call, 503, "SlowDown")
        chance, is_transaction = self.faults.chance, call.operation == "TransactWriteItems"
        if is_transaction and chance.random() < 1 / 2:
            return refusal(call, 400, CANCELED, CancellationReasons=reasons_in_the_way(call.parameters, chance))
        if call.operation in SINGLE_WRITES and chance.random() < 1 / 4:
            return refusal(call, 400, IN_CONFLICT)
        return refusal(call, *chance.choice(TRANSACTION_THROTTLES if is_transaction else THROTTLES))

    async def _unapplied(self, call: WireCall, fault: StackFault | None) -> WireAnswer | None:
        """Return the answer of a request that does not arrive, or not yet; None for one that does."""
        match fault:
            case StackFault.DELAYED:
                await asyncio.sleep(self.faults.chance.uniform(0.02, _LONGEST_DELAY_SECONDS))
            case StackFault.HANGS:
                await asyncio.sleep(_HANGING_SECONDS)
                raise _GoneError
            case StackFault.APPLIED_LATE:
                self._spawn("late", self._apply_late(call, self.faults.chance.uniform(0.05, _LATE_SECONDS)))
                raise _GoneError
            case StackFault.SERVER_ERROR:
                return refusal(call, 500, "InternalServerError")
            case StackFault.THROTTLED:
                return self._throttle(call)
            case _:
                pass
        return None

    async def _told(
        self, call: WireCall, answer: WireAnswer, fault: StackFault | None, writer: asyncio.StreamWriter
    ) -> bytes:
        """Return what the caller is told of a request that was applied."""
        if fault is StackFault.UNPROCESSED and answer.is_success:
            return _in_part(answer, self.faults).encoded()
        if fault in _LOSES_THE_ANSWER and answer.is_success:
            self.on_lost(call.operation, call.parameters)
        match fault:
            case StackFault.KILLED_AFTER:
                self._kill(writer)
                raise _GoneError
            case StackFault.RESET_AFTER:
                raise _GoneError
            case StackFault.ANSWER_LOST:
                await asyncio.sleep(_HANGING_SECONDS)
                raise _GoneError
            case StackFault.SERVER_ERROR_APPLIED:
                return refusal(call, 500, "InternalServerError").encoded()
            case StackFault.TRUNCATED if answer.body:
                writer.write(answer.encoded(answer.body[: len(answer.body) // 2]))
                await writer.drain()
                raise _GoneError
            case StackFault.DAMAGED if not call.is_s3:
                return answer.encoded(is_damaged=True)
            case _:
                return answer.encoded()

    async def _apply(self, call: WireCall, connection: Upstream) -> WireAnswer:
        if self.swallows(call.operation, call.parameters):
            headers = {"etag": '"0"'} if call.is_s3 else {}
            return WireAnswer(200, headers, b"") if call.is_s3 else dynamodb_answer(200, {})
        answer = await connection.send(call)
        if answer.is_success:
            self.on_applied(call.operation, call.parameters)
        return answer

    async def _apply_late(self, call: WireCall, seconds: float) -> None:
        await asyncio.sleep(seconds)
        connection = Upstream(self._upstream)
        with suppress(OSError):
            await self._apply(call, connection)
        connection.close()

    def _kill(self, writer: asyncio.StreamWriter) -> None:
        process = process_at(writer.get_extra_info("peername")[1], self._processes())
        if process is not None:
            kill(process)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._hold(self._loop.create_task(work, name=name))

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_LOSES_THE_ANSWER: Final = frozenset(
    {
        StackFault.KILLED_AFTER,
        StackFault.RESET_AFTER,
        StackFault.ANSWER_LOST,
        StackFault.SERVER_ERROR_APPLIED,
        StackFault.TRUNCATED,
        StackFault.DAMAGED,
    }
)


def _nothing(_operation: str, _parameters: Mapping[str, Any]) -> None:
    """Do nothing."""


def _unseen(_call: WireCall) -> None:
    """Do nothing."""


def _carried_out(_operation: str, _parameters: Mapping[str, Any]) -> bool:
    return False


def _unchanged(_operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return parameters


def _rewritten(operation: str, parameters: Mapping[str, Any], rewrite: Rewrite) -> Mapping[str, Any]:
    if operation != "TransactWriteItems":
        return rewrite(operation, parameters)
    writes = [
        {kind: rewrite(f"{kind}Item", write)} for each in parameters["TransactItems"] for kind, write in each.items()
    ]
    return parameters if writes == parameters["TransactItems"] else {**parameters, "TransactItems": writes}


def _in_part(answer: WireAnswer, faults: StackFaults) -> WireAnswer:
    """Leave a part of a batch read's answer out, as DynamoDB does when it has read enough."""
    content = json.loads(answer.body)
    ((table, items),) = content["Responses"].items()
    kept = faults.chance.randrange(len(items) + 1)
    left = [{"entity": item["entity"]} for item in items[kept:]]
    unprocessed = {table: {"Keys": left, "ConsistentRead": True}} if left else {}
    return dynamodb_answer(200, {"Responses": {table: items[:kept]}, "UnprocessedKeys": unprocessed})

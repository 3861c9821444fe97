"""The function runtime: plays Lambda's invocation service for functions whose packages are unpacked on this machine."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path

from embedded_aws.log_file import AppendedLog
from embedded_aws.runtime.credentials import CredentialCache
from embedded_aws.runtime.environment import Surroundings, check_environment, expose_runtime_client
from embedded_aws.runtime.invocations import (
    MAXIMUM_REQUEST_BYTES,
    Invocation,
    PayloadTooLargeError,
    RuntimeClosedError,
    Throttled,
    UnknownFunctionError,
)
from embedded_aws.runtime.worker import Worker
from embedded_aws.specs import FunctionSpec, RoleCredentials

_PATIENCE_SECONDS = 0.05
"""How long a request waits for a warm process before another one is started: starting one costs this machine more."""
_EVICTION_SECONDS = 1.0
"""How long a process of another function must have been idle before it makes room."""
_CLOSE_SECONDS = 1.0
"""How long what is under way gets to end by itself when the runtime closes."""


@dataclass(eq=False)
class _Function:
    spec: FunctionSpec
    log: AppendedLog
    in_flight: int = 0
    timer: asyncio.TimerHandle | None = None
    workers: set[Worker] = field(default_factory=set[Worker])
    idle: list[Worker] = field(default_factory=list[Worker])
    waiting: deque["asyncio.Future[Worker | Invocation]"] = field(
        default_factory=deque["asyncio.Future[Worker | Invocation]"]
    )

    @property
    def starting(self) -> int:
        return sum(not worker.ready for worker in self.workers)


class FunctionRuntime:
    """Runs functions in processes of their own, one for each concurrent invocation, started on demand and kept warm.

    Reserved concurrency counts invocations in flight, as Lambda does. How many processes there are is this machine's
    matter: beyond `max_processes` an invocation waits for a process; every function may have at least one.
    """

    def __init__(
        self,
        folder: Path,
        endpoint_url: str,
        region: str,
        credentials: RoleCredentials,
        *,
        max_processes: int | None = None,
    ) -> None:
        self._folder = folder
        self._max_processes = max_processes or 2 * (os.cpu_count() or 1) + 2
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        home = folder / "home"
        home.mkdir(exist_ok=True)
        self._surroundings = Surroundings(
            endpoint_url=endpoint_url,
            region=region,
            libraries=expose_runtime_client(folder / "runtime"),
            home=home,
        )
        self._credentials = CredentialCache(credentials)
        self._functions: dict[str, _Function] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._closing = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="function-runtime", daemon=True)
        self._thread.start()

    def create(self, spec: FunctionSpec) -> None:
        """Register a function; its first process starts with its first invocation.

        Raises:
            ValueError: The name is taken, the package is no folder, or a variable has a name that Lambda reserves.
        """
        if spec.name in self._functions:
            raise ValueError(f"function {spec.name} exists already")
        if not spec.package.is_dir():
            raise ValueError(f"function {spec.name}: its package is not a folder")
        check_environment(spec)
        self._functions[spec.name] = _Function(spec=spec, log=AppendedLog(self.log_file(spec.name)))

    def environment(self, name: str) -> Mapping[str, str]:
        """Return a function's environment variables.

        Raises:
            UnknownFunctionError: There is no such function.
        """
        if name not in self._functions:
            raise UnknownFunctionError(f"there is no function {name}")
        return self._functions[name].spec.environment

    def log_file(self, name: str) -> Path:
        """Return the file with what a function printed and the platform's START, END and REPORT lines."""
        return self._folder / "logs" / f"{name}.log"

    @property
    def lost_log(self) -> OSError | None:
        """Why lines of a function's log were lost, if some were; it names the file."""
        return next((function.log.lost for function in self._functions.values() if function.log.lost), None)

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Invoke a function and wait until it has ended (Lambda's RequestResponse).

        Args:
            name: the function's, or `FUNCTION:ALIAS`.
            payload: the event, JSON.

        Raises:
            UnknownFunctionError: There is no such function, or no such alias.
            PayloadTooLargeError: The payload is over 6 MB.
            Throttled: All of its reserved concurrency is in use.
            RuntimeClosedError: The runtime has been closed.
        """
        try:
            return self._begin(name, payload).result()
        except CancelledError as error:
            raise RuntimeClosedError from error

    async def invoke_awaited(self, name: str, payload: bytes) -> Invocation:
        """Invoke a function as `invoke` does, from any event loop; it runs on where nobody waits for it any more."""
        return await asyncio.shield(asyncio.wrap_future(self._begin(name, payload)))

    def _begin(self, name: str, payload: bytes) -> Future[Invocation]:
        if len(payload) > MAXIMUM_REQUEST_BYTES:
            raise PayloadTooLargeError(f"{len(payload)} bytes is over the limit of {MAXIMUM_REQUEST_BYTES} bytes")
        name, _, alias = name.partition(":")
        function = self._functions.get(name)
        if function is None or (alias and alias not in function.spec.aliases):
            raise UnknownFunctionError(f"there is no function {name}")
        with self._closing:
            if self._closed:
                raise RuntimeClosedError
            return asyncio.run_coroutine_threadsafe(self._invoke(function, payload, alias), self._loop)

    @property
    def in_flight(self) -> int:
        """Invocations that have not ended, waiting ones included."""
        return sum(function.in_flight for function in self._functions.values())

    @property
    def process_count(self) -> int:
        """Processes that run now."""
        return sum(len(function.workers) for function in self._functions.values())

    @property
    def process_ids(self) -> Sequence[int]:
        """The ids of the processes that run now."""
        workers = [worker for function in self._functions.values() for worker in tuple(function.workers)]
        return [worker.process_id for worker in workers if worker.process_id is not None]

    def close(self) -> None:
        """End every process; invocations in flight fail with `RuntimeClosedError`. Safe to repeat."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for function in self._functions.values():
            function.log.close()

    async def _invoke(self, function: _Function, payload: bytes, alias: str) -> Invocation:
        reserved = function.spec.reserved_concurrency
        if reserved is not None and function.in_flight >= reserved:
            raise Throttled(f"function {function.spec.name} uses all of its reserved concurrency of {reserved}")
        function.in_flight += 1
        try:
            worker = await self._acquire(function)
            result = await worker.run(payload, alias) if isinstance(worker, Worker) else worker
            if self._closed:
                raise RuntimeClosedError
            return result
        finally:
            function.in_flight -= 1

    async def _acquire(self, function: _Function) -> Worker | Invocation:
        while function.idle:
            # The most recently used first: the others get old enough to make room.
            worker = function.idle.pop()
            if worker.is_waiting and not self._is_stale(worker):
                return worker
            worker.kill()
        turn: asyncio.Future[Worker | Invocation] = self._loop.create_future()
        function.waiting.append(turn)
        if not function.workers:
            self._scale(function)
        else:
            self._scale_later(function)
        return await turn

    def _is_stale(self, worker: Worker) -> bool:
        credentials = worker.credentials
        return credentials is None or self._credentials.expires_soon(credentials, worker.spec.timeout_seconds)

    def _scale_later(self, function: _Function) -> None:
        if function.timer is None:
            function.timer = self._loop.call_later(_PATIENCE_SECONDS, self._scale, function)

    def _scale(self, function: _Function) -> None:
        function.timer = None
        if self._closed or not function.waiting:
            return
        if len(function.waiting) > function.starting and self._may_start(function):
            self._start(function)
        self._scale_later(function)

    def _may_start(self, function: _Function) -> bool:
        # Processes that start at the same time only share this machine's cores.
        starting = sum(each.starting for each in self._functions.values())
        if function.workers and starting >= (os.cpu_count() or 1):
            return False
        has_room = self.process_count < self._max_processes or self._evict(function)
        return has_room or not function.workers

    def _evict(self, hungry: _Function) -> bool:
        longest_idle = [
            function.idle[0]
            for function in self._functions.values()
            if function is not hungry and len(function.workers) > 1 and function.idle
        ]
        victim = min(longest_idle, key=lambda worker: worker.idle_since, default=None)
        if victim is None or self._loop.time() - victim.idle_since < _EVICTION_SECONDS:
            return False
        self._functions[victim.spec.name].idle.remove(victim)
        victim.kill()
        return True

    def _start(self, function: _Function) -> None:
        worker = Worker(
            function.spec,
            self._surroundings,
            log=function.log,
            on_idle=self._worker_idle,
            on_exit=self._worker_exited,
        )
        function.workers.add(worker)
        task = self._loop.create_task(self._launch(function, worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _launch(self, function: _Function, worker: Worker) -> None:
        try:
            spec = function.spec
            await worker.start(await self._credentials.get(spec.role_arn, spec.timeout_seconds))
        except Exception as error:  # noqa: BLE001  (whoever waits for the process gets it)
            function.workers.discard(worker)
            self._disappoint(function, error)

    def _worker_idle(self, worker: Worker) -> None:
        function = self._functions[worker.spec.name]
        while function.waiting:
            turn = function.waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        function.idle.append(worker)

    def _worker_exited(self, worker: Worker, reason: Invocation) -> None:
        function = self._functions[worker.spec.name]
        function.workers.discard(worker)
        if worker in function.idle:
            function.idle.remove(worker)
        if not worker.ready:
            self._disappoint(function, reason)
        self._scale_later(function)

    def _disappoint(self, function: _Function, outcome: Invocation | Exception) -> None:
        if function.waiting:
            _settle(function.waiting.popleft(), outcome)

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for function in self._functions.values():
            while function.waiting:
                _settle(function.waiting.popleft(), RuntimeClosedError())
        workers = [worker for function in self._functions.values() for worker in function.workers]
        await asyncio.gather(*(worker.close() for worker in workers))
        # What ends may begin more: a process that connects while it is ended has a connection that no worker knows of.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            _, left = await asyncio.wait(others, timeout=_CLOSE_SECONDS)
            for task in left:
                task.cancel()
        await self._loop.shutdown_default_executor()
        # Connections that were closed end in the loop's next turn.
        await asyncio.sleep(0)


def _settle(turn: "asyncio.Future[Worker | Invocation]", outcome: Invocation | Exception) -> None:
    if turn.done():
        return
    if isinstance(outcome, Exception):
        turn.set_exception(outcome)
    else:
        turn.set_result(outcome)

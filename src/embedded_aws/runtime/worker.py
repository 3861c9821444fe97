"""One process of a function, and the Runtime API that it alone talks to."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from embedded_aws.log_file import AppendedLog
from embedded_aws.runtime.environment import Surroundings
from embedded_aws.runtime.http_protocol import Request, read_request, response
from embedded_aws.runtime.invocations import MAXIMUM_RESPONSE_BYTES, Invocation, failure
from embedded_aws.runtime.logs import OutputPipe
from embedded_aws.specs import Credentials, FunctionSpec

_API = "/2018-06-01/runtime"
_ACCEPTED = response(HTTPStatus.ACCEPTED, b'{"status":"OK"}')
_EXIT_CHECKS = 200
_EXIT_CHECK_SECONDS = 0.005
_INIT_SECONDS = 10.0
"""Lambda's limit for the init phase; one that takes longer is given the invocation's time too."""


class Worker:
    """A function's process. Everything here runs on the runtime's event loop."""

    def __init__(
        self,
        spec: FunctionSpec,
        surroundings: Surroundings,
        *,
        log: AppendedLog,
        on_idle: Callable[["Worker"], None],
        on_exit: Callable[["Worker", Invocation], None],
    ) -> None:
        self.spec = spec
        self.idle_since = 0.0
        self.ready = False
        self.credentials: Credentials | None = None
        self._surroundings = surroundings
        self._log = log
        self._on_idle = on_idle
        self._on_exit = on_exit
        self._process: subprocess.Popen[bytes] | None = None
        self._next: asyncio.Future[bytes] | None = None
        self._current: tuple[str, asyncio.Future[Invocation]] | None = None
        self._init_failure: Invocation | None = None
        self._init_ms = 0.0
        self._connections: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the process waits for an invocation; one that has just died no longer does."""
        return self._next is not None and not self._next.done()

    @property
    def process_id(self) -> int | None:
        """The process, which leads a group of its own; None before it has started."""
        return self._process.pid if self._process else None

    async def start(self, credentials: Credentials) -> None:
        """Start the process; `on_idle` is called whenever it asks for an invocation, `on_exit` once it has ended."""
        self.credentials = credentials
        self._started = time.perf_counter()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self._output = OutputPipe(self._log)
        try:
            # A session of its own: Ctrl-C in the terminal is ours to handle, and what the function starts ends with it.
            self._process = subprocess.Popen(  # noqa: ASYNC220  (asyncio's way needs a thread for each process)
                self._surroundings.command(self.spec),
                env=dict(self._surroundings.variables(self.spec, credentials, f"{host}:{port}", log_stream)),
                cwd=self.spec.package,
                stdin=subprocess.DEVNULL,
                stdout=self._output.writing,
                stderr=self._output.writing,
                start_new_session=True,
            )
        except OSError:
            self._output.close()
            self._server.close()
            raise
        finally:
            self._output.close_writing()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._output.reading, self._read_output)
        loop.call_later(_INIT_SECONDS + self.spec.timeout_seconds, self._check_init)

    async def run(self, payload: bytes, alias: str = "") -> Invocation:
        """Hand an invocation to the waiting process and wait for how it ends; a timeout ends the process.

        Args:
            payload: the event, JSON.
            alias: the one by which the function was invoked; empty for none.
        """
        request_id = str(uuid.uuid4())
        if self._next is None or self._next.done():
            # It has ended since it was chosen.
            message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
            return failure(request_id, "Runtime.ExitError", message)
        done: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._current = (request_id, done)
        self._log.write(f"START RequestId: {request_id} Version: $LATEST\n".encode())
        started = time.perf_counter()
        self._next.set_result(self._invocation_message(request_id, payload, alias))
        self._next = None
        try:
            async with asyncio.timeout(self.spec.timeout_seconds):
                result = await done
        except TimeoutError:
            result = self._time_out(request_id)
        self._current = None
        self._report(request_id, (time.perf_counter() - started) * 1000)
        return result

    def kill(self) -> None:
        """End the process and whatever it started; safe to repeat."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._end(self._process)

    async def close(self) -> None:
        """End the process and wait until nothing is left of it."""
        self.kill()
        if self._ending:
            await self._ending

    def _invocation_message(self, request_id: str, payload: bytes, alias: str) -> bytes:
        deadline_ms = int((time.time() + self.spec.timeout_seconds) * 1000)
        return response(
            HTTPStatus.OK,
            payload,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": self._surroundings.function_arn(self.spec, alias),
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()};Sampled=0",
            },
        )

    def _time_out(self, request_id: str) -> Invocation:
        seconds = f"{self.spec.timeout_seconds:.2f}"
        self._log.write(f"{_now()} {request_id} Task timed out after {seconds} seconds\n".encode())
        self.kill()
        return failure(
            request_id, "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds} seconds"
        )

    def _report(self, request_id: str, milliseconds: float) -> None:
        self._output.drain()
        self._output.flush()
        init, self._init_ms = self._init_ms, 0.0
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {milliseconds:.2f} ms",
            f"Billed Duration: {int(milliseconds) + 1} ms",
            f"Memory Size: {self.spec.memory_mb} MB",
            *([f"Init Duration: {init:.2f} ms"] if init else []),
        ]
        self._log.write(f"END RequestId: {request_id}\n{chr(9).join(fields)}\n".encode())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            while (request := await read_request(reader)) is not None:
                writer.write(await self._answer(request))
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request) -> bytes:
        match request.method, request.path.removeprefix(_API).strip("/").split("/"):
            case "GET", ["invocation", "next"]:
                return await self._wait_for_invocation()
            case "POST", ["invocation", request_id, "response"]:
                return self._finish(request_id, request.body, error=False)
            case "POST", ["invocation", request_id, "error"]:
                return self._finish(request_id, request.body, error=True)
            case "POST", ["init", "error"]:
                self._init_failure = Invocation(payload=request.body, function_error="Unhandled", request_id="")
                return _ACCEPTED
            case _:
                return response(HTTPStatus.NOT_FOUND, b'{"errorType":"NotFound","errorMessage":"no such call"}')

    async def _wait_for_invocation(self) -> bytes:
        if not self.ready:
            self.ready = True
            self._init_ms = (time.perf_counter() - self._started) * 1000
        waiting = self._next = asyncio.get_running_loop().create_future()
        self.idle_since = time.monotonic()
        self._on_idle(self)
        return await waiting

    def _finish(self, request_id: str, body: bytes, *, error: bool) -> bytes:
        if self._current is None or self._current[0] != request_id or self._current[1].done():
            return response(HTTPStatus.BAD_REQUEST, b'{"errorType":"InvalidRequestID","errorMessage":"not running"}')
        done = self._current[1]
        if len(body) > MAXIMUM_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAXIMUM_RESPONSE_BYTES} bytes)."
            done.set_result(failure(request_id, "Function.ResponseSizeTooLarge", message))
            refusal = {"errorType": "RequestEntityTooLarge", "errorMessage": message}
            return response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, json.dumps(refusal).encode())
        done.set_result(Invocation(payload=body, function_error="Unhandled" if error else None, request_id=request_id))
        return _ACCEPTED

    def _check_init(self) -> None:
        if not self.ready and self._ending is None:
            self._init_failure = failure("", "Sandbox.Timedout", "Error: Task timed out while its module was imported")
            self.kill()

    def _read_output(self) -> None:
        if not self._output.drain() and self._process is not None:
            self._end(self._process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if self._ending is None:
            asyncio.get_running_loop().remove_reader(self._output.reading)
            self._ending = asyncio.create_task(self._clean_up(process))

    async def _clean_up(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(_EXIT_CHECKS):
            if process.poll() is not None:
                break
            await asyncio.sleep(_EXIT_CHECK_SECONDS)
        else:
            # It closed its output and lives on: not what a function's process does.
            process.kill()
            process.wait()
        self._output.drain()
        self._output.close()
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        request_id, done = self._current or ("", None)
        message = f"RequestId: {request_id} Error: {_how_it_ended(process.returncode)}"
        reason = self._init_failure or failure(request_id, "Runtime.ExitError", message)
        if done and not done.done():
            done.set_result(reason)
        self._on_exit(self, reason)


def _how_it_ended(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {signal.Signals(-status).name}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

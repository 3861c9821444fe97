"""ministack as a child process: DynamoDB, S3, SQS, SNS, KMS, IAM and STS on the loopback interface."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from embedded_aws.ministack.plain_answers import plain_session
from embedded_aws.specs import HOST

GUARDED = "embedded_aws.ministack.guarded_app:app"
ANSWERS = "embedded_aws.one_write:OneWriteProtocol"
ACCOUNT_ID = "000000000000"
"""The account that ministack gives to an administrator's key."""
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}, max_pool_connections=50)
_START_SECONDS = 60
_IDLE_SECONDS = 75
"""For which a connection is kept, as ministack's own server does."""
_STOP_SECONDS = 5
_TRIES = 3
_TAIL_LINES = 20
_PLAIN_STREAMS = "dynamodbstreams, as it answers"


class ServerError(RuntimeError):
    """The server did not start, or did not answer."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class MinistackServer:
    """A ministack of our own, for one block of code.

    All of its files are in `folder`, its state is in memory. With `enforce_iam` it evaluates the policies of users and
    roles; the administrator's key is the account's root, which may do everything.
    """

    def __init__(self, folder: Path, *, region: str = "us-east-2", enforce_iam: bool = False) -> None:
        self.region = region
        self.credentials = Credentials(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))
        self._folder = folder
        self._enforce_iam = enforce_iam
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        # The type stubs know a part of the services only. One session reads each service's description once.
        self._session: Any = boto3.session.Session()
        self._clients: dict[str, Any] = {}

    @property
    def endpoint_url(self) -> str:
        """Where all services answer."""
        return f"http://{HOST}:{self._port}"

    @property
    def log_file(self) -> Path:
        """What the server printed."""
        return self._folder / "ministack.log"

    @property
    def process_id(self) -> int:
        """The server's process, which leads a group of its own.

        Raises:
            ServerError: it is not running.
        """
        if self._process is None:
            raise ServerError("ministack is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServerError: it ended or did not answer; the message holds the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clients.clear()
        for attempt in range(_TRIES):
            self._port = free_port()
            self._process = self._launch()
            if self._wait():
                return
            self.stop()
            # Someone may have taken the port between our look and its start; nothing else is worth another try.
            if "already in use" not in self._log_tail() or attempt == _TRIES - 1:
                raise ServerError(f"ministack did not start:\n{self._log_tail()}")

    def check(self) -> None:
        """Check that the server runs.

        Raises:
            ServerError: it ended by itself, and what was stored is gone; the message holds the end of its log.
        """
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ServerError(
                f"ministack ended with {code}, what it stored is gone; end of its log:\n{self._log_tail()}"
            )

    def stop(self) -> None:
        """End the server and what it started; safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.terminate()
            process.wait(_STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        for entry in ("home", "tmp"):
            shutil.rmtree(self._folder / entry, ignore_errors=True)

    def reset(self) -> None:
        """Forget everything that was stored, and the administrator's clients: with them, what was registered on them.

        Raises:
            ServerError: the server does not answer.
        """
        if self._request("POST", "/_ministack/reset") != HTTPStatus.OK:
            raise ServerError("ministack could not be reset")
        self._clients.clear()

    def client(self, service: str, credentials: Credentials | None = None) -> Any:  # noqa: ANN401  (any service's client)
        """Return the administrator's boto3 client, the same until `reset`; for other credentials, a new one."""
        if credentials is not None:
            return self._make_client(service, credentials)
        if service not in self._clients:
            self._clients[service] = self._make_client(service, self.credentials)
        return self._clients[service]

    def streams(self) -> Any:  # noqa: ANN401  (a client of DynamoDB Streams with other answers than boto3's)
        """Return the administrator's client of DynamoDB Streams, the same until `reset`, with `plain_answers`."""
        if _PLAIN_STREAMS not in self._clients:
            self._clients[_PLAIN_STREAMS] = self._make_client("dynamodbstreams", self.credentials, plain_session())
        return self._clients[_PLAIN_STREAMS]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_client(self, service: str, credentials: Credentials, session: Any = None) -> Any:  # noqa: ANN401  (any service's client)
        return (session or self._session).client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
            config=CLIENT_CONFIG,
        )

    def _launch(self) -> subprocess.Popen[bytes]:
        for entry in ("home", "tmp"):
            (self._folder / entry).mkdir(exist_ok=True)
        environment = {
            "PATH": os.defpath,
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": self.region,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AUTH": "true" if self._enforce_iam else "false",
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
        }
        with self.log_file.open("wb") as log:
            return subprocess.Popen(
                # ministack's own server parses HTTP in Python, which takes as long as all the rest.
                [
                    *(sys.executable, "-m", "embedded_aws.child_guard", "uvicorn", GUARDED),
                    *("--host", HOST, "--port", str(self._port), "--timeout-keep-alive", str(_IDLE_SECONDS)),
                    *("--http", ANSWERS, "--no-proxy-headers", "--no-date-header", "--no-server-header"),
                    *("--no-access-log", "--log-level", "warning"),
                ],
                env=environment,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for us to handle: we still need the server while we leave.
                start_new_session=True,
            )

    def _wait(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ServerError):
                if self._request("GET", "/_ministack/ready") == HTTPStatus.OK:
                    return True
            time.sleep(0.02)
        return False

    def _request(self, method: str, path: str) -> int:
        connection = HTTPConnection(HOST, self._port, timeout=30)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException) as error:
            raise ServerError("ministack does not answer") from error
        else:
            return response.status
        finally:
            connection.close()

    def _log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

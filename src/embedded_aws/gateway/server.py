"""The gateway: plays one stage of a REST API of API Gateway on the loopback interface."""

import socket
import threading
import time
from pathlib import Path

import uvicorn

from embedded_aws.gateway.app import StageApp
from embedded_aws.log_file import AppendedLog
from embedded_aws.one_write import OneWriteProtocol
from embedded_aws.runtime.invocations import AwaitedInvoke
from embedded_aws.specs import HOST, GatewaySpec, KnownCredentials

_BACKLOG = 1024
_CLOSE_SECONDS = 1
_START_CHECK_SECONDS = 0.005


class Gateway:
    """Serves a stage over HTTP.

    Args:
        spec: The stage.
        invoke: Invokes functions.
        credentials: Gives the credentials with an access key id: who may sign requests.
        folder: For the access log.
        port: 0 takes a free one.

    Raises:
        jsonschema.SchemaError: A request model is no JSON Schema draft 4.
    """

    def __init__(
        self, spec: GatewaySpec, *, invoke: AwaitedInvoke, credentials: KnownCredentials, folder: Path, port: int
    ) -> None:
        self._spec = spec
        self._port = port
        folder.mkdir(parents=True, exist_ok=True)
        self.access_log_file = folder / f"{spec.api_name}-{spec.stage}.access.log"
        """One line for each request, where the stage has a format for it."""
        self._access_log = AppendedLog(self.access_log_file) if spec.access_log_format else None
        app = StageApp(
            spec,
            invoke=invoke,
            credentials=credentials,
            access_log=self._access_log,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=OneWriteProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                proxy_headers=False,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_CLOSE_SECONDS,
            )
        )
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Begin to serve.

        Returns:
            The stage's invoke URL, without a slash at the end.

        Raises:
            OSError: The port is taken.
        """
        listening = self._listen()
        port: int = listening.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="gateway", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(_START_CHECK_SECONDS)
        return f"http://{HOST}:{port}/{self._spec.stage}"

    def _listen(self) -> socket.socket:
        # The protocol is named, since asyncio turns Nagle's algorithm off for none but sockets that name it: without
        # that every answer waits 40 ms for the client's delayed acknowledgement.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((HOST, self._port))
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
        return listening

    def close(self) -> None:
        """Stop serving; requests in flight get a second to end. Safe to repeat."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        if self._access_log is not None:
            self._access_log.close()

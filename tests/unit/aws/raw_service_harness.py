"""A service that answers with bytes as they are, so that it can break the protocol at any place."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

Script: TypeAlias = Callable[[int, str, bytes], Sequence[bytes]]
"""Gets the number of the connection, the first line and the body of a request, and returns what is sent, piece by
piece; an empty piece ends the connection."""


class RawService:
    """The server."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        """Listen, and answer by the script; over TLS where there is something to show for it."""
        self.script = script
        self._tls = tls
        self.connections = 0
        self.ended = threading.Semaphore(0)
        """Is released for each connection that the service has closed."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        # A thread that waits for one is not woken by closing alone.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(accepted, self.connections), daemon=True).start()

    def _serve(self, accepted: socket.socket, number: int) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            accepted = self._tls.wrap_socket(accepted, server_side=True)
        with suppress(OSError), accepted, accepted.makefile("rb") as incoming:
            while (request := _read_request(incoming)) and self._answer(accepted, number, request):
                pass
        self.ended.release()

    def _answer(self, accepted: socket.socket, number: int, request: tuple[str, bytes]) -> bool:
        """Send what the script says; return whether the connection goes on."""
        for piece in self.script(number, *request):
            if not piece:
                return False
            accepted.sendall(piece)
        return True


def _read_request(incoming: Any) -> tuple[str, bytes] | None:
    first, length = incoming.readline().decode().strip(), 0
    while first and (line := incoming.readline().strip()):
        name, _, value = line.partition(b": ")
        length = int(value) if name == b"content-length" else length
    return (first, incoming.read(length)) if first else None


@contextmanager
def raw_service(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[RawService]:
    """Run it."""
    service = RawService(script, tls)
    try:
        yield service
    finally:
        service.close()

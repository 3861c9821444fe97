"""How HTTP answers leave: headers and body in one piece, whole, and in their order."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvicorn
from uvicorn.server import ServerState

from embedded_aws.one_write import OneWriteProtocol

Message = dict[str, object]
Send = Callable[[Message], Awaitable[None]]


class Wire(asyncio.Transport):
    """A connection that notes what is written to it."""

    def __init__(self) -> None:
        super().__init__({"socket": socket.socket()})
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        """Read on: a test sends little."""

    def resume_reading(self) -> None:
        """Read on: a test sends little."""


async def app(scope: Message, _receive: object, send: Send) -> None:
    """Answer with the path, in as many pieces as it has letters, and a turn of the loop between two."""
    pieces = str(scope["path"]).strip("/").encode()
    headers = [(b"content-length", str(len(pieces)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(len(pieces)):
        if number:
            await asyncio.sleep(0)
        more = number + 1 < len(pieces)
        await send({"type": "http.response.body", "body": pieces[number : number + 1], "more_body": more})


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.get_extra_info("socket").close()


async def _sent(wire: Wire, *requests: bytes) -> None:
    config = uvicorn.Config(app, log_config=None, server_header=False, date_header=False, proxy_headers=False)
    config.load()
    protocol = OneWriteProtocol(config, ServerState(), {})
    protocol.connection_made(wire)
    for request in requests:
        protocol.data_received(request)
        for _ in range(20):
            await asyncio.sleep(0)
    protocol.connection_lost(None)


def _request(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET /{path} HTTP/1.1", "host: a", *headers, "", ""]).encode()


def test_headers_and_body_are_one_write(wire: Wire) -> None:
    asyncio.run(_sent(wire, _request("a"), _request("b")))
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + body for body in (b"a", b"b")]


def test_what_comes_later_is_written_later(wire: Wire) -> None:
    asyncio.run(_sent(wire, _request("abc")))
    assert wire.writes[1:] == [b"b", b"c"]
    assert wire.writes[0].endswith(b"\r\n\r\na")


def test_an_answer_is_whole_before_its_connection_closes(wire: Wire) -> None:
    asyncio.run(_sent(wire, _request("a", "connection: close")))
    assert wire.is_closed
    assert len(wire.writes) == 1
    assert wire.writes[0].endswith(b"\r\n\r\na")

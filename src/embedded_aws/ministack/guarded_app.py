"""ministack for programs of this machine alone: a web page that somebody looks at is refused.

ministack answers any origin, asks for no signature unless it is told to, and can run code that it is sent. A page can
reach a server on 127.0.0.1, by its address or by a name of its own that leads there.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast

from ministack import app as ministack

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_FUNCTIONS: Final = "/2015-03-31/functions"
_OF_BROWSERS: Final = {b"origin", b"sec-fetch-site"}
"""Headers that browsers send with what a page asks for, and no page can leave out."""
_OWN_NAMES: Final = {b"127.0.0.1", b"localhost"}
"""Names of this machine. Any port will do, since proxies stand before ministack; a page's own name is none of them."""

_unguarded = cast("Callable[[_Message, _Receive, _Send], Awaitable[None]]", ministack.app)  # pyright: ignore[reportUnknownMemberType]  (it has no types)


async def app(scope: _Message, receive: _Receive, send: _Send) -> None:
    """Answer as ministack does, or refuse."""
    if scope["type"] == "http" and (_is_of_page(dict(scope["headers"])) or _is_code(scope["method"], scope["path"])):
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": HTTPStatus.FORBIDDEN, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await _unguarded(scope, receive, send)


def _is_of_page(headers: dict[bytes, bytes]) -> bool:
    name = headers.get(b"host", b"").partition(b":")[0]
    return name not in _OWN_NAMES or not _OF_BROWSERS.isdisjoint(headers)


def _is_code(method: str, path: str) -> bool:
    """Return whether ministack would take functions, or run them: those of the system run in processes of their own."""
    return method != "GET" and _FUNCTIONS in path

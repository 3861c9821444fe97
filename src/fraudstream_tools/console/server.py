"""Serves the console on 127.0.0.1 until Ctrl-C."""

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from fraudstream_tools.console.app import make_app
from fraudstream_tools.console.sessions import ConsoleSession
from fraudstream_tools.console.system import ConsoleSystem

HOST = "127.0.0.1"


def serve(system: ConsoleSystem, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve the console until Ctrl-C.

    Args:
        system: the fraudstream that it shows.
        port: 0 takes a free one.
        on_ready: is given the link that begins the session.

    Raises:
        OSError: the port is taken.
    """
    with socket.create_server((HOST, port)) as listening:
        session = ConsoleSession(port=listening.getsockname()[1])
        # Addresses hold the link's token and ids of transactions: nothing is logged of them.
        config = uvicorn.Config(
            make_app(system, session),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
        )
        on_ready(session.url)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])

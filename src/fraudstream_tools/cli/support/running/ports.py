"""The port that a command serves at."""

import socket

from fraudstream_tools.cli.support.terminal.output import CommandError


def refuse_taken(port: int) -> None:
    """Refuse a port of 127.0.0.1 that another program has, or that may not be used.

    Args:
        port: what `--port` names.

    Raises:
        CommandError: it cannot be had.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: what a stopped one left waiting is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"--port {port}: {error.strerror}; stop the program that has it, or give another port"
            ) from None

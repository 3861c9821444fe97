"""Ports of gateways, which are named in a deployment's outputs before anybody listens on them."""

import socket
from types import TracebackType
from typing import Self

from embedded_aws.pulumi_program import DeploymentError
from embedded_aws.specs import HOST


class GatewayPorts:
    """Keeps free ports for gateways that are to come, so that the system gives them to no connection meanwhile."""

    def __init__(self, asked: int | None = None) -> None:
        """Prepare to keep ports.

        Args:
            asked: the port that somebody asked for; None: any free one.
        """
        self._asked = asked
        self._held: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        """Keep the port that was asked for.

        Raises:
            DeploymentError: somebody has it.
        """
        if self._asked is not None:
            self._hold(self._asked)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop keeping what was not given."""
        for port in list(self._held):
            self.give(port)

    def reserve(self) -> int:
        """Return a port that is kept."""
        return self._hold(0) if self._asked is None else self._asked

    def give(self, port: int) -> None:
        """Stop keeping a port, for who listens on it next; one that was not kept is none of ours."""
        if holder := self._held.pop(port, None):
            holder.close()

    def _hold(self, port: int) -> int:
        holder = socket.socket()
        # What a connection of somebody who has ended leaves behind is not in the way.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, port))
        except OSError as error:
            holder.close()
            raise DeploymentError(f"port {port} of {HOST}: {error.strerror}") from error
        held: int = holder.getsockname()[1]
        self._held[held] = holder
        return held

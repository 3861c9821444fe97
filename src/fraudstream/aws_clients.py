"""How the functions' clients of AWS are configured."""

from typing import Final

from botocore.config import Config

_CONNECT_SECONDS: Final = 1
_ATTEMPTS: Final = 3


def client_config(*, read_seconds: float, connections: int = 10) -> Config:
    """Return the configuration of a client: short timeouts, three attempts with backoff, kept connections.

    Args:
        read_seconds: how long a call may wait for its answer.
        connections: calls that may run side by side.
    """
    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=connections,
        tcp_keepalive=True,
    )

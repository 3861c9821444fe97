"""How the functions' clients of AWS are configured."""

from typing import Final

from botocore.config import Config

_CONNECT_SECONDS: Final = 1
_ATTEMPTS: Final = 3


def client_config(
    *,
    read_seconds: float,
    connect_seconds: float = _CONNECT_SECONDS,
    attempts: int = _ATTEMPTS,
    connections: int = 10,
    is_lean: bool = False,
) -> Config:
    """Return the configuration of a client: short timeouts, few attempts with backoff, kept connections.

    Args:
        read_seconds: how long a call may wait for its answer.
        connect_seconds: how long it may wait for a connection.
        attempts: how often a call is sent at most.
        connections: calls that may run side by side.
        is_lean: whether calls do without what costs a tenth of their processor time: checks of their parameters, which
            AWS repeats, and a description of this machine for AWS's statistics, put together each time.
    """
    return Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
        tcp_keepalive=True,
        parameter_validation=not is_lean,
        user_agent="fraudstream" if is_lean else None,
    )

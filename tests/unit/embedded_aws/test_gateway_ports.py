"""A gateway's port is kept from when it is named until the gateway listens."""

import socket

import pytest

from embedded_aws.gateway.ports import GatewayPorts
from embedded_aws.pulumi_program import DeploymentError


def is_free(port: int) -> bool:
    """Return whether another socket could have a port, as one has it that connects from it."""
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_a_port_is_nobody_elses_until_it_is_given() -> None:
    with GatewayPorts() as ports:
        first, second = ports.reserve(), ports.reserve()
        assert first != second
        assert not is_free(first)
        ports.give(first)
        assert is_free(first)
        assert not is_free(second)
    assert is_free(second)


def test_the_port_that_was_asked_for_is_kept_from_the_start() -> None:
    with GatewayPorts() as free:
        asked = free.reserve()
        free.give(asked)
        with GatewayPorts(asked) as ports:
            assert not is_free(asked)
            assert ports.reserve() == asked


def test_a_port_that_somebody_has_is_refused_at_once() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(DeploymentError, match=f"port {port} of 127.0.0.1: Address already in use"),
            GatewayPorts(port),
        ):
            pass

"""What the look into the kernel's tables finds: servers that others reach must not pass for ones that they do not."""

import os
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.integration.embedded_aws.process_harness import listening_addresses, needs_proc

pytestmark = needs_proc


@pytest.mark.parametrize(
    ("family", "bound", "address"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "0.0.0.0"),  # noqa: S104  (that it is found)
        (socket.AF_INET6, "::", "::"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_server_is_found_under_the_address_that_it_takes_calls_at(
    family: socket.AddressFamily, bound: str, address: str
) -> None:
    before = listening_addresses(os.getpid())
    if family == socket.AF_INET6 and not Path("/proc/net/tcp6").exists():
        pytest.skip("this machine has no IPv6")
    with socket.create_server((bound, 0), family=family, dualstack_ipv6=family == socket.AF_INET6):
        assert listening_addresses(os.getpid()) == before | {ip_address(address)}

"""Looks into the kernel's tables of processes and sockets (Linux)."""

import contextlib
import os
import struct
import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from tests.waiting_harness import PATIENCE_SECONDS

needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's tables")
LOOPBACK = IPv4Address("127.0.0.1")


def _fields(process_id: int) -> list[str]:
    """A process's state, its parent and so on; nothing where it is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_running(process_id: int) -> bool:
    """Whether there is such a process; one that has ended and was not waited for yet does not count."""
    fields = _fields(process_id)
    return bool(fields) and fields[0] != "Z"


def family(process_id: int) -> set[int]:
    """A process and everything that it has started."""
    fields = {int(entry.name): _fields(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = {process_id}
    while more := {each for each, values in fields.items() if values and int(values[1]) in found} - found:
        found |= more
    return found


def wait_until_gone(process_ids: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive := {each for each in process_ids if is_running(each)}:
        assert time.monotonic() < deadline, f"{len(alive)} processes live on"
        time.sleep(0.05)


def address_of(words: str) -> IPv4Address | IPv6Address:
    """An address as the kernel writes it: words of 32 bits in hexadecimal digits, each in this machine's byte order.

    A socket of both families that is bound to an IPv4 address takes IPv4 alone (Java's do so): it counts as that one.
    """
    parts = [int(words[start : start + 8], 16) for start in range(0, len(words), 8)]
    address = ip_address(struct.pack(f"={len(parts)}I", *parts))
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def listening_addresses(process_id: int) -> set[IPv4Address | IPv6Address]:
    """The addresses that a process listens on, or takes datagrams at."""
    sockets: set[str] = set()
    for entry in Path(f"/proc/{process_id}/fd").iterdir():
        # Files are opened and closed while we look.
        with contextlib.suppress(FileNotFoundError):
            sockets.add(os.readlink(entry))  # noqa: PTH115 (sockets are no paths)
    found: set[IPv4Address | IPv6Address] = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{process_id}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            listening = fields[3] == "0A" or table.startswith("udp")
            if listening and f"socket:[{fields[9]}]" in sockets:
                found.add(address_of(fields[1].split(":")[0]))
    return found

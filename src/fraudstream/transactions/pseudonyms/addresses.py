"""Which network address counts as an entity, and in what form."""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

_HOME_PREFIX: Final = 64
"""An IPv6 network of this length is one customer's: within it the customer chooses addresses at will (RFC 6177)."""

# Not global unicast, by IANA's registries of special-purpose addresses. The ranges for documentation (192.0.2.0/24,
# 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20) and for benchmarks (198.18.0.0/15, 2001:2::/48) are left
# out: examples and simulated worlds use them.
_NOT_GLOBAL_4: Final = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
_PROTOCOLS_6: Final = IPv6Network("2001::/23")
_BENCHMARKS_6: Final = IPv6Network("2001:2::/48")
# Networks whose last 32 bits are an IPv4 address: NAT64 (RFC 6052), and the deprecated IPv4-compatible ones.
_HOLD_IPV4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_LAST_32: Final = 0xFFFFFFFF


def entity_address(text: str) -> str | None:
    """Return the entity that an address stands for: an IPv4 address, or an IPv6 network of 64 bits.

    IPv6 forms that hold an IPv4 address (mapped, NAT64, 6to4, Teredo) are that address.

    Args:
        text: an IPv4 or IPv6 address, in any notation.

    Returns:
        The address or network in its one short notation; None if it is not a global unicast address, and so belongs to
        nobody in particular.

    Raises:
        ValueError: the text is no address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, IPv6Address):
        inner = _held_ipv4(address)
        if inner is None:
            return str(IPv6Network((int(address), _HOME_PREFIX), strict=False)) if _is_global(address) else None
        address = inner
    return None if any(address in network for network in _NOT_GLOBAL_4) else str(address)


def _held_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _HOLD_IPV4):
        return IPv4Address(int(address) & _LAST_32)
    return address.ipv4_mapped or address.sixtofour


def _is_global(address: IPv6Address) -> bool:
    return address in _GLOBAL_6 and (address not in _PROTOCOLS_6 or address in _BENCHMARKS_6)

"""Erlang's formulas (Brockmeyer, Halstrøm, Jensen: The Life and Works of A. K. Erlang, 1948)."""


def erlang_b(load: float, servers: int) -> float:
    """Return the share of arrivals that find all servers busy and are refused.

    It holds for Poisson arrivals, however service times are distributed.

    Args:
        load: arrivals a second times mean seconds of service (erlangs).
        servers: how many there are.
    """
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def servers_for(load: float, refused: float) -> int:
    """Return the fewest servers that refuse no more than a share of arrivals."""
    blocked, number = 1.0, 0
    while blocked > refused:
        number += 1
        blocked = load * blocked / (number + load * blocked)
    return number

"""Who notices a fraud, and when: analysts at once, customers within days, chargebacks after weeks, or nobody ever.

Shares and delays are our own: those of a bank differ, and change. Delays are drawn from lognormal distributions.
"""

from collections.abc import Mapping
from math import log
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.durations import DAY, HOUR
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.lab.world.drafts import Draft
from fraudstream_tools.lab.world.population import chance

NOBODY: Final = "nobody"


class Report(NamedTuple):
    """A label as somebody gives it."""

    label: Truth
    source: str
    labeled_at: int
    """Epoch milliseconds."""


_ROBBED: Mapping[str, float] = MappingProxyType({"customer": 0.45, "chargeback": 0.35, "analyst": 0.12, NOBODY: 0.08})
"""Somebody misses money: shares of who says so first."""
_NO_LOSS: Mapping[str, float] = MappingProxyType({"analyst": 0.5, NOBODY: 0.5})
"""The issuer declined it, or nobody's money was taken: only who looks for it finds it."""
_WITHOUT_VICTIM: Final = frozenset({"structuring", "money_mule", "refund_abuse"})
_MEDIAN_DELAYS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"analyst": (4 * HOUR, 0.8), "customer": (1.5 * DAY, 0.8), "chargeback": (25 * DAY, 0.4)}
)
"""Median in milliseconds, and standard deviation of the logarithm."""
_CHECKED_TRAPS: Final = 0.5
_CHECKED_ORDINARY: Final = 0.003
"""Shares of honest transactions that an analyst looks at and finds in order."""


def report(rng: Random, draft: Draft) -> Report | None:
    """Return who labels a transaction, and when; None if nobody ever does."""
    if not draft.is_fraud:
        if chance(rng, _CHECKED_TRAPS if draft.trap else _CHECKED_ORDINARY):
            return Report(Truth.LEGITIMATE, "analyst", draft.at + _delay(rng, "analyst"))
        return None
    lossless = draft.fields["authorizationResult"] == "DECLINED" or draft.episode in _WITHOUT_VICTIM
    shares = _NO_LOSS if lossless else _ROBBED
    source = rng.choices(list(shares), list(shares.values()))[0]
    return None if source == NOBODY else Report(Truth.FRAUD, source, draft.at + _delay(rng, source))


def _delay(rng: Random, source: str) -> int:
    median, deviation = _MEDIAN_DELAYS[source]
    return round(rng.lognormvariate(log(median), deviation))

"""The world of the Fraud Detection Handbook: customers, terminals and three ways of fraud on a square of 100 by 100.

Written from the description in chapter 3 of the handbook (Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine
Learning for Credit Card Fraud Detection, 2022). All numbers that no setting names are the handbook's. Published
detectors are measured on such a world, so others can be measured on more of them: other seeds, sizes and habits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fraudstream.durations import SECONDS_A_DAY

START: Final = datetime(2018, 4, 1, tzinfo=UTC)
LABEL_DELAY_DAYS: Final = 7
"""Days after which the handbook's bank knows the truth."""

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]

_SIDE: Final = 100.0
_LARGE_CENTS: Final = 22_000
_TERMINALS_A_DAY: Final = 2
_CUSTOMERS_A_DAY: Final = 3
_LEAKED_SHARE: Final = 3
"""One in so many transactions with a leaked card number is the thief's."""
_LEAKED_FACTOR: Final = 5
_NOON: Final = SECONDS_A_DAY / 2
_TIME_SPREAD: Final = 20_000
"""Standard deviation of the time of day, seconds."""


@dataclass(frozen=True, kw_only=True)
class HandbookSettings:
    """What makes one such world differ from another; the defaults are the handbook's."""

    seed: int = 0
    start: datetime = START
    customers: int = 5000
    terminals: int = 10_000
    days: int = 183
    radius: float = 5.0
    """How far from home a customer uses terminals."""
    spending: float = 1.0
    """Factor on what customers usually spend."""
    activity: float = 1.0
    """Factor on how often they do."""
    shift_day: int = 0
    """Day, from 0, from which on both factors hold: later than 0, behaviour changes while the world goes on."""
    compromise_days: int = 28
    """Days for which a compromised terminal stays so."""
    leak_days: int = 14
    """Days for which a leaked card number is used."""


@dataclass(frozen=True)
class HandbookWorld:
    """Transactions in order of time, as columns; row n is transaction n."""

    settings: HandbookSettings
    time_seconds: Integers
    """Seconds since the start."""
    customer_id: Integers
    terminal_id: Integers
    amount_cents: Integers
    scenario: Integers
    """0: no fraud; 1: a large amount; 2: a compromised terminal; 3: a leaked card number."""

    @property
    def fraud(self) -> NDArray[np.bool_]:
        """Which of them are fraud."""
        return self.scenario > 0

    def columns(self) -> dict[str, Integers]:
        """Return the table's columns as the handbook's data has them; amounts in cents."""
        return {
            "transaction_id": np.arange(len(self.time_seconds)),
            "time_seconds": self.time_seconds,
            "customer_id": self.customer_id,
            "terminal_id": self.terminal_id,
            "amount_cents": self.amount_cents,
            "fraud": self.fraud.astype(np.int64),
            "scenario": self.scenario,
        }

    def transactions(self) -> Iterator[dict[str, Any]]:
        """Return the transactions as the API takes them: payments in euros at a terminal, one card a customer."""
        start = round(self.settings.start.timestamp() * 1000)
        columns = [each.tolist() for each in (self.time_seconds, self.customer_id, self.terminal_id, self.amount_cents)]
        for number, (seconds, customer, terminal, cents) in enumerate(zip(*columns, strict=True)):
            yield {
                "transactionId": f"handbook-{self.settings.seed}-{number:07}",
                "timestamp": start + seconds * 1000,
                "amountMinor": cents,
                "currency": "EUR",
                "type": "PAYMENT",
                "customerId": f"customer-{customer:05}",
                "cardToken": f"card-{customer:05}",
                "terminalId": f"terminal-{terminal:05}",
                "channel": "POS",
            }

    def truths(self) -> Iterator[dict[str, Any]]:
        """Return the truth about each: frauds are all reported, after the handbook's delay."""
        for transaction, scenario in zip(self.transactions(), self.scenario.tolist(), strict=True):
            row: dict[str, Any] = {"transactionId": transaction["transactionId"], "fraud": scenario > 0}
            if scenario:
                labeled_at = transaction["timestamp"] + LABEL_DELAY_DAYS * SECONDS_A_DAY * 1000
                row |= {"episode": SCENARIOS[scenario], "label": "FRAUD", "source": "bank", "labeledAt": labeled_at}
            yield row


SCENARIOS: Final = {1: "large_amount", 2: "compromised_terminal", 3: "leaked_card"}
"""Names of the three scenarios."""


def make_handbook_world(settings: HandbookSettings) -> HandbookWorld:
    """Simulate; the same settings give the same transactions.

    Raises:
        ValueError: settings that make no world.
    """
    if min(settings.customers, settings.terminals, settings.days) < 1:
        raise ValueError("a world needs at least one customer, one terminal and one day")
    if min(settings.radius, settings.spending, settings.activity) <= 0:
        raise ValueError("radius, spending and activity must be above 0")
    if min(settings.compromise_days, settings.leak_days) < 0:
        raise ValueError("compromise days and leak days must be at least 0")
    rng = np.random.default_rng(settings.seed)
    days, seconds, customers, amounts = _payments(rng, settings)
    terminals = _terminals(rng, settings, customers)
    nearby = terminals >= 0
    order = np.flatnonzero(nearby)[np.argsort((days * SECONDS_A_DAY + seconds)[nearby], kind="stable")]
    times = (days * SECONDS_A_DAY + seconds)[order]
    customers, terminals, cents = customers[order], terminals[order], np.rint(amounts[order] * 100).astype(np.int64)
    scenario = np.where(cents > _LARGE_CENTS, 1, 0)
    _compromise_terminals(rng, settings, scenario, times // SECONDS_A_DAY, terminals)
    _leak_cards(rng, settings, scenario, cents, days=times // SECONDS_A_DAY, customers=customers)
    return HandbookWorld(settings, times, customers, terminals, cents, scenario)


def _payments(rng: Generator, settings: HandbookSettings) -> tuple[Integers, Integers, Integers, Numbers]:
    """Return day, second of the day, customer and amount of everybody's payments."""
    usual = rng.uniform(5, 100, settings.customers)
    a_day = rng.uniform(0, 4, settings.customers)
    shifted = np.arange(settings.days) >= settings.shift_day
    rates = np.outer(a_day, np.where(shifted, settings.activity, 1.0))
    counts = rng.poisson(rates)
    customers = np.repeat(np.arange(settings.customers), counts.sum(axis=1))
    days = np.repeat(np.tile(np.arange(settings.days), settings.customers), counts.ravel())
    seconds = rng.normal(_NOON, _TIME_SPREAD, len(days)).astype(np.int64)
    on_that_day = (seconds > 0) & (seconds < SECONDS_A_DAY)
    customers, days, seconds = customers[on_that_day], days[on_that_day], seconds[on_that_day]
    means = usual[customers] * np.where(shifted, settings.spending, 1.0)[days]
    amounts = rng.normal(means, means / 2)
    again = amounts < 0
    amounts[again] = rng.uniform(0, 2 * means[again])
    return days, seconds, customers, np.round(amounts, 2)


def _terminals(rng: Generator, settings: HandbookSettings, customers: Integers) -> Integers:
    """Choose for each payment one of the terminals around the customer's home; -1 where there is none."""
    homes = rng.uniform(0, _SIDE, (settings.customers, 2))
    places = rng.uniform(0, _SIDE, (settings.terminals, 2))
    around = [
        np.flatnonzero(((places - home) ** 2).sum(axis=1) < settings.radius**2).astype(np.int64) for home in homes
    ]
    counts = np.array([len(each) for each in around])
    starts = np.cumsum(counts) - counts
    chosen = starts[customers] + (rng.random(len(customers)) * counts[customers]).astype(np.int64)
    near = np.concatenate(around)
    has_any = counts[customers] > 0
    return np.where(has_any, near[np.minimum(chosen, len(near) - 1)], -1) if len(near) else np.full(len(customers), -1)


def _compromise_terminals(
    rng: Generator, settings: HandbookSettings, scenario: Integers, days: Integers, terminals: Integers
) -> None:
    compromised = np.zeros((settings.terminals, settings.days), dtype=np.bool_)
    for day in range(settings.days):
        chosen = rng.choice(settings.terminals, min(_TERMINALS_A_DAY, settings.terminals), replace=False)
        compromised[chosen, day : day + settings.compromise_days] = True
    scenario[compromised[terminals, days]] = 2


def _leak_cards(
    rng: Generator,
    settings: HandbookSettings,
    scenario: Integers,
    cents: Integers,
    *,
    days: Integers,
    customers: Integers,
) -> None:
    by_customer = np.argsort(customers, kind="stable")
    starts = np.searchsorted(customers[by_customer], np.arange(settings.customers + 1))
    for day in range(settings.days):
        for customer in rng.choice(settings.customers, min(_CUSTOMERS_A_DAY, settings.customers), replace=False):
            own = by_customer[starts[customer] : starts[customer + 1]]
            in_time = own[(days[own] >= day) & (days[own] < day + settings.leak_days)]
            stolen = rng.choice(in_time, len(in_time) // _LEAKED_SHARE, replace=False)
            cents[stolen] *= _LEAKED_FACTOR
            scenario[stolen] = 3

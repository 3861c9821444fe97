"""What clients post and what turns out to be true: few customers in bursts, and merchants that all of them meet."""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.transaction import AuthorizationResult, EntryMode, TransactionType

START: Final = 1_793_600_000_000
"""Epoch milliseconds: a day of November 2026."""
DAY: Final = 86_400_000
LARGEST_DELAY: Final = 6 * 3_600_000
_DECLINED: Final = 0.1
_LATE: Final = 0.05
_STOLEN: Final = 0.2
_FRAUD: Final = 0.03
_FRAUD_OF_STOLEN: Final = 0.7
_TAKEN_BACK: Final = 0.15
_LEGITIMATE: Final = 0.02
"""Shares: of declines, late clients, stolen cards, labels, and labels that are followed by another one."""
_COPIED_CARD: Final = {"amountMinor": 10_000, "entryMode": EntryMode.MAGSTRIPE, "merchantCountry": "VN"}
_KINDS: Final = {
    TransactionType.PAYMENT: 75,
    TransactionType.TRANSFER: 8,
    TransactionType.WITHDRAWAL: 5,
    TransactionType.DEPOSIT: 4,
    TransactionType.REFUND: 8,
}


class Post(NamedTuple):
    """One call of a client."""

    request: TransactionRequest
    received_at: int
    """Epoch milliseconds."""


class KnownTruth(NamedTuple):
    """What somebody says of a transaction."""

    transaction_id: str
    label: str
    labeled_at: int


class Workload:
    """Transactions of a time in which each customer has about fifty of them."""

    def __init__(
        self,
        chance: random.Random,
        transactions: int,
        days: float = 12,
        *,
        start: int = START,
        name: str = "t",
        untimed: float = 0,
        copied: float = 0,
    ) -> None:
        """Set how many there are.

        Args:
            chance: draws everything.
            transactions: how many.
            days: over which they are spread.
            start: of the first day, epoch milliseconds.
            name: what all ids begin with.
            untimed: share of the transactions that do not say when they happened: the time of receipt stands for it.
            copied: share of the transactions that are withdrawals abroad by a copy of a card: a rule that ships flags
                each, whatever else has come by then.
        """
        self._untimed = untimed
        self._copied = copied
        self._truth_seed = chance.getrandbits(32)
        self._asked = 0
        self._start = start
        self._name = name
        self._chance = chance
        self.number = transactions
        """How many there are."""
        self._pause = days * DAY / transactions
        self._customers = max(transactions // 50, 3)
        self._merchants = max(transactions // 200, 3)
        self.posted: dict[str, list[str]] = {}
        """Ids of what was posted, by customer."""

    def posts(self) -> Iterator[Post]:
        """Return the clients' calls, in order of receipt."""
        at = float(self._start)
        customer, left = 0, 0
        for number in range(self.number):
            if not left:
                # A burst is longer than a ring, every now and then.
                customer = self._chance.randrange(self._customers)
                left = self._chance.choice([1, 1, 1, 2, 3, 14, 25])
            left -= 1
            at += self._chance.expovariate(1 / self._pause) if left == 0 else 50
            yield self._post(f"{self._name}-{number:07d}", f"customer-{customer}", int(at))

    def _post(self, name: str, customer: str, at: int) -> Post:
        chance = self._chance
        self.posted.setdefault(customer, []).append(name)
        copied = bool(self._copied) and chance.random() < self._copied
        kinds = {TransactionType.WITHDRAWAL: 1} if copied else _KINDS
        kind = chance.choices(list(kinds), weights=list(kinds.values()))[0]
        # One merchant in three transactions is the busiest.
        merchant = 0 if chance.random() < 1 / 3 else chance.randrange(self._merchants)
        declined = chance.random() < _DECLINED
        delay = chance.randrange(LARGEST_DELAY) if chance.random() < _LATE else chance.randrange(2_000)
        fields: dict[str, object] = {
            "transactionId": name,
            "timestamp": at - delay,
            "amountMinor": chance.randint(100, 20_000),
            "currency": "EUR",
            "type": kind,
            "customerId": customer,
            "merchantId": f"merchant-{merchant}",
            "deviceId": f"device-of-{customer}-{chance.randrange(2)}",
            "ipAddress": f"198.51.100.{chance.randrange(self._merchants) % 250}",
            "ipCountry": chance.choice(["DE", "DE", "DE", "VN"]),
            "cardCountry": "DE",
        }
        if kind in {TransactionType.PAYMENT, TransactionType.REFUND}:
            fields["cardToken"] = f"card-of-{customer}"
        if kind is TransactionType.REFUND:
            fields["originalTransactionId"] = "t-earlier"
        if kind is TransactionType.WITHDRAWAL:
            fields["terminalId"] = f"terminal-{merchant}"
        if self._untimed and chance.random() < self._untimed:
            del fields["timestamp"]
        if copied:
            fields |= _COPIED_CARD
        if declined:
            fields["authorizationResult"] = AuthorizationResult.DECLINED
            fields["responseCode"] = chance.choice(["05", "51", "91"])
        return Post(msgspec.convert(fields, TransactionRequest), at)

    def truths(self, now: int) -> Iterator[KnownTruth]:
        """Return what is known of the transactions posted so far, in the order in which it is said.

        Args:
            now: epoch milliseconds.
        """
        self._asked += 1
        for customer, names in list(self.posted.items()):
            # A stolen card: all that was paid with it, at once, as a file of chargebacks says it.
            burst = self._truth_of(customer).random() < _STOLEN
            for name in names:
                chance = self._truth_of(name)
                if chance.random() < (_FRAUD_OF_STOLEN if burst else _FRAUD):
                    yield KnownTruth(name, "FRAUD", now)
                    if chance.random() < _TAKEN_BACK:
                        yield KnownTruth(name, "LEGITIMATE", now + 1)
                elif chance.random() < _LEGITIMATE:
                    yield KnownTruth(name, "LEGITIMATE", now)

    def _truth_of(self, name: str) -> random.Random:
        """Return what draws the truth of a customer or transaction: how much was posted by then changes no other's."""
        return random.Random(f"{self._truth_seed} {self._asked} {name}")

"""When strong customer authentication may be left out: two exemptions of Commission Delegated Regulation (EU) 2018/389.

It is advice. The provider decides, keeps the counters, answers for its fraud rate, and has it audited (articles 3
and 19 to 21). Where the text can be read in two ways, the advice is by the stricter one.
"""

from typing import Final, NamedTuple

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.rates import Rates
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.decisions.sca import ScaAdvice, ScaExemption, ScaReason
from fraudstream.transactions.transaction import Authentication, Channel, Transaction, TransactionType

LOW_VALUE: Final = 30
"""Euros, article 16(a)."""
LOW_VALUE_SUM: Final = 100
"""Euros since strong authentication, article 16(b)."""
LOW_VALUE_PAYMENTS: Final = 5
"""Payments since then, article 16(c)."""
BANDS: Final = {
    TransactionType.PAYMENT: ((500, 0.01), (250, 0.06), (100, 0.13)),
    TransactionType.TRANSFER: ((500, 0.005), (250, 0.01), (100, 0.015)),
}
"""Exemption thresholds in euros with their reference fraud rates in per cent: the table in the annex, for remote
card-based payments and remote credit transfers."""
HISTORY: Final = 5
"""Known amounts of the payer, own choice: as the rules that compare with what is usual."""
LOW_RISK_SCORE: Final = 5
"""Own choice, far below what is reviewed. Rules that say nothing score 2."""

_EUROS: Final = "EUR"
_CENTS: Final = 100
_REMOTE: Final = (Channel.ECOMMERCE, Channel.MOBILE)
_JUDGED_WITHOUT: Final = frozenset({"LIST_UNREADABLE", "NO_EXCHANGE_RATE", "PROFILE_DAMAGED", "PROFILE_NEWER"})
_AMOUNTS_KNOWN: Final = NAMES.index("customerAmountCount")


class ScaPolicy(NamedTuple):
    """Who gives the advice, and what the settings tell of its limits."""

    is_issuer: bool
    """The payer's provider; else the payee's, an acquirer."""
    counts_payments: bool
    """The counter of article 16 that was chosen is of payments; else of amounts."""
    card_fraud_rate: float | None = None
    """The provider's own fraud rate of remote card payments, in per cent of their value last quarter; None without."""
    transfer_fraud_rate: float | None = None
    """The provider's own fraud rate of remote transfers, in per cent of their value last quarter; None without."""

    def advise(self, transaction: Transaction, decision: Decision, rates: Rates) -> ScaAdvice:
        """Return what a payment's authentication may be, by its inline decision."""
        if outside := self._outside(transaction):
            return _none(outside)
        euros = _euros(transaction.amount_minor, transaction, rates)
        if euros is None:
            return _none(ScaReason.NO_EXCHANGE_RATE)
        if _is_risky(decision):
            return _none(ScaReason.RISK)
        counter = self._counter(transaction, euros, rates)
        if counter in {ScaReason.COUNTER_KNOWN, ScaReason.ISSUER_COUNTS}:
            return ScaAdvice(exemption=ScaExemption.LOW_VALUE, why=(counter,))
        band = self._band(transaction.type)
        refused = self._refused(transaction, decision, euros, band)
        if refused:
            return _none(counter, refused)
        return ScaAdvice(exemption=ScaExemption.TRA, band=band, why=(ScaReason.LOW_RISK,))

    def _outside(self, transaction: Transaction) -> ScaReason | None:
        """Return why no exemption comes into question, whatever the amount and the risk."""
        match transaction.authentication:
            case Authentication.STRONG:
                return ScaReason.STRONG_APPLIED
            case Authentication.OUT_OF_SCOPE:
                return ScaReason.OUT_OF_SCOPE
            case _:
                pass
        is_transfer = transaction.type is TransactionType.TRANSFER
        is_card = transaction.type is TransactionType.PAYMENT and transaction.card_token is not None
        if transaction.channel not in _REMOTE or not (is_transfer or is_card):
            return ScaReason.NOT_REMOTE
        return ScaReason.PAYERS_PROVIDER_DECIDES if is_transfer and not self.is_issuer else None

    def _counter(self, transaction: Transaction, euros: float, rates: Rates) -> ScaReason:
        if euros > LOW_VALUE:
            return ScaReason.ABOVE_LOW_VALUE
        if self.counts_payments:
            earlier: float | None = transaction.payments_since_strong
            with_this, most = 1 + (earlier or 0), LOW_VALUE_PAYMENTS
        else:
            since = transaction.amount_since_strong_minor
            earlier = None if since is None else _euros(since, transaction, rates)
            with_this, most = euros + (earlier or 0.0), LOW_VALUE_SUM
        if earlier is None:
            return ScaReason.COUNTER_UNKNOWN if self.is_issuer else ScaReason.ISSUER_COUNTS
        return ScaReason.COUNTER_KNOWN if with_this <= most else ScaReason.COUNTER_USED_UP

    def _band(self, kind: TransactionType) -> int | None:
        """Return up to how many euros payments of a type are exempt at the provider's fraud rate; None for none."""
        own = self._rate(kind)
        return next((most for most, rate in BANDS[kind] if own is not None and own <= rate), None)

    def _rate(self, kind: TransactionType) -> float | None:
        return self.transfer_fraud_rate if kind is TransactionType.TRANSFER else self.card_fraud_rate

    def _refused(
        self, transaction: Transaction, decision: Decision, euros: float, band: int | None
    ) -> ScaReason | None:
        """Return why transaction risk analysis does not exempt a payment; None where it does."""
        if self._rate(transaction.type) is None:
            return ScaReason.NO_FRAUD_RATE
        if band is None or euros > band:
            return ScaReason.ABOVE_BAND
        if transaction.ip_country is None and transaction.latitude is None:
            return ScaReason.PLACE_UNKNOWN
        known = unpack(decision.features)[_AMOUNTS_KNOWN]
        return ScaReason.HISTORY_UNKNOWN if (known or 0) < HISTORY else None


def _none(*why: ScaReason) -> ScaAdvice:
    return ScaAdvice(exemption=ScaExemption.NONE, why=why)


def _euros(amount_minor: int, transaction: Transaction, rates: Rates) -> float | None:
    cents = rates.to_minor(amount_minor, transaction.currency, transaction.timestamp, _EUROS)
    return None if cents is None else cents / _CENTS


def _is_risky(decision: Decision) -> bool:
    if decision.decision is not Verdict.APPROVE or decision.score > LOW_RISK_SCORE:
        return True
    return any(reason.points > 0 or reason.code in _JUDGED_WITHOUT for reason in decision.reasons)

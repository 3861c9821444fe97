"""The list of features: their names, their stored forms and what they mean.

A feature speaks of a transaction and of what its entities' profiles knew before it; a feature that needs a field which
the transaction lacks is missing (None). `compute` computes the values, `codec` stores them.

Stored vectors and models live longer than this list. So a feature that a release has stored keeps its form, its meaning
and its order among the features of the same schema. A new one has the next schema in `since`, at any place in the
list. One that is no longer computed stays in the list as `retired`. One whose meaning changes is retired, and declared
again by the same name with the next schema: so older vectors have no value for it, and older models that use it are
refused.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.layout import LAYOUTS

Vector: TypeAlias = tuple[float | None, ...]
"""The values of `FEATURES`, in their order."""


def without_nan(numbers: Iterable[float]) -> list[float | None]:
    """Return numbers as a vector has them: what is stored as not-a-number is missing."""
    return [None if number != number else number for number in numbers]  # noqa: PLR0124  (so is not-a-number alone)


class Form(Enum):
    """How a value is stored."""

    COUNT = "a whole number from 0 to 254"
    SHARE = "a share from 0 to 1, in steps of half a per cent"
    AMOUNT = "a number in single precision"
    COARSE = "a number cut to eight significant bits: less than 0.8 per cent too small, whole ones exact up to 256"


MOST_COUNTED: Final = 254
"""The largest count that is stored: a larger one is stored as this."""
_MOST_OF_FORM: Final[Mapping[Form, float]] = MappingProxyType({Form.COUNT: MOST_COUNTED, Form.SHARE: 1})

FIRST_SCHEMA: Final = 3
"""The first that a release (0.1.0) stored."""


class Feature(NamedTuple):
    """A feature's name, as rules write it, its stored form and its meaning."""

    name: str
    form: Form
    description: str
    since: int = FIRST_SCHEMA
    """The schema that brought it with this meaning."""
    retired: bool = False
    """It is no longer computed; its place in stored vectors stays."""
    most: float | None = None
    """The largest value that is ever computed, where it is less than the form holds."""

    @property
    def maximum(self) -> float | None:
        """The largest value that it can have; None: there is no largest one that anybody would meet."""
        return _MOST_OF_FORM.get(self.form) if self.most is None else self.most


_COUNT, _SHARE, _AMOUNT, _COARSE = Form.COUNT, Form.SHARE, Form.AMOUNT, Form.COARSE
_KNOWN: Final = 4
"""The schema that brought what tells new from unknown, refunds from inventions and rings from families."""
_LINKS: Final = 5
"""The schema that brought counterparties, and how many share what."""
_TRIED: Final = 6
"""The schema that brought how many cards were declined at a merchant."""
_PAID: Final = 7
"""The schema that brought how much moved between a customer and a payee."""
_OF_CUSTOMER, _OF_CARD, _OF_OTHERS = (
    LAYOUTS[kind].ring - 1 for kind in (EntityKind.CUSTOMER, EntityKind.CARD, EntityKind.MERCHANT)
)
"""Earlier events that a ring holds beside the one that is judged."""

DECLARED: Final = (
    Feature("amountBase", _AMOUNT, "the amount in the base currency; missing without an exchange rate"),
    Feature(
        "amountTrailingZeros", _COUNT, "zeros at the end of the amount in whole major units; 0 with a fraction", most=9
    ),
    Feature("localHour", _COUNT, "hour of the day, 0 to 23, in the time zone of the settings", most=23),
    Feature("localWeekday", _COUNT, "day of the week, 0 for Monday, in the time zone of the settings", most=6),
    Feature("arrivalDelaySeconds", _COARSE, "seconds from the transaction's time to its receipt, at least 0"),
    Feature("accountAgeDays", _COARSE, "days since the account was opened"),
    Feature("customerCount1h", _COUNT, "the customer's earlier spending transactions in 1 hour", most=_OF_CUSTOMER),
    Feature("customerCount12h", _COUNT, "the customer's earlier spending transactions in 12 hours", most=_OF_CUSTOMER),
    Feature("customerCount24h", _COUNT, "the customer's earlier spending transactions in 24 hours"),
    Feature("customerCount7d", _COUNT, "the customer's earlier spending transactions in 7 days"),
    Feature("customerCount30d", _COARSE, "the customer's earlier spending transactions in 30 days"),
    Feature("customerSum24h", _AMOUNT, "what the customer spent in 24 hours, declined ones left out"),
    Feature("customerSum7d", _COARSE, "what the customer spent in 7 days, declined ones left out"),
    Feature("customerSum30d", _COARSE, "what the customer spent in 30 days, declined ones left out"),
    Feature("customerDeclines24h", _COUNT, "the customer's declines in 24 hours that are evidence, no outages"),
    Feature("customerRefunds7d", _COUNT, "the customer's earlier refunds in 7 days"),
    Feature("customerRefundSum7d", _COARSE, "their sum"),
    Feature("customerIn24h", _COARSE, "sum of the customer's earlier deposits in 24 hours"),
    Feature("customerOut24h", _COARSE, "sum of the customer's earlier transfers and withdrawals in 24 hours"),
    Feature(
        "customerNearThreshold7d",
        _COUNT,
        "the customer's earlier amounts just under the reporting threshold that stand",
    ),
    Feature("customerAgeDays", _COARSE, "days since the customer's first known transaction"),
    Feature("customerIdleDays", _COARSE, "days since the customer's previous transaction"),
    Feature("customerAmountCount", _COARSE, "how many of the customer's amounts are known"),
    Feature("customerAmountMean", _COARSE, "their mean; missing while there is none"),
    Feature("customerAmountRatio", _COARSE, "this amount as a multiple of that mean"),
    Feature("customerAmountDeviations", _COARSE, "standard deviations of this amount above that mean"),
    Feature("customerPeakRatio14d", _COARSE, "the largest earlier amount in 14 days as a multiple of that mean"),
    Feature("customerHourShare", _SHARE, "share of the customer's earlier transactions within an hour of this hour"),
    Feature("customerDeviceAgeHours", _COARSE, "hours since the customer first used this device; 0 for a new one"),
    Feature("customerCountryAgeHours", _COARSE, "hours since the customer was first in this country; 0 for a new one"),
    Feature(
        "customerPayeeAgeHours", _COARSE, "hours since the customer first paid or was paid by this payee; 0 if new"
    ),
    Feature(
        "customerPayeePeak", _COARSE, "the most that moved before between the customer and this payee; 0 if new", _PAID
    ),
    Feature("customerFrauds30d", _COUNT, "the customer's transactions of the last 30 days known to be fraud"),
    Feature("customerDevicesKnown", _COUNT, "devices that the customer is known to have used before", _KNOWN),
    Feature("customerPayeesKnown", _COUNT, "payees that the customer is known to have paid, or been paid by", _KNOWN),
    Feature("customerRefundRatio", _COARSE, "a refund and earlier ones of its payment, as a multiple of this", _KNOWN),
    Feature(
        "customerDevices7d",
        _COUNT,
        "distinct devices of its newest transactions in 7 days, this one too",
        _LINKS,
        most=_OF_CUSTOMER + 1,
    ),
    Feature("refundSearchedDays", _COARSE, "days back without the payment that a refund names; 0 if found", _LINKS),
    Feature("travelKm", _COARSE, "kilometres from the customer's last known place"),
    Feature("travelHours", _COARSE, "hours since the customer was there"),
    Feature("travelKmPerHour", _COARSE, "the speed that this takes, over at least one second"),
    Feature("cardTravelKmPerHour", _COARSE, "the same from where the card was last, where that is known", _LINKS),
    Feature("cardCount1h", _COUNT, "the card's earlier spending transactions in 1 hour", most=_OF_CARD),
    Feature("cardCount2h", _COUNT, "the card's earlier spending transactions in 2 hours", most=_OF_CARD),
    Feature("cardCount24h", _COUNT, "the card's earlier spending transactions in 24 hours"),
    Feature("cardCount7d", _COUNT, "the card's earlier spending transactions in 7 days"),
    Feature("cardSum24h", _AMOUNT, "what the card spent in 24 hours, declined ones left out"),
    Feature("cardDeclines24h", _COUNT, "the card's declines in 24 hours that are evidence, no outages"),
    Feature("cardDeclines30d", _COUNT, "the card's declines in 30 days that are evidence, no outages"),
    Feature(
        "cardMerchants7d",
        _COUNT,
        "distinct merchants of its newest transactions in 7 days, this one's too",
        most=_OF_CARD + 1,
    ),
    Feature(
        "cardCustomers24h",
        _COUNT,
        "distinct customers of its newest transactions in 24 h, this one's too",
        _LINKS,
        most=_OF_CARD + 1,
    ),
    Feature(
        "cardCustomers7d", _COUNT, "distinct customers of its newest transactions in 7 days", _LINKS, most=_OF_CARD + 1
    ),
    Feature("cardRepeatSeconds", _COARSE, "seconds since the card paid the same amount at the same merchant"),
    Feature("cardFrauds30d", _COUNT, "the card's transactions of the last 30 days known to be fraud"),
    Feature("merchantCount1h", _COARSE, "earlier transactions at the merchant in 1 hour"),
    Feature("merchantCount24h", _COARSE, "earlier transactions at the merchant in 24 hours"),
    Feature("merchantDeclines1h", _COARSE, "declines among those in 1 hour that are evidence, no outages"),
    Feature("merchantDeclineShare1h", _SHARE, "their share; missing while there are no transactions"),
    Feature("merchantAmountRatio", _COARSE, "this amount as a multiple of the merchant's mean"),
    Feature("merchantRefundOtherCard", _COUNT, "1 if a refund takes back the payment of another card", _KNOWN, most=1),
    Feature(
        "merchantDeclinedCards1h",
        _COUNT,
        "distinct cards among the newest of them with a decline that is evidence",
        _TRIED,
        most=_OF_OTHERS,
    ),
    Feature(
        "merchantBinDeclinedCards1h",
        _COUNT,
        "distinct cards of this BIN newly declined there in 1 hour",
        _LINKS,
        most=_OF_OTHERS + 1,
    ),
    Feature("merchantFrauds30d", _COARSE, "transactions at the merchant in 30 days known to be fraud"),
    Feature("merchantFraudShare30d", _SHARE, "share of known frauds in the 30 days before the labels' delay"),
    Feature("terminalCount24h", _COARSE, "earlier transactions at the terminal in 24 hours"),
    Feature("terminalCount7d", _COARSE, "earlier transactions at the terminal in 7 days"),
    Feature("terminalCount30d", _COARSE, "earlier transactions at the terminal in 30 days"),
    Feature("terminalAmountRatio", _COARSE, "this amount as a multiple of the terminal's mean"),
    Feature("terminalFrauds30d", _COUNT, "transactions at the terminal in 30 days known to be fraud"),
    Feature("terminalFraudShare1d", _SHARE, "share of known frauds in the day before the labels' delay"),
    Feature("terminalFraudShare7d", _SHARE, "share of known frauds in the 7 days before the labels' delay"),
    Feature("terminalFraudShare30d", _SHARE, "share of known frauds in the 30 days before the labels' delay"),
    Feature("terminalFraudAgeDays", _COUNT, "days since the newest known fraud at the terminal in 30 days", most=30),
    Feature("terminalFraudSpanDays", _COUNT, "days since the oldest known fraud at the terminal in 30 days", most=30),
    Feature("terminalFraudAmountRatio", _COARSE, "mean of its newest known frauds as a multiple of its amounts' mean"),
    Feature("terminalFraudShareLast1", _SHARE, "1 if the newest one before the labels' delay was fraud, else 0"),
    Feature("terminalFraudShareLast2", _SHARE, "share of known frauds among the newest 2 before the labels' delay"),
    Feature("terminalFraudShareLast5", _SHARE, "share of known frauds among the newest 5 before the labels' delay"),
    Feature("deviceCount1h", _COARSE, "earlier transactions on the device in 1 hour"),
    Feature(
        "deviceDeclinedCards1h",
        _COUNT,
        "distinct cards among the newest of them with a decline that is evidence",
        most=_OF_OTHERS,
    ),
    Feature("deviceDeclineShare1h", _SHARE, "share of such declines among them; missing while there are none"),
    Feature(
        "deviceCustomers24h",
        _COUNT,
        "distinct customers of its newest transactions in 24 hours, this one's too",
        most=_OF_OTHERS + 1,
    ),
    Feature(
        "deviceCustomers7d",
        _COUNT,
        "distinct customers of its newest transactions in 7 days",
        _KNOWN,
        most=_OF_OTHERS + 1,
    ),
    Feature("deviceFrauds30d", _COUNT, "transactions on the device in 30 days known to be fraud"),
    Feature("ipCount1h", _COARSE, "earlier transactions from the address in 1 hour"),
    Feature(
        "ipDeclinedCards1h",
        _COUNT,
        "distinct cards among the newest of them with a decline that is evidence",
        most=_OF_OTHERS,
    ),
    Feature("ipDeclineShare1h", _SHARE, "share of such declines among them; missing while there are none"),
    Feature(
        "ipCustomers24h",
        _COUNT,
        "distinct customers of its newest transactions in 24 h, this one's too",
        _LINKS,
        most=_OF_OTHERS + 1,
    ),
    Feature(
        "ipCustomers7d", _COUNT, "distinct customers of its newest transactions in 7 days", _LINKS, most=_OF_OTHERS + 1
    ),
    Feature("ipFrauds30d", _COUNT, "transactions from the address in 30 days known to be fraud"),
    Feature("counterpartyAgeDays", _COARSE, "days since anybody's first transaction with the counterparty", _LINKS),
    Feature("counterpartyCount30d", _COARSE, "anybody's earlier transactions with it in 30 days", _LINKS),
    Feature(
        "counterpartySenders24h",
        _COUNT,
        "distinct customers of its newest who sent it money in 24 h",
        _LINKS,
        most=_OF_OTHERS + 1,
    ),
    Feature("counterpartySenders7d", _COUNT, "the same in 7 days, this one too", _LINKS, most=_OF_OTHERS + 1),
    Feature(
        "counterpartyNewSenders7d", _COUNT, "those of them who had sent it nothing before", _LINKS, most=_OF_OTHERS + 1
    ),
    Feature("counterpartyIn24h", _COARSE, "what customers sent it before in 24 hours, declined ones left out", _LINKS),
    Feature("counterpartyOut24h", _COARSE, "what it paid customers before in 24 hours", _LINKS),
    Feature("counterpartyFrauds30d", _COUNT, "what was sent to it in 30 days and is known to be fraud", _LINKS),
)
"""All that any release has stored."""
FEATURES: Final = tuple(feature for feature in DECLARED if not feature.retired)
NAMES: Final = tuple(feature.name for feature in FEATURES)
AMOUNT_PLACE: Final = NAMES.index("amountBase")
"""Where a vector has the amount in the base currency."""
SCHEMA: Final = max(feature.since for feature in DECLARED)
"""Version of the list of features."""
MEANINGS: Final[Mapping[str, int]] = MappingProxyType({feature.name: feature.since for feature in FEATURES})
"""The schema that brought each feature with the meaning that it has now: what models are checked by."""
MAXIMA: Final[Mapping[str, float]] = MappingProxyType(
    {feature.name: feature.maximum for feature in FEATURES if feature.maximum is not None}
)
"""The largest value of each feature that has one: no rule needs to ask for more."""

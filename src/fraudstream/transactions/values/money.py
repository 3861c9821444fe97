"""Money: integers of minor units, in a currency that says how many of them make one major unit."""

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation
from types import MappingProxyType

MAX_AMOUNT_MINOR = 999_999_999_999
"""Largest amount of one transaction, in minor units: twelve digits, as ISO 8583 has them (data element 4)."""

_EXACT = Context(prec=50, traps=[Inexact, InvalidOperation])
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED "
    "VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

EXPONENTS: Mapping[str, int] = MappingProxyType(
    {
        code: exponent
        for exponent, codes in ((0, _NO_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS), (4, _FOUR_DECIMALS))
        for code in codes.split()
    }
)
"""Alphabetic code to exponent: `10 ** exponent` minor units make one major unit.

Source: ISO 4217 list one of 2026-01-01, as in iso4217 1.16.20260101. Left out are the codes of that list that have no
minor unit, since nobody pays in them: metals, funds of accounts, testing.
"""


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency's minor unit: 0, 2, 3 or 4.

    Raises:
        ValueError: not a currency of ISO 4217.
    """
    if currency not in EXPONENTS:
        raise ValueError("not a currency of ISO 4217")
    return EXPONENTS[currency]


def to_major(amount_minor: int, currency: str) -> Decimal:
    """Convert minor units to major ones, exactly: 1234 of EUR are 12.34, of JPY 1234, of BHD 1.234.

    Raises:
        ValueError: not a currency of ISO 4217.
    """
    return Decimal(amount_minor).scaleb(-exponent(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Convert major units to minor ones, exactly; nothing is ever rounded.

    Raises:
        ValueError: not a currency of ISO 4217, or no number, or one with more decimals than the currency has.
    """
    digits = exponent(currency)
    try:
        minor = _EXACT.scaleb(amount, digits)
        if minor == _EXACT.to_integral_exact(minor):
            return int(minor)
    except (Inexact, InvalidOperation, OverflowError):
        pass
    raise ValueError(f"an amount in {currency} is a number with at most {digits} decimals")


def format_money(amount_minor: int, currency: str) -> str:
    """Write an amount for people: `1,234.50 EUR`.

    Raises:
        ValueError: not a currency of ISO 4217.
    """
    return f"{to_major(amount_minor, currency):,} {currency}"

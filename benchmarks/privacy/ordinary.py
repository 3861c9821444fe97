"""Ids and numbers that clients send every day, and that nobody should be refused for."""

import base64
import string
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

Ordinary = Callable[[Random], str]
"""Makes one text of a kind."""

_BASE_32: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE_58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_FIRST_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
_EPOCH_OF_TWITTER: Final = 1_288_834_974_657
_EPOCH_OF_DISCORD: Final = 1_420_070_400_000

# Country code, and the first digits and the length of a national mobile or landline number, by the countries' plans.
_PHONES: Final = (
    ("1", ("212", "415", "646", "312"), 10),
    ("49", ("151", "160", "170", "176"), 11),
    ("49", ("1512", "1590", "1523"), 11),
    ("49", ("30", "89", "40"), 10),
    ("44", ("74", "77", "79"), 10),
    ("33", ("6", "7"), 9),
    ("39", ("320", "347", "389"), 10),
    ("34", ("6", "7"), 9),
    ("31", ("6",), 9),
    ("43", ("664", "676", "699"), 11),
    ("41", ("76", "78", "79"), 9),
    ("48", ("50", "60", "79"), 9),
    ("46", ("70", "73", "76"), 9),
    ("90", ("53", "54", "55"), 10),
    ("7", ("903", "916", "926"), 10),
    ("380", ("50", "67", "93"), 9),
    ("91", ("70", "88", "98"), 10),
    ("86", ("136", "158", "189"), 11),
    ("81", ("70", "80", "90"), 10),
    ("82", ("10",), 10),
    ("62", ("811", "812", "878"), 11),
    ("62", ("813", "857"), 12),
    ("63", ("905", "917", "939"), 10),
    ("60", ("11", "12", "19"), 10),
    ("61", ("4",), 9),
    ("66", ("8", "9"), 9),
    ("65", ("8", "9"), 8),
    ("55", ("11", "21", "85"), 11),
    ("52", ("155", "133"), 11),
    ("57", ("300", "310", "320"), 10),
    ("58", ("412", "414"), 10),
    ("54", ("911",), 11),
    ("27", ("6", "7", "8"), 9),
    ("234", ("70", "80", "90"), 10),
    ("254", ("7",), 9),
    ("20", ("10", "11", "12"), 10),
    ("36", ("20", "30", "70"), 9),
)

# Country, and the pattern of what follows the check digits: d digits, l capitals, c either.
_IBANS: Final = (
    ("DE", "d" * 18),
    ("GB", "llll" + "d" * 14),
    ("FR", "d" * 10 + "c" * 11 + "dd"),
    ("ES", "d" * 20),
    ("IT", "l" + "d" * 10 + "c" * 12),
    ("NL", "llll" + "d" * 10),
    ("BE", "d" * 12),
    ("AT", "d" * 16),
    ("CH", "d" * 5 + "c" * 12),
    ("PL", "d" * 24),
    ("PT", "d" * 21),
    ("SE", "d" * 20),
    ("NO", "d" * 11),
    ("SA", "dd" + "c" * 18),
    ("TR", "d" * 5 + "d" + "c" * 16),
)


def _digits(chance: Random, count: int) -> str:
    return f"{chance.randrange(10**count):0{count}}"


def _some(characters: str, count: int) -> Ordinary:
    return lambda chance: "".join(chance.choices(characters, k=count))


def _hexadecimal(characters: int) -> Ordinary:
    return lambda chance: f"{chance.getrandbits(4 * characters):0{characters}x}"


def _milliseconds(chance: Random) -> int:
    return int(_FIRST_DAY.timestamp() * 1000) + chance.randrange(365 * 86_400_000)


def _moment(chance: Random) -> datetime:
    return _FIRST_DAY + timedelta(microseconds=chance.randrange(365 * 86_400 * 10**6))


def _uuid_1(chance: Random) -> str:
    ticks = (_milliseconds(chance) * 10_000 + chance.randrange(10_000)) + 0x01B21DD213814000
    fields = (ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF)
    clock = chance.getrandbits(14)
    return str(uuid.UUID(fields=(*fields, clock >> 8, clock & 0xFF, chance.getrandbits(48)), version=1))


def _uuid_4(chance: Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _uuid_7(chance: Random) -> str:
    bits = _milliseconds(chance) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return str(uuid.UUID(int=bits))


def _ulid(chance: Random) -> str:
    number, text = _milliseconds(chance) << 80 | chance.getrandbits(80), ""
    for _ in range(26):
        number, rest = divmod(number, 32)
        text = _BASE_32[rest] + text
    return text


def _snowflake(epoch: int) -> Ordinary:
    return lambda chance: str(_milliseconds(chance) - epoch << 22 | chance.getrandbits(22))


def _token(size: int) -> Ordinary:
    return lambda chance: base64.urlsafe_b64encode(chance.randbytes(size)).rstrip(b"=").decode()


def _phone(write: Callable[[str, str], str]) -> Ordinary:
    def make(chance: Random) -> str:
        country, starts, length = chance.choice(_PHONES)
        national = chance.choice(starts)
        return write(country, national + _digits(chance, length - len(national)))

    return make


def _order(write: Callable[[Random, datetime], str]) -> Ordinary:
    return lambda chance: write(chance, _moment(chance))


def _iban(chance: Random) -> str:
    country, pattern = chance.choice(_IBANS)
    kinds = {"d": string.digits, "l": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}
    account = "".join(chance.choice(kinds[each]) for each in pattern)
    number = int("".join(str(int(each, 36)) for each in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02}{account}"


def _in_fours(text: str) -> str:
    return " ".join(text[begin : begin + 4] for begin in range(0, len(text), 4))


def _with_check_digit(digits: str) -> str:
    values = [sum(divmod(int(each) * (2 - place % 2), 10)) for place, each in enumerate(reversed(digits))]
    return digits + str(-sum(values) % 10)


def _imei(chance: Random) -> str:
    return chance.choice(("01", "35", "86", "91", "99")) + _digits(chance, 12)


ORDINARY: Final[Mapping[str, Ordinary]] = {
    "UUID, version 1": _uuid_1,
    "UUID, version 4": _uuid_4,
    "UUID, version 7": _uuid_7,
    "UUID, version 4, with more": lambda c: f"txn:{_uuid_4(c)}.retry-1",
    "UUID, version 4, in capitals without dashes": lambda c: _uuid_4(c).replace("-", "").upper(),
    "ULID": _ulid,
    "ObjectId (24 hexadecimal)": _hexadecimal(24),
    "span id (16 hexadecimal)": _hexadecimal(16),
    "MD5": _hexadecimal(32),
    "SHA-1": _hexadecimal(40),
    "SHA-256": _hexadecimal(64),
    "SHA-512": _hexadecimal(128),
    "base64url of 16 bytes": _token(16),
    "base64url of 32 bytes": _token(32),
    "base64url of 64 bytes": _token(64),
    "token of fraudstream": lambda c: "tok_" + _token(16)(c),
    "Base58 of 22": _some(_BASE_58, 22),
    "Nano ID": _some(string.ascii_letters + string.digits + "_-", 21),
    "payment id of a provider": lambda c: "pi_3" + _some(string.ascii_letters + string.digits, 23)(c),
    "snowflake (X)": _snowflake(_EPOCH_OF_TWITTER),
    "snowflake (Discord)": _snowflake(_EPOCH_OF_DISCORD),
    "epoch seconds": lambda c: str(_milliseconds(c) // 1000),
    "epoch milliseconds": lambda c: str(_milliseconds(c)),
    "epoch microseconds": lambda c: str(_milliseconds(c) * 1000 + c.randrange(1000)),
    "epoch nanoseconds": lambda c: str(_milliseconds(c) * 1_000_000 + c.randrange(1_000_000)),
    "epoch seconds with a fraction": lambda c: f"{_milliseconds(c) // 1000}.{_digits(c, 6)}",
    "time, ISO 8601": _order(lambda _chance, at: at.isoformat()),
    "time, ISO 8601 basic": _order(lambda _chance, at: at.strftime("%Y%m%dT%H%M%S.%fZ")),
    "time, ISO 8601 with seven digits": _order(lambda c, at: f"{at.isoformat()}{_digits(c, 1)}+01:00"),
    "time, ISO 8601 with nanoseconds": _order(lambda c, at: at.strftime("%Y-%m-%d %H:%M:%S.%f") + _digits(c, 3)),
    "time, as people write it": _order(lambda _chance, at: at.strftime("%d.%m.%Y %H:%M:%S")),
    "phone number with +": _phone(lambda country, national: f"+{country}{national}"),
    "phone number with +, in groups": _phone(
        lambda country, national: f"+{country} {national[:3]} {national[3:6]}-{national[6:]}"
    ),
    "phone number without +": _phone(lambda country, national: country + national),
    "phone number behind 00": _phone(lambda country, national: f"00{country}{national}"),
    "phone number, national": _phone(lambda _country, national: f"0{national}"),
    "order YYMMDDhhmmss####": _order(lambda c, at: at.strftime("%y%m%d%H%M%S") + _digits(c, 4)),
    "order YYYYMMDDhhmmss####": _order(lambda c, at: at.strftime("%Y%m%d%H%M%S") + _digits(c, 4)),
    "order YYYYMMDDhhmmss######": _order(lambda c, at: at.strftime("%Y%m%d%H%M%S") + _digits(c, 6)),
    "order YYYYMMDD########": _order(lambda c, at: at.strftime("%Y%m%d") + _digits(c, 8)),
    "version and time of a build": _order(
        lambda c, at: f"v{c.randrange(40)}.{c.randrange(60)}.{c.randrange(60)}+{at:%Y%m%d%H%M%S}"
    ),
    "order ORD-YYYYMMDD-######": _order(lambda c, at: at.strftime("ORD-%Y%m%d-") + _digits(c, 6)),
    "order YYMMDD-hhmmss-####": _order(lambda c, at: at.strftime("%y%m%d-%H%M%S-") + _digits(c, 4)),
    "order YYYY-MM-DD-########": _order(lambda c, at: at.strftime("%Y-%m-%d-") + _digits(c, 8)),
    "order DD-MM-YYYY-########": _order(lambda c, at: at.strftime("%d-%m-%Y-") + _digits(c, 8)),
    "order 3-7-7": lambda c: f"{_digits(c, 3)}-{_digits(c, 7)}-{_digits(c, 7)}",
    "order of ten digits": lambda c: _digits(c, 10),
    "order of thirteen digits": lambda c: _digits(c, 13),
    "IBAN": _iban,
    "IBAN in fours": lambda c: _in_fours(_iban(c)),
    "IMEI": lambda c: _with_check_digit(_imei(c)),
    "IMEI with software version": lambda c: _imei(c) + _digits(c, 2),
    "ICCID": lambda c: _with_check_digit("89" + _digits(c, 17)),
    "EAN-13": lambda c: str(c.choice((400, 500, 501, 590, 690, 978))) + _digits(c, 10),
    "IPv4 address and port": lambda c: (
        ".".join(str(c.randrange(1, 256)) for _ in range(4)) + f":{c.randrange(1024, 65536)}"
    ),
    "IPv6 address": lambda c: ":".join(f"{c.getrandbits(16):x}" for _ in range(8)),
    "MAC address": lambda c: ":".join(f"{c.getrandbits(8):02x}" for _ in range(6)),
}
"""Kind of text to what makes one."""

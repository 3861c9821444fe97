"""Texts in which somebody hides a card number, or writes it without a thought."""

import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from benchmarks.privacy.numbers import card_number

Embedding = Callable[[Random, str], str]
"""Writes a card number into a text."""

_MARKS: Final = "".join(sorted(set(string.punctuation) - {"%"})) + " "
_PRINTED: Final = {15: (4, 6, 5), 14: (4, 6, 4)}
_HEX_LETTERS: Final = "abcdef"
_UUID_PARTS: Final = (8, 4, 4, 4, 12)


def fours(_chance: Random, number: str) -> list[str]:
    """Cut a number as cards show it."""
    sizes = _PRINTED.get(len(number), (4,) * 5)
    parts: list[str] = []
    begin = 0
    for size in sizes:
        parts.append(number[begin : begin + size])
        begin += size
    return [part for part in parts if part]


def random_groups(chance: Random, number: str) -> list[str]:
    """Cut a number anywhere, at least once."""
    cuts = sorted(chance.sample(range(1, len(number)), chance.randint(1, len(number) - 1)))
    return [number[low:high] for low, high in zip([0, *cuts], [*cuts, len(number)], strict=True)]


def _joined(cut: Callable[[Random, str], list[str]], separator: Callable[[Random], str]) -> Embedding:
    def embed(chance: Random, number: str) -> str:
        first, *others = cut(chance, number)
        return first + "".join(separator(chance) + part for part in others)

    return embed


def _same(cut: Callable[[Random, str], list[str]], separator: Callable[[Random], str]) -> Embedding:
    return lambda chance, number: separator(chance).join(cut(chance, number))


def _some(characters: str, longest: int = 4) -> Callable[[Random], str]:
    return lambda chance: "".join(chance.choices(characters, k=chance.randint(1, longest)))


def _repeated(characters: str) -> Callable[[Random], str]:
    return lambda chance: chance.choice(characters) * chance.randint(1, 4)


def _digits_of(zero: int) -> Embedding:
    return lambda _chance, number: "".join(chr(zero + int(digit)) for digit in number)


def _around(before: str, behind: str = "") -> Embedding:
    """Write around the number what two patterns stand for: see `_drawn`."""
    return lambda chance, number: _drawn(chance, before) + number + _drawn(chance, behind)


def _drawn(chance: Random, pattern: str) -> str:
    r"""Draw a character for each of \1 (a to f), \2 (a digit), \3 (a letter) and \4 (a hexadecimal digit)."""
    kinds = {"\1": _HEX_LETTERS, "\2": string.digits, "\3": string.ascii_letters, "\4": "0123456789abcdef"}
    return "".join(chance.choice(kinds[each]) if each in kinds else each for each in pattern)


def _date(chance: Random) -> tuple[str, str, str]:
    return f"{chance.randint(2019, 2027)}", f"{chance.randint(1, 12):02}", f"{chance.randint(1, 28):02}"


def _moment(chance: Random) -> datetime:
    return datetime(2019, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(3000 * 86_400 * 10**6))


def _behind_date(write: Callable[[Random], str]) -> Embedding:
    return lambda chance, number: write(chance) + number


def _before(write: Callable[[Random, str], str]) -> Embedding:
    return lambda chance, number: number + write(chance, number)


def _expiry(chance: Random) -> tuple[str, str]:
    return f"{chance.randint(1, 12):02}", f"{chance.randint(24, 36)}"


def _mmyy(chance: Random, _number: str = "") -> str:
    month, year = _expiry(chance)
    return month + year


def _yymm(chance: Random, _number: str = "") -> str:
    month, year = _expiry(chance)
    return year + month


def _code(chance: Random, number: str) -> str:
    digits = 4 if len(number) == 15 else 3  # noqa: PLR2004  (only American Express has fifteen digits and a code of four)
    return f"{chance.randrange(10**digits):0{digits}}"


def _service(chance: Random) -> str:
    return chance.choice("12567") + chance.choice("024") + chance.choice("01234567")


def _discretionary(chance: Random) -> str:
    return "".join(chance.choices(string.digits, k=chance.randint(3, 8)))


def _tlv(tag: str, content: str) -> str:
    content += "F" * (len(content) % 2)
    return f"{tag}{len(content) // 2:02X}{content}"


def _track_2(chance: Random, number: str, mark: str) -> str:
    return f"{number}{mark}{_yymm(chance)}{_service(chance)}{_discretionary(chance)}"


def _chip_data(chance: Random, number: str) -> str:
    others = [
        _tlv("5F24", _yymm(chance) + "31"),
        _tlv("5F34", "01"),
        _tlv("82", "3800"),
        _tlv("9F02", f"{chance.randrange(10**8):012}"),
    ]
    chance.shuffle(others)
    return "".join((*others[:2], _tlv("5A", number), *others[2:]))


def _in_uuid(place: int | None) -> Embedding:
    def embed(chance: Random, number: str) -> str:
        begin = (32 - len(number)) if place is None else place
        filler = [f"{chance.getrandbits(4):x}" for _ in range(32)]
        filler[begin : begin + len(number)] = number
        text = "".join(filler)
        parts: list[str] = []
        for size in _UUID_PARTS:
            parts.append(text[:size])
            text = text[size:]
        return "-".join(parts)

    return embed


def _spaced_pairs(text: str) -> str:
    return " ".join(text[begin : begin + 2] for begin in range(0, len(text), 2))


EMBEDDINGS: Final[Mapping[str, Embedding]] = {
    "bare": lambda _chance, number: number,
    "groups as printed, one mark": _same(fours, _some(_MARKS, 1)),
    "groups as printed, one mark up to four times": _same(fours, _repeated(_MARKS)),
    "groups as printed, up to four marks": _joined(fours, _some(_MARKS)),
    "single digits, up to four marks": _joined(lambda _chance, number: list(number), _some(_MARKS)),
    "any groups, up to four marks": _joined(random_groups, _some(_MARKS)),
    "any groups, spaces and dashes of Unicode": _joined(
        random_groups, _some("\u00a0\u2009\u2003\u3000\u2010\u2013\u2014\u2212\u00b7\uff0d")
    ),
    "any groups, characters of no width": _joined(
        random_groups, _some("\u200b\u200c\u200d\u2060\ufeff\u00ad\u0301", 9)
    ),
    "groups as printed, up to four letters": _joined(fours, _some(string.ascii_letters)),
    "groups as printed, up to four hexadecimal letters": _joined(fours, _some(_HEX_LETTERS)),
    "single digits, up to four letters": _joined(lambda _chance, number: list(number), _some(string.ascii_letters)),
    "any groups, one letter again and again": _same(random_groups, _some(string.ascii_lowercase, 1)),
    "any groups, up to four letters of g to z": _joined(random_groups, _some("ghijklmnopqrstuvwxyz")),
    "any groups, letters and marks": _joined(
        random_groups, lambda c: c.choice(string.ascii_letters) + c.choice(_MARKS)
    ),
    "full-width digits": _digits_of(0xFF10),
    "Arabic-Indic digits": _digits_of(0x0660),
    "Devanagari digits": _digits_of(0x0966),
    "mathematical digits": _digits_of(0x1D7CE),
    "superscript digits": lambda _chance, number: number.translate(str.maketrans(string.digits, "⁰¹²³⁴⁵⁶⁷⁸⁹")),
    "circled digits": lambda _chance, number: number.translate(str.maketrans(string.digits, "⓪①②③④⑤⑥⑦⑧⑨")),
    "Chinese digits": lambda _chance, number: number.translate(str.maketrans(string.digits, "〇一二三四五六七八九")),
    "behind letters": _around("\3\3\3"),
    "before letters": _around("", "\3\3\3"),
    "between letters": _around("\3", "\3"),
    "between words": _around("pan_", ".card"),
    "between hexadecimal letters": _around("\1\1", "\1\1\1"),
    "in a hexadecimal id of 32": _around("\4\4\4\4\4\1", "\1\4\4\4\4\4\4"),
    "in a hexadecimal id of 64": _around("\4" * 23 + "\1", "\1" + "\4" * 23),
    "at the start of a hexadecimal id": _around("", "\1" + "\4" * 15),
    "at the end of a hexadecimal id": _around("\4" * 15 + "\1"),
    "at the start of a UUID's shape": _in_uuid(0),
    "at the end of a UUID's shape": _in_uuid(None),
    "behind YYMMDD": _behind_date(lambda c: "".join(_date(c))[2:]),
    "behind YYYYMMDD": _behind_date(lambda c: "".join(_date(c))),
    "behind DDMMYYYY": _behind_date(lambda c: "".join(reversed(_date(c)))),
    "behind DDMMYY": _behind_date(lambda c: "".join(reversed(_date(c)))[:4] + _date(c)[0][2:]),
    "behind MMDDYYYY": _behind_date(lambda c: "{1}{2}{0}".format(*_date(c))),
    "behind YYYY-MM-DD": _behind_date(lambda c: "-".join(_date(c))),
    "behind YY-MM-DD": _behind_date(lambda c: "-".join(_date(c))[2:]),
    "behind DD.MM.YYYY": _behind_date(lambda c: ".".join(reversed(_date(c)))),
    "behind YYYYMMDD and a dash": _behind_date(lambda c: "".join(_date(c)) + "-"),
    "behind YYYYMMDDhhmmss": _behind_date(lambda c: "".join(_date(c)) + f"{c.randrange(24):02}{c.randrange(60):02}17"),
    "behind YYMMDDhhmmss": _behind_date(
        lambda c: "".join(_date(c))[2:] + f"{c.randrange(24):02}{c.randrange(60):02}17"
    ),
    "behind epoch seconds": _behind_date(lambda c: str(c.randint(1_500_000_000, 1_900_000_000))),
    "behind epoch milliseconds": _behind_date(lambda c: str(c.randint(1_500_000_000_000, 1_900_000_000_000))),
    "behind epoch microseconds": _behind_date(lambda c: str(c.randint(15 * 10**14, 19 * 10**14))),
    "behind epoch nanoseconds": _behind_date(lambda c: str(c.randint(15 * 10**17, 19 * 10**17))),
    **{
        f"behind {name}": _behind_date(lambda c, form=form: _moment(c).strftime(form))
        for name, form in {
            "DDMMYYYYhhmmss": "%d%m%Y%H%M%S",
            "YYYYMMDDThhmmss": "%Y%m%dT%H%M%S",
            "YYMMDD-hhmmss": "%y%m%d-%H%M%S",
            "YYYY-MM-DDThh:mm": "%Y-%m-%dT%H:%M",
            "YYYY-MM-DDThh:mm:ss": "%Y-%m-%dT%H:%M:%S",
            "YYYY-MM-DD hh:mm:ss,ffffff": "%Y-%m-%d %H:%M:%S,%f",
            "YYYY-MM-DDThh:mm:ss+01:00": "%Y-%m-%dT%H:%M:%S+01:00",
            "hh:mm:ss": "%H:%M:%S",
            "D/M/YYYY": "%-d/%-m/%Y",
            "D.M.YY": "%-d.%-m.%y",
            "YYYY/M/D": "%Y/%-m/%-d",
            "DDMonYYYY": "%d%b%Y",
            "D-Mon-YY": "%-d-%b-%y",
            "Month D, YYYY": "%B %-d, %Y",
            "MM/YYYY": "%m/%Y",
            "MM/YY": "%m/%y",
            "YYYY-MM": "%Y-%m",
        }.items()
    },
    "before MMYY": _before(_mmyy),
    "before YYMM": _before(_yymm),
    "before MMYYYY": _before(lambda c, _: "20".join(_expiry(c))),
    "before YYYYMM": _before(lambda c, _: "20" + _yymm(c)),
    "before MM/YY": _before(lambda c, _: "/".join(_expiry(c))),
    "before M/YY": _before(lambda c, _: "/".join(_expiry(c)).removeprefix("0")),
    "before MM-YYYY": _before(lambda c, _: "-20".join(_expiry(c))),
    "before YYYY-MM": _before(lambda c, _: "20" + "-".join(reversed(_expiry(c)))),
    "before MM/YY and a security code": _before(lambda c, n: "/".join(_expiry(c)) + _code(c, n)),
    "before YYYYMMDD": _before(lambda c, _: "20" + _yymm(c) + "28"),
    "before DDMMYY": _before(lambda c, _: "28" + _mmyy(c)),
    "before another card number": _before(lambda c, _: card_number(c, "Visa")),
    "before a space and MM/YY": _before(lambda c, _: " " + "/".join(_expiry(c))),
    "before a space, MM/YY and a code": _before(lambda c, n: f" {'/'.join(_expiry(c))} {_code(c, n)}"),
    "before a security code": _before(_code),
    "before a service code": _before(lambda c, _: _service(c)),
    "before MMYY and a security code": _before(lambda c, n: _mmyy(c) + _code(c, n)),
    "before YYMM and a security code": _before(lambda c, n: _yymm(c) + _code(c, n)),
    "before a security code and MMYY": _before(lambda c, n: _code(c, n) + _mmyy(c)),
    "before YYMM, service code and more": _before(lambda c, _: _yymm(c) + _service(c) + _discretionary(c)),
    "behind YYYYMMDD, before MMYY": lambda c, n: "".join(_date(c)) + n + _mmyy(c),
    "behind YYMMDD, before a security code": lambda c, n: "".join(_date(c))[2:] + n + _code(c, n),
    "behind zeros": lambda _chance, n: n.zfill(20),
    "track 1": lambda c, n: f"%B{n}^DOE/JOHN^{_yymm(c)}{_service(c)}{_discretionary(c)}?",
    "track 1, a name of one letter": lambda c, n: f"%B{n}^A^{_yymm(c)}{_service(c)}{_discretionary(c)}?",
    "track 2": lambda c, n: f";{_track_2(c, n, '=')}?",
    "track 2 with D": lambda c, n: _track_2(c, n, "D"),
    "track 2 with d": lambda c, n: _track_2(c, n, "d") + "f",
    "track 3": lambda c, n: f";01{n}=724978{_discretionary(c)}?",
    "EMV tag 5A": lambda _chance, n: _tlv("5A", n),
    "EMV tag 5A in small letters": lambda _chance, n: _tlv("5A", n).lower(),
    "EMV tag 5A, bytes apart": lambda _chance, n: _spaced_pairs(_tlv("5A", n)),
    "EMV tag 5A among others": _chip_data,
    "EMV tag 57": lambda c, n: _tlv("57", _track_2(c, n, "D")),
    "EMV tag 57 behind others": lambda c, n: _tlv("5F34", "01") + _tlv("57", _track_2(c, n, "D")),
    "ISO 8583 field 2": lambda _chance, n: f"{len(n)}{n}" if len(n) in {14, 15, 16, 18, 19} else n,
    "in a URL's path": _around("https://shop.example/pay/", "/receipt"),
    "in a query": _around("?order=1&pan=", "&exp=1227"),
    "in a query, spaces encoded": _joined(fours, lambda _chance: "%20"),
    "in a query, every digit encoded": lambda _chance, n: "".join(f"%3{digit}" for digit in n),
    "in a query, every digit encoded twice": lambda _chance, n: "".join(f"%253{digit}" for digit in n),
    "in JSON": _around('{"card":{"number":"', '"}}'),
    "as a decimal number": _around("", ".00"),
    "with commas, as an amount": lambda _chance, n: f"{int(n):,}",
    "behind a plus": _around("+"),
}
"""What must be refused: its name, and how a number is written into it."""

UNPROMISED: Final[Mapping[str, Embedding]] = {
    "any digits touching both ends": _around("\2\2\2\2\2", "\2\2\2\2\2"),
    "any digits touching the start": _around("\2\2\2\2\2"),
    "any digits touching the end": _around("", "\2\2\2\2\2"),
    "at any place of a UUID's shape": lambda chance, n: _in_uuid(chance.randrange(33 - len(n)))(chance, n),
    "at any place of a hexadecimal id of 32": _around("\4" * 8, "\4" * 8),
    "any groups, hexadecimal letters": _joined(random_groups, _some(_HEX_LETTERS)),
    "more than four marks between": _joined(fours, lambda _chance: " --- "),
}
"""What cannot be told from ordinary ids: measured to be known, not promised."""

"""The encoding of a text file: declared, marked at its beginning, or found out."""

import codecs
from pathlib import Path
from typing import Final

import charset_normalizer

from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.tables.formats import open_bytes

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_MARK: Final = 4
_CHUNK: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_CANDIDATES: Final = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "koi8_r",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
]
"""What spreadsheets and banks write that is not UTF-8."""
_WESTERN: Final = "cp1252"
_LATIN_1: Final = "latin-1"


def declared_encoding(name: str, path: Path) -> str:
    """Return the encoding of a file that a map declares; a byte order mark decides all the same.

    A map is made of one export, and the next one may have been saved by another program.

    Raises:
        FileProblemError: there is no such encoding of texts.
    """
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise FileProblemError("file.encoding: there is no such encoding; say utf-8, cp1252 or another one") from None
    with open_bytes(path) as file:
        first = file.read(_LONGEST_MARK)
    # What marks its beginning is not part of the first column's name, whoever declares it.
    return next((marked for mark, marked in _MARKS if first.startswith(mark)), name)


def find_encoding(path: Path) -> str:
    """Return the encoding of a text file, reading it once.

    A byte order mark decides; else what is valid UTF-8 is UTF-8; else it is guessed from the lines that are not ASCII,
    and Western European (cp1252) where that cannot be told apart from its neighbours.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    telling = b""
    is_utf8 = True
    with open_bytes(path) as file:
        first = file.read(_CHUNK)
        for mark, name in _MARKS:
            if first.startswith(mark):
                return name
        if wide := _without_mark(first):
            return wide
        chunk = first
        while chunk and len(telling) < _SAMPLE:
            if is_utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_utf8 = False
            if not is_utf8:
                telling += b"\n".join(line for line in chunk.splitlines() if not line.isascii())
            chunk = file.read(_CHUNK)
    if is_utf8:
        return "utf-8"
    return _guess(telling[:_SAMPLE])


def _without_mark(first: bytes) -> str | None:
    """Recognise UTF-16 without a mark by the zeros beside every ASCII character."""
    sample = first[:2000]
    if len(sample) < 4:  # noqa: PLR2004  (two characters)
        return None
    if sample[1::2].count(0) > 0.8 * len(sample[1::2]):
        return "utf-16-le"
    return "utf-16-be" if sample[0::2].count(0) > 0.8 * len(sample[0::2]) else None


def _guess(sample: bytes) -> str:
    western = _WESTERN if _is_valid(sample, _WESTERN) else _LATIN_1
    matches = charset_normalizer.from_bytes(sample, cp_isolation=_CANDIDATES)
    best = matches.best()
    if best is None or western in best.could_be_from_charset:
        return western
    # Its neighbours of one byte a character differ in few letters; short samples cannot tell them apart.
    own = next((each for each in matches if western in each.could_be_from_charset), None)
    is_as_good = own is not None and (own.chaos, -own.coherence) <= (best.chaos, -best.coherence)
    return western if is_as_good else best.encoding


def _is_valid(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True

"""Which column of a file is which field, guessed from its columns' names and values."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.transaction import (
    Authentication,
    AuthorizationResult,
    Channel,
    EntryMode,
    TransactionType,
)
from fraudstream.transactions.values.money import EXPONENTS
from fraudstream_tools.lab.files.mapping.file_map import MAPPED
from fraudstream_tools.lab.files.mapping.numbers import read_number
from fraudstream_tools.lab.files.mapping.suggest_names import NAMES, in_full, spellings
from fraudstream_tools.lab.files.mapping.suggest_times import suggest_time

TIME_FIELDS: Final = ("timestamp", "accountOpenedAt", "labeledAt")
_MOST_MISFITS: Final = 0.1
"""Share of a column's values that may be no such values: exports have slips, and notes in their last lines."""
_PERSONAL: Final = re.compile(
    r"e?mail|phone|mobile|first|last|name|street|address|city|zip|postal|birth|dob|iban|ssn|passport|tax"
    r"|telefon|strasse|adresse|anschrift|plz|geburt"
)
_GROUPED_DIGITS: Final = re.compile(r"\d[\d -]+\d", re.ASCII)
_SHORTEST_TIME: Final = 8
"""Digits of a date or of a number of seconds; shorter numbers are read as times only where the name says so."""
_CODES: Final[dict[str, frozenset[str]]] = {
    "channel": frozenset(Channel),
    "entryMode": frozenset(EntryMode),
    "authorizationResult": frozenset(AuthorizationResult),
    "authentication": frozenset(Authentication),
}
_TYPES: Final = frozenset(TransactionType)
_OF_OTHERS: Final = frozenset({"source", "metadata"})
"""Fields whose names many columns have that are something else."""
_TRAITS: Final = {
    "cardToken": "holds card numbers",
    "currency": "holds codes of currencies",
    "type": "holds types of transactions",
    "transactionId": "has a different value in every row",
}


def choose(samples: Mapping[str, Sequence[str]], rows: int) -> tuple[dict[str, str], list[str]]:
    """Choose for each field the column whose name is most like its own, or whose values are such.

    Args:
        samples: by column, in their order, the values of the first rows.
        rows: how many rows were looked at.

    Returns:
        The columns by field, and what a person has to look at.
    """
    simple = {spelling: name for name in reversed(list(samples)) for spelling in spellings(name)}
    full: dict[str, dict[str, None]] = {}
    for column in samples:
        for spelling in spellings(column):
            full.setdefault(in_full(spelling), {})[column] = None
    chosen: dict[str, str] = {}
    for name, words in NAMES.items():
        for word in words.split():
            columns = [*filter(None, [simple.get(word)]), *full.get(in_full(word), ())]
            column = next(
                (each for each in columns if each not in chosen.values() and _fits(name, samples[each])), None
            )
            if column is not None:
                chosen[name] = column
                break
    doubts = list(_take_own_names(simple, samples, chosen))
    by_values: dict[str, Callable[[str], bool]] = {
        "cardToken": lambda column: _are_card_numbers(samples[column]),
        "currency": lambda column: _are_currencies(samples[column]),
        "type": lambda column: bool(samples[column]) and {value.upper() for value in samples[column]} <= _TYPES,
        "transactionId": lambda column: len(samples[column]) == rows and _may_be_ids(column, samples[column]),
    }
    for name, is_such in by_values.items():
        candidate = next((each for each in samples if each not in chosen.values() and is_such(each)), None)
        if name not in chosen and candidate is not None:
            chosen[name] = candidate
            doubts.append(f"{name}: {candidate} {_TRAITS[name]}; is it that?")
    return chosen, doubts + list(_misfits(chosen, samples))


def _take_own_names(
    simple: Mapping[str, str], samples: Mapping[str, Sequence[str]], chosen: dict[str, str]
) -> Iterator[str]:
    """Choose the columns that are called like one of the API's fields; give those whose values are others."""
    for name in MAPPED:
        if name in _OF_OTHERS:
            continue
        column = simple.get(name.casefold())
        if column is None or name in chosen or column in chosen.values():
            continue
        if _fits(name, samples[column]):
            chosen[name] = column
        else:
            yield f"{name}: {column} has other values than this field, and is passed over"


def is_personal(name: str) -> bool:
    """Return whether a column is called like something of a person."""
    return any(_PERSONAL.search(each) for each in (name.casefold(), *spellings(name)))


def _misfits(chosen: Mapping[str, str], samples: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, column in chosen.items():
        values = samples[column]
        if name == "transactionId":
            count, problem = len(values) - len(set(values)), "repeat an earlier one"
        elif name in TIME_FIELDS:
            written = suggest_time(values)
            count, problem = written.misfits if written else 0, "are written otherwise, or are no times"
        else:
            count, problem = sum(not _check(name)(value) for value in values), "cannot be read as such"
        if count:
            yield f"{name}: {count:,} of the first {len(values):,} values of {column} {problem}"


def _fits(name: str, values: Sequence[str]) -> bool:
    if name in TIME_FIELDS:
        return suggest_time(values) is not None
    if name == "transactionId":
        return len(values) - len(set(values)) <= _MOST_MISFITS * len(values)
    check = _check(name)
    return sum(not check(value) for value in values) <= _MOST_MISFITS * len(values)


def _check(name: str) -> Callable[[str], bool]:
    """Return what a value of a field has to be."""
    checks: dict[str, Callable[[str], bool]] = {
        "currency": lambda value: value.upper() in EXPONENTS,
        "amountMinor": lambda value: _is_number(value, ".") or _is_number(value, ","),
        "cardLast4": lambda value: re.fullmatch(r"\d{1,4}", value) is not None,
        "cardBin": lambda value: re.fullmatch(r"\d{6,8}", value) is not None,
        "merchantCategoryCode": lambda value: re.fullmatch(r"\d{3,4}(?:\.0)?", value) is not None,
        "latitude": lambda value: _is_degrees(value, 90),
        "longitude": lambda value: _is_degrees(value, 180),
    }
    if name in _CODES:
        return lambda value: value.upper() in _CODES[name]
    if name in {"merchantCountry", "cardCountry", "billingCountry", "ipCountry"}:
        return lambda value: re.fullmatch(r"[A-Za-z]{2}", value) is not None
    return checks.get(name, lambda _: True)


def _are_card_numbers(values: Sequence[str]) -> bool:
    others = sum(not (_GROUPED_DIGITS.fullmatch(value) and holds_card_number(value)) for value in values)
    return bool(values) and others <= _MOST_MISFITS * len(values)


def _are_currencies(values: Sequence[str]) -> bool:
    return bool(values) and all(map(_check("currency"), values))


def _may_be_ids(name: str, values: Sequence[str]) -> bool:
    if len(set(values)) < max(len(values), 2) or is_personal(name) or _are_currencies(values):
        return False
    if any(holds_card_number(value) for value in values):
        return False
    if all(_is_amount(value) for value in values):
        return False
    is_short = all(value.isdigit() and len(value) < _SHORTEST_TIME for value in values)
    return is_short or suggest_time(values) is None


def _is_amount(value: str) -> bool:
    # Ids such as E-1 can be read as numbers too, with a sign before them.
    has_mark = not value.isalnum() and (not re.search("[A-Za-z]", value) or re.search(r"[.,]\d{1,2}\D*$", value))
    return bool(has_mark) and (_is_number(value, ".") or _is_number(value, ","))


def _is_number(value: str, decimal: str) -> bool:
    try:
        read_number(value, decimal)
    except ValueError:
        return False
    return True


def _is_degrees(value: str, most: int) -> bool:
    try:
        return abs(float(value)) <= most
    except ValueError:
        return False

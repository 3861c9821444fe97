"""A first map for a file, from its columns' names and values; a person completes it."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fraudstream.detection.rules.strict_yaml import MAX_SHOWN, read
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream_tools.lab.files.mapping.converting import ROW_NUMBER
from fraudstream_tools.lab.files.mapping.file_map import MAPPED, load_map, shipped_maps, shipped_text
from fraudstream_tools.lab.files.mapping.suggest_columns import TIME_FIELDS, choose, is_personal
from fraudstream_tools.lab.files.mapping.suggest_names import is_of_card_numbers
from fraudstream_tools.lab.files.mapping.suggest_times import suggest_time
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import REQUIRED, open_table
from fraudstream_tools.lab.files.tables.delimited import DelimitedFile

_SAMPLE: Final = 1000
_MOST_CODES: Final = 30
_MOST_IGNORED: Final = 1000
_LONGEST_NAME: Final = 1000
"""Bytes of a column's name that maps can still hold many of."""
_FRAUD_CODES: Final = (
    ("1", "0"),
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("fraud", "legitimate"),
    ("t", "f"),
    ("ja", "nein"),
)
_LASTING: Final = ("timestamp", "amountMinor", "currency", "customerId", "merchantId", "terminalId", "networkReference")
"""Fields that an id can be made of: no later export has other values, and no digest of a card number is made."""
_TIME_OF_DAY: Final = re.compile("time|zeit|hora|heure|uhr|clock")
_CONSTANTS: Final = {"currency": "EUR", "type": "PAYMENT"}


@dataclass
class Suggestion:
    """A first map."""

    text: str
    """The map, as YAML."""
    shipped: str | None = None
    """The shipped map that fits, if one does."""
    to_do: list[str] = field(default_factory=list[str])
    """What a person has to look at."""


def suggest(path: Path) -> Suggestion:
    """Write a first map for a file by looking at its columns and first thousand rows.

    Raises:
        FileProblemError: the file cannot be read, or has no rows.
    """
    table = open_table(path)
    rows = [row.values for row in itertools.islice(table.rows(), _SAMPLE) if not row.problems]
    columns = list(table.columns or dict.fromkeys(name for row in rows for name in row))
    if not rows:
        raise FileProblemError(f"{path}: there is no row in it that can be read")
    for name in shipped_maps():
        needed_columns = load_map(name).columns()
        if all(
            column in columns or column.startswith("#") for column, is_needed in needed_columns.items() if is_needed
        ):
            return Suggestion(shipped_text(name), shipped=name)
    return _Draft(path, table, columns, rows).suggestion()


class _Draft:
    """A map that is being written."""

    def __init__(self, path: Path, table: object, columns: list[str], rows: list[dict[str, Any]]) -> None:
        self._path = path
        self._layout = table if isinstance(table, DelimitedFile) else None
        self._columns = [name for name in columns if name and _can_be_written(name)]
        self._has_unwritable = len(self._columns) < len([name for name in columns if name])
        self._samples = {name: [str(row[name]) for row in rows if row.get(name) is not None] for name in self._columns}
        self._rows = rows
        self._chosen, self._to_do = choose(self._samples, len(rows))
        self._time_of_day = self._found_time_of_day()

    def suggestion(self) -> Suggestion:
        name = self._path.name if _can_be_written(self._path.name) else "a file"
        lines = [f"# A first map for {name}; look through it, then try: fraudstream replay FILE --map MAP --check"]
        lines += [*self._file_section(), "", "fields:"]
        for name in MAPPED:
            column = self._chosen.get(name)
            if column is not None:
                lines += [f"  {line}" for line in self._field(name, column)]
            elif name in REQUIRED:
                lines += [f"  {line}" for line in self._absent(name)]
        used = {*self._chosen.values(), self._time_of_day}
        ignored = [name for name in self._columns if name not in used]
        if self._has_unwritable or len(ignored) > _MOST_IGNORED:
            lines += ["", "ignore: others"]
        elif ignored:
            lines += ["", "ignore:", *(f"  - {_quoted(name)}{_personal(name)}" for name in ignored)]
        return Suggestion("\n".join(lines) + "\n", to_do=self._to_do)

    def _field(self, name: str, column: str) -> list[str]:
        values = self._samples[column]
        if name in TIME_FIELDS:
            return self._time(name, column, values)
        if name == "amountMinor":
            return [self._amount(column, values)]
        if name == "type":
            return self._codes(name, column, values)
        if name == "label":
            return self._label(column, values)
        if any(holds_card_number(value) for value in values):
            self._to_do.append(
                f"{name}: {column} holds card numbers; they become tokens before they leave this machine"
            )
            return [f"{name}: {{column: {_quoted(column)}, as: token}}  # holds card numbers"]
        if name == "cardToken" and is_of_card_numbers(column):
            # Those of later rows may be such, and the API refuses them as they are.
            return [f"{name}: {{column: {_quoted(column)}, as: token}}  # is called like card numbers"]
        if name == "transactionId" and any(not re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", value) for value in values):
            return [
                f"{name}: {{column: {_quoted(column)}, as: digest}}  # ids have other characters than the API takes"
            ]
        return [f"{name}: {_quoted(column)}"]

    def _found_time_of_day(self) -> str | None:
        """Return the column that has the time of day, where the timestamp's has the day alone."""
        day = self._chosen.get("timestamp")
        written = None if day is None else suggest_time(self._samples[day])
        if day is None or written is None or not written.is_of_days:
            return None
        for column in self._columns:
            is_free = column not in self._chosen.values() and _TIME_OF_DAY.search(column.casefold())
            together = suggest_time(self._joined(day, column)) if is_free else None
            if together is not None and not together.is_of_days:
                return column
        return None

    def _joined(self, *columns: str) -> list[str]:
        parts = ([row.get(column) for column in columns] for row in self._rows)
        return [" ".join(map(str, each)) for each in parts if None not in each]

    def _time(self, name: str, column: str, values: Sequence[str]) -> list[str]:
        source = f"column: {_quoted(column)}"
        if name == "timestamp" and self._time_of_day is not None:
            values = self._joined(column, self._time_of_day)
            source = f'columns: [{_quoted(column)}, {_quoted(self._time_of_day)}], join: " "'
        written = suggest_time(values)
        keys, doubt = (written.keys, written.doubt) if written else ("", "look at it")
        if doubt:
            self._to_do.append(f"{name}: {doubt}")
        is_plain = not keys and source.startswith("column:")
        body = f"{name}: {_quoted(column)}" if is_plain else f"{name}: {{{', '.join(filter(None, (source, keys)))}}}"
        return [body + (f"  # {doubt}" if doubt else "")]

    def _amount(self, column: str, values: Sequence[str]) -> str:
        decimal = "," if any(re.search(r",\d{1,2}\D*$", value) for value in values) else "."
        mark = re.escape(decimal)
        # Where a column has gaps, many programs write whole numbers as 1250.0.
        has_decimals = any(re.search(rf"{mark}(?!0\D*$)\d{{1,4}}\D*$", value) for value in values)
        is_minor = re.search(r"minor|cent", column, re.IGNORECASE) is not None and not has_decimals
        keys = [f"column: {_quoted(column)}", f"unit: {'minor' if is_minor else 'major'}"]
        keys += ['decimal: ","'] if decimal == "," else []
        note = ""
        if any(re.match(r"\D*[-\u2212(]", value) or value.endswith("-") for value in values):
            keys.append("negative: absolute")
            note = "  # some are negative: say by `type: {column: …, sign: …}` what that means"
            self._to_do.append(f"amountMinor: {column} has negative amounts; say what their sign means, under type")
        elif not has_decimals and not is_minor:
            note = "  # major units, or minor?"
            self._to_do.append(f"amountMinor: are the whole numbers of {column} major units, or minor ones?")
        return f"amountMinor: {{{', '.join(keys)}}}{note}"

    def _codes(self, name: str, column: str, values: Sequence[str]) -> list[str]:
        codes = _codes_of(values)
        if set(codes) <= {"PAYMENT", "TRANSFER", "WITHDRAWAL", "DEPOSIT", "REFUND", "REVERSAL"}:
            return [f"{name}: {_quoted(column)}"]
        self._to_do.append(f"{name}: say what each code of {column} means")
        return [
            f"{name}:  # say what each code means: PAYMENT, TRANSFER, WITHDRAWAL, DEPOSIT",
            f"  column: {_quoted(column)}",
            "  values:",
            *(f"    {_quoted(code)}: PAYMENT" for code in codes),
            '    "*": PAYMENT',
        ]

    def _label(self, column: str, values: Sequence[str]) -> list[str]:
        small = {value.casefold().removesuffix(".0") for value in values}
        for yes, no in _FRAUD_CODES:
            if small <= {yes, no}:
                return [f'label: {{column: {_quoted(column)}, values: {{"{yes}": FRAUD, "{no}": LEGITIMATE}}}}']
        self._to_do.append(f"label: say which codes of {column} mean FRAUD, and which LEGITIMATE")
        return [
            "label:  # say of each code whether it means FRAUD or LEGITIMATE; null leaves the label out",
            f"  column: {_quoted(column)}",
            "  values:",
            *(f"    {_quoted(code)}: null" for code in _codes_of(values)),
        ]

    def _absent(self, name: str) -> list[str]:
        if name in _CONSTANTS:
            self._to_do.append(f"{name}: no column seems to have it; a constant is used")
            return [f"{name}: {{value: {_CONSTANTS[name]}}}  # no column seems to have it: is this right?"]
        if name == "transactionId":
            return self._made_id()
        self._to_do.append(f"{name}: no column seems to have it; it is required")
        return [f"# {name}: which column? It is required."]

    def _made_id(self) -> list[str]:
        names = [self._chosen[name] for name in _LASTING if name in self._chosen]
        names += [] if self._time_of_day is None else [self._time_of_day]
        # As texts: members of JSON and Parquet may be objects or lists.
        parts = {tuple(str(row.get(name)) for name in names) for row in self._rows}
        is_enough = len(parts) == len(self._rows) and len(parts) > 1
        names += [] if is_enough else [ROW_NUMBER]
        advice = (
            "another file gives the same payment another id" if not is_enough else "look for rows with one id (--check)"
        )
        made = f"it is made of {', '.join(names)}, and {advice}"
        self._to_do.append(f"transactionId: no column looks like an id that every row has of its own; {made}")
        return [f"transactionId: {{columns: [{', '.join(map(_quoted, names))}], as: digest}}  # {advice}"]

    def _file_section(self) -> list[str]:
        if self._layout is None:
            return []
        lines: list[str] = []
        if self._layout.encoding not in {"utf-8", "utf-8-sig", "utf-16", "utf-32"}:
            lines.append(f"  encoding: {self._layout.encoding}  # found out; is it right?")
        if self._layout.separator != ",":
            separator = '"\\t"' if self._layout.separator == "\t" else _quoted(self._layout.separator)
            lines.append(f"  separator: {separator}")
        return ["", "file:", *lines] if lines else []


def _quoted(text: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text not in {"true", "false", "null"}:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def _can_be_written(text: str) -> bool:
    """Return whether a map can name it: maps take no character that cannot be seen."""
    try:
        read_back = read(_quoted(text).encode(), most_bytes=_LONGEST_NAME, most_values=1).value
    except ValueError:
        return False
    return read_back == text


def _codes_of(values: Sequence[str]) -> list[str]:
    """Return the codes of a column that can be keys of a map."""
    codes = sorted(code for code in set(values) if len(code) <= MAX_SHOWN and code != "*")
    return [code for code in codes[:_MOST_CODES] if _can_be_written(code)]


def _personal(name: str) -> str:
    return "  # personal: it stays here" if is_personal(name) else ""

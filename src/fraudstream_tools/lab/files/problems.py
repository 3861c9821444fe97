"""What can be wrong with a file: all of it, or one of its rows."""

from pathlib import Path
from typing import Any, Final, NamedTuple

SHOWN_PROBLEMS: Final = 20
"""Wrong rows that a message names."""


class FileProblemError(ValueError):
    """A file that cannot be read, written or used; the message names it, and no value of it."""


class Row(NamedTuple):
    """One record of a file."""

    number: int
    """Number of the line where it begins, in Parquet of the row; from 1."""
    values: dict[str, Any]
    problems: tuple[str, ...] = ()
    """What is wrong with it, each with its column and without the value; such a row must not be used."""


def place(path: Path, row: Row) -> str:
    """Name a row: the file, its line, its wrong columns and what is wrong with them."""
    problems = "; ".join(row.problems)
    return f"{path}, {row_word(path)} {row.number}{', ' if problems.startswith('column ') else ': '}{problems}"


def row_word(path: Path) -> str:
    """Return what a file's rows are counted in."""
    return "row" if path.name.lower().endswith(".parquet") else "line"


class ProblemList:
    """Collects the wrong rows of a file, so that one message can name them."""

    def __init__(self, path: Path) -> None:
        """Begin without any."""
        self._path = path
        self.count = 0
        self.shown: list[str] = []

    def add(self, row: Row) -> None:
        """Count a wrong row; the first 20 are named."""
        self.count += 1
        if self.count <= SHOWN_PROBLEMS:
            self.shown.append(place(self._path, row))

    def lines(self) -> list[str]:
        """Return a line for each of the first wrong rows, and one for the number of all others."""
        more = self.count - len(self.shown)
        return [*self.shown, *([f"… and {more:,} more"] if more else [])]

    def refuse(self, consequence: str) -> None:
        """Raise if there are any.

        Args:
            consequence: what was not done for it.

        Raises:
            FileProblemError: some rows are wrong; the message names the first 20.
        """
        if self.count:
            raise FileProblemError("\n".join([*self.lines(), consequence]))

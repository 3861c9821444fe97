"""JSON Lines: a JSON object on each line."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

from fraudstream_tools.lab.files.problems import FileProblemError, Row
from fraudstream_tools.lab.files.tables.formats import open_bytes


class JsonLinesFile:
    """A file of JSON objects."""

    columns = None
    """Known only when all of it has been read."""

    def __init__(self, path: Path) -> None:
        """Open a file."""
        self.path = path

    def rows(self) -> Iterator[Row]:
        """Read the objects; members that are null are left out.

        Raises:
            FileProblemError: the file cannot be read to its end.
        """
        number = 0
        try:
            with io.TextIOWrapper(open_bytes(self.path), encoding="utf-8-sig", newline="") as text:
                for number, line in enumerate(text, start=1):
                    if number == 1 and line.lstrip().startswith("["):
                        raise FileProblemError(
                            f"{self.path}: is a JSON array: JSON Lines has one object on each line"
                            " (`jq -c '.[]'` makes it from an array)"
                        )
                    if line.strip():
                        yield _row(number, line)
        except UnicodeError:
            raise FileProblemError(
                f"{self.path}, line {number + 1} or soon after: not UTF-8, as JSON has to be"
            ) from None
        except (OSError, EOFError) as error:
            raise FileProblemError(f"{self.path}: cannot be read: {error}") from None


def _row(number: int, line: str) -> Row:
    try:
        decoded: Any = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Row(number, {}, ("not JSON",))
    if not isinstance(decoded, dict):
        return Row(number, {}, ("not a JSON object",))
    members = cast("dict[str, Any]", decoded)
    return Row(number, {name: value for name, value in members.items() if value is not None})


def _refuse(_name: str) -> NoReturn:
    raise ValueError

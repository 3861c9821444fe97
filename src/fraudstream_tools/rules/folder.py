"""A folder with the files of a ruleset."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from fraudstream.contract import RULESET_FILE, RULESET_FILES
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load
from fraudstream_tools.rules.written import check_written

NOT_THERE: Final = (
    f"it is not there: name the folder that has {', '.join(RULESET_FILES)}; in a checkout of fraudstream it is `rules`"
)


@lru_cache(maxsize=64)
def load_once(ruleset: bytes, rates: bytes, lists: bytes) -> Ruleset:
    """Check a ruleset as `load` does, the same files once: fixtures and histories ask for the same ones many times.

    Args:
        ruleset: the file of rules.
        rates: the file of exchange rates.
        lists: the file of lists.

    Raises:
        RulesetError: every problem that was found.
    """
    return load(ruleset, rates, lists)


class RulesFolder:
    """The files of a ruleset, as they were when they were read."""

    def __init__(self, path: Path) -> None:
        """Read the folder's files.

        Args:
            path: the folder, or the ruleset's own file in it.

        Raises:
            RulesetError: files cannot be read; all of them are named.
        """
        if not path.exists():
            raise RulesetError([NOT_THERE])
        self.path = path.parent if path.name == RULESET_FILE else path
        self.contents: dict[str, bytes] = {}
        """By name."""
        problems: list[str] = []
        for name in RULESET_FILES:
            try:
                self.contents[name] = (self.path / name).read_bytes()
            except OSError as error:
                problems.append(f"{name}: {error.strerror}")
        if problems:
            raise RulesetError(problems)

    def load(self, instead: Mapping[str, bytes] | None = None) -> Ruleset:
        """Check the ruleset as the analyzer will.

        Args:
            instead: files' contents that take the place of the folder's.

        Raises:
            RulesetError: every problem that was found.
        """
        contents = self.contents | dict(instead or {})
        return load_once(*(contents[name] for name in RULESET_FILES))

    def load_as_new(self) -> Ruleset:
        """Check the ruleset as one that somebody writes: it may have no comparison that no transaction can meet.

        Raises:
            RulesetError: every problem that was found.
        """
        ruleset = self.load()
        check_written(ruleset, self.contents[RULESET_FILE])
        return ruleset

"""What is said of an argument or option that cannot be read, in place of the words of Typer and Pydantic."""

import re
import shutil
from typing import Any, Final

import typer
from typer.core import TyperGroup

from fraudstream_tools.cli.support.terminal.narrow_help import LEAST_COLUMNS, without_table

_OURS: Final = (
    # Greedy: what somebody wrote may hold the same words.
    (re.compile(r"Value error, .* is not one of (.+)\.", re.DOTALL), "write one of {}"),
    (re.compile(r"Input should be greater than or equal to (.+)"), "write a number of at least {}"),
    (re.compile(r"Input should be less than or equal to (.+)"), "write a number of at most {}"),
    (re.compile(r"Input should be (a valid integer).*"), "write a whole number"),
    (re.compile(r"Input should be (a valid number|a finite number).*"), "write a number"),
)


class Commands(TyperGroup):
    """All commands; a wrong value is named in a sentence that says what to write, and help fits the terminal."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  (as Typer declares it)
        """Run the command that was asked for, and end the process unless `standalone_mode` is off.

        Raises:
            SystemExit: with the exit code.
        """
        columns = shutil.get_terminal_size().columns
        commands = self if columns >= LEAST_COLUMNS else without_table(self, columns)
        return super(Commands, commands).main(*args, **options)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  (Typer names no public type of a context's result)
        """Run the command that was asked for.

        Raises:
            BadParameter: a value cannot be read.
        """
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = in_our_words(error.message)
            raise


def in_our_words(message: str) -> str:
    """Return what is to be said in place of a message of Typer or Pydantic; others stay."""
    for pattern, ours in _OURS:
        if known := pattern.fullmatch(message):
            return ours.format(known[1].replace("'", ""))
    return message

"""Help for a terminal so narrow that Typer's table would cut the names of options off."""

import copy
import inspect
import re
from typing import Any, Final

LEAST_COLUMNS: Final = 80
"""What the table is made for: in somewhat fewer, the first names are cut."""
_FENCED: Final = re.compile(r"```\n(.*?)\n```", re.DOTALL)
_UNWRAPPED: Final = "\b\n"
"""What begins a paragraph whose lines stay as they are."""


def without_table(command: Any, columns: int) -> Any:  # noqa: ANN401  (Typer names no public type of commands)
    """Return a command, and all below it, whose help has no table and breaks no example.

    Args:
        command: it stays as it is.
        columns: of the terminal.
    """
    plain = copy.copy(command)
    text = inspect.cleandoc(command.help or "")
    plain.help = "\n\n".join(map(_paragraph, _FENCED.sub(_indented, text).split("\n\n")))
    # Without one, Typer would shorten the first paragraph to what fits into a line.
    plain.short_help = " ".join(_unmarked(text.partition("\n\n")[0]).split())
    plain.rich_markup_mode = None
    plain.context_settings = {**command.context_settings, "terminal_width": columns}
    if hasattr(command, "commands"):
        plain.commands = {name: without_table(each, columns) for name, each in command.commands.items()}
    return plain


def _indented(example: re.Match[str]) -> str:
    return "\n".join(f"    {line}" for line in example[1].splitlines())


def _paragraph(text: str) -> str:
    if text.startswith(("    ", "fraudstream ")):
        return f"{_UNWRAPPED}{text}"
    return _unmarked(text)


def _unmarked(text: str) -> str:
    return text.replace("**", "").replace("`", "")

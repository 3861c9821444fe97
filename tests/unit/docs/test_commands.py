"""Every `fraudstream` command that a page, a help text or a message shows is one, with options that it has."""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from fraudstream_tools.cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")]
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "infra").rglob("*.py"), *(ROOT / "rules").rglob("*.yaml")]
COMMANDS: Any = typer.main.get_command(app)
OF_ALL = {"--help", "-h", "--version"}
ENDS = frozenset({"|", "||", "&&", ";", ">", "<"})
"""Words at which a shell ends a command."""


def examples(page: str) -> Iterator[str]:
    """Yield the lines of a page's examples, one that goes on in the next line as one."""
    for block in re.findall(r"^ *```\w*\n(.*?)```", page, re.DOTALL | re.MULTILINE):
        yield from re.sub(r"\\\n", " ", block).splitlines()


def named(text: str) -> Iterator[str]:
    """Yield what a text names between backticks."""
    without_examples = re.sub(r"^ *```.*?```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", without_examples))


def commands(lines: Iterator[str]) -> Iterator[list[str]]:
    """Yield the words that follow `fraudstream` in each command of a shell."""
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        for is_end, part in itertools.groupby(words, ENDS.__contains__):
            command = list(part)
            if not is_end and command[0].rpartition("/")[2] == "fraudstream":
                yield command[1:]


def problem(words: list[str]) -> str | None:
    """Return what is wrong with a command; None for one that is right."""
    found, rest = [COMMANDS], list(words)
    while hasattr(found[0], "commands"):
        if not rest or rest[0] in OF_ALL:
            return None
        # `a|b` stands for each of them.
        names = rest.pop(0).split("|")
        if unknown := [name for name in names if name not in found[0].commands]:
            return f"there is no {unknown[0]}: {' '.join(words)}"
        found = [found[0].commands[name] for name in names]
    known = {option for each in found for kind in each.params for option in (*kind.opts, *kind.secondary_opts)}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known | OF_ALL]
    return f"it has no {unknown[0]}: {' '.join(words)}" if unknown else None


def problems(lines: Iterator[str]) -> list[str]:
    return [why for words in commands(lines) if (why := problem(words))]


def helps(group: Any, *path: str) -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        yield " ".join((*path, name)), command.help or ""
        if hasattr(command, "commands"):
            yield from helps(command, *path, name)


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_commands_that_there_are(page: Path) -> None:
    text = page.read_text("utf-8")
    assert problems(examples(text)) == []
    assert problems(named(text)) == []


@pytest.mark.parametrize(("command", "text"), [*helps(COMMANDS)])
def test_a_help_text_shows_commands_that_there_are(command: str, text: str) -> None:
    del command
    assert problems(line.strip() for line in re.sub(r"\\\n", " ", text).splitlines()) == []


def test_what_code_says_names_commands_that_there_are() -> None:
    # A sentence may be of several literals, and what is in braces is not known here.
    texts = {path: re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8")) for path in SOURCES}
    texts = {path: re.sub(r"`[^`\n]*\{[^`\n]*`", "", text) for path, text in texts.items()}
    wrong = {str(path): found for path, text in texts.items() if (found := problems(named(text)))}
    assert wrong == {}


def test_enough_commands_are_looked_at() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    assert sum(1 for _ in commands(examples(page))) > 20
    assert sum(1 for _ in commands(named(page))) > 20


@pytest.mark.parametrize("line", ["fraudstream rebuild", "fraudstream log mend", "a | fraudstream get order --fast"])
def test_what_is_no_command_is_found(line: str) -> None:
    assert len(problems(iter([line]))) == 1

"""How the commands talk to people: results on standard output, everything else on standard error."""

import codecs
import json
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from fraudstream_tools.visible_text import steers

if TYPE_CHECKING:
    from io import TextIOWrapper

_PLAIN: Final = re.compile(r"[\n\x20-\x7e]*")


class SafeConsole(Console):
    """A console that changes no text: ids stay what they are, and control and format characters are shown, not sent."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  (rich's own)
        """Build a console of rich with its options."""
        # `:100:` in an id is no picture, a number in it needs no colour, and `[/final]` in a file's name ends no style.
        super().__init__(highlight=False, emoji=False, markup=False, **options)

    @property
    def redraws(self) -> bool:
        """Whether it can draw a line anew: no file can, nor a terminal that calls itself dumb, as Emacs has."""
        return self.is_terminal and not self.is_dumb_terminal

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  (rich's own)
        """Print as rich does, and break no line of a text where no terminal's width asks for it."""
        if not self.is_terminal and all(isinstance(each, str | Text) for each in objects):
            # A path or a command in two lines is lost on what reads them.
            options.setdefault("soft_wrap", True)
        super().print(*objects, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what the terminal is to show, control and format characters in texts written as `\\x1b`."""
        for segment in super().render(renderable, options):
            if segment.control or _PLAIN.fullmatch(segment.text):
                yield segment
            else:
                yield Segment(spelled_out(segment.text), segment.style)


def spelled_out(text: str) -> str:
    """Return a text with its control and format characters, but line breaks, written as `\\x1b`."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character == "\n" or not steers(character):
        return character
    return character.encode("unicode_escape").decode()


out = SafeConsole()
err = SafeConsole(stderr=True)

DECISION_STYLES = {"APPROVE": "green", "REVIEW": "yellow", "DECLINE": "red"}


class CommandError(Exception):
    """Something that the person at the keyboard can put right; the message says how."""


class StoppedError(CommandError):
    """Ctrl-C, or a signal like it, ended the command; the message says what stays, and how to go on."""


def one_line(text: str) -> str:
    """Return a text that somebody wrote without its line breaks: what follows one would look like a line of ours."""
    return " ".join(text.splitlines())


def spell_out_what_cannot_be_shown() -> None:
    """Have standard output write `\\u2022` for a character that its encoding lacks, as standard error does."""
    if not _is_for_utf_8():
        cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")


def _is_for_utf_8() -> bool:
    return codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"


def print_json(value: object) -> None:
    """Print a value for other programs to read: plain JSON, never coloured or wrapped."""
    # JSON is UTF-8: in any other encoding, programs can be sure of ASCII alone.
    text = json.dumps(value, indent=2, ensure_ascii=not _is_for_utf_8())
    if not _PLAIN.fullmatch(text):
        # JSON has a way to write each of them, which other programs read as the character itself.
        text = "".join(json.dumps(each)[1:-1] if each != "\n" and steers(each) else each for each in text)
    sys.stdout.write(f"{text}\n")


def decision_text(decision: str | None, status: str = "PENDING") -> Text:
    """Return a decision in its colour, or the status of what has none."""
    if decision is None:
        return Text(status, style="dim" if status == "PENDING" else "red")
    return Text(decision, style=f"bold {DECISION_STYLES.get(decision, '')}")


def print_transaction(state: dict[str, Any]) -> None:
    """Print a transaction's present state, as the API gives it."""
    from fraudstream.transactions.values.money import format_money

    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("transaction", str(state["transactionId"]))
    facts.add_row("amount", f"{format_money(state['amountMinor'], state['currency'])}  {state['type']}")
    decision = decision_text(state.get("decision"), str(state.get("status", "")))
    if state.get("decisionStage") == "INLINE":
        decision.append("  answered at once; the final decision follows", style="dim")
    facts.add_row("decision", decision)
    if state.get("score") is not None:
        facts.add_row("score", f"{state['score']} of 100")
    if state.get("label"):
        facts.add_row("label", f"{state['label']} ({state.get('labelSource')})")
    if state.get("rulesetVersion"):
        facts.add_row("ruleset", str(state["rulesetVersion"]))
    out.print(facts)
    why = Table.grid(padding=(0, 1))
    for reason in state.get("reasons") or ():
        points = f"{reason['points']:+g}" if reason.get("points") else ""
        why.add_row("  •", Text(reason["code"], style="bold"), points, Text(reason.get("message", ""), style="dim"))
    out.print(why)

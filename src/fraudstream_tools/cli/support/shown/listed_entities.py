"""An entry of a list, as commands show it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fraudstream_tools.cli.support.review.digests import shown_digest
from fraudstream_tools.cli.support.terminal.ages import last_day_text, moment_text
from fraudstream_tools.cli.support.terminal.output import one_line, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.operations.lists.entries import ListedEntity


def print_changes(list_name: str, kind: str, done: Sequence[tuple[str, str]], *, waits: bool, as_json: bool) -> None:
    """Print what came of changes.

    Args:
        list_name: the list.
        kind: of the entities.
        done: tokens, with what came of each.
        waits: whether changes count only once somebody else has approved them.
        as_json: whether it is printed as JSON.
    """
    if as_json:
        print_json(
            [
                {
                    "list": list_name,
                    "kind": kind,
                    "token": token,
                    "change": change,
                    "waits": waits and change not in {"absent", "withdrawn"},
                }
                for token, change in done
            ]
        )
        return
    words = {
        "added": f"is on {list_name} now",
        "replaced": f"was on {list_name} already, and has the new end and reason",
        "removed": f"is off {list_name} now",
    }
    if waits:
        words = {
            "added": f"is not on {list_name} yet",
            "replaced": f"was on {list_name} already, and does not have the new end and reason yet",
            "removed": f"is not off {list_name} yet",
        }
    words["ending"] = f"is on {list_name} until somebody else approves its removal, which waits already"
    words["withdrawn"] = f"is not on {list_name}, and what waited for a second person is taken back"
    words["absent"] = f"is not on {list_name} by the commands: nothing was removed"
    for token, change in done:
        out.print(f"{kind} {token} {words[change]}", soft_wrap=True)


def print_entry(listed: "ListedEntity") -> None:
    """Print an entry."""
    entry = listed.entry
    line = Text.assemble((one_line(listed.list_name), "bold"), one_line(f"  {listed.kind.value} {listed.token}"))
    line.append("" if entry.until is None else f"  until {last_day_text(entry.until)}")
    if listed.waits:
        line.append(f"  {'its end waits' if entry.ended_at else 'waits'}: {shown_digest(listed)}", style="yellow")
    out.print(line, soft_wrap=True)
    said = one_line(f"    since {_moment(entry.since)} by {entry.by}: {entry.reason}")
    out.print(said, soft_wrap=True)
    if entry.ended_at is not None:
        text = f"    removed {_moment(entry.ended_at)} by {entry.ended_by}: {entry.ended_reason}"
        out.print(Text(one_line(text), style="dim"), soft_wrap=True)


def entry_as_json(listed: "ListedEntity") -> dict[str, Any]:
    """Return an entry as `--json` has it."""
    entry = listed.entry
    return {
        "digest": listed.digest,
        "list": listed.list_name,
        "kind": listed.kind.value,
        "token": listed.token,
        "since": entry.since,
        "until": entry.until,
        "by": entry.by,
        "reason": entry.reason,
        "endedAt": entry.ended_at,
        "endedBy": entry.ended_by,
        "endedReason": entry.ended_reason,
        "waits": listed.waits,
        "approvedBy": entry.approved_by,
    }


def _moment(milliseconds: int) -> str:
    # Nobody needs the seconds.
    return re.sub(r":\d\d UTC\Z", " UTC", moment_text(milliseconds))

"""`fraudstream audit`: what people did by the console and by commands."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.review.audit import audit_log
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.ages import moment_text, parse_day
from fraudstream_tools.cli.support.terminal.output import err, one_line, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.operations.audit.records import AuditRecord


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    *,
    day: Annotated[
        datetime | None,
        typer.Option("--date", parser=parse_day, metavar="DAY", help="The day (UTC).  [default: today]"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many records; each is a request.")] = 100,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what people did by the console and by commands on a day, newest first: who, what, to what and why.

    A change that was refused has two records: the first says what was about to be made, the second that it was not.

    ```
    fraudstream audit
    fraudstream audit --date 2026-11-23 --json |
        jq '.[] | select(.action == "add-to-list")'
    ```
    """
    import msgspec

    records, total = audit_log(Deployment(stack)).of_day((day or datetime.now(UTC)).date(), limit)
    if total > limit:
        err.print(f"the newest {limit} of {total:,}; --limit shows more", style="dim")
    if as_json:
        print_json(msgspec.to_builtins(records))
        return
    for record in records:
        _print(record)
    if not records:
        out.print("nobody did anything that is recorded")


def _print(record: "AuditRecord") -> None:
    by = one_line(record.by.rpartition(":")[2].rpartition("/")[2])
    line = Text.assemble(f"{moment_text(record.at)}  {by}  ", (one_line(record.action.replace("-", " ")), "bold"))
    line.append(one_line(f"  {record.target}{f': {record.reason}' if record.reason else ''}"))
    if record.refuses:
        line.append("  refused, not made", style="red")
    elif record.doubts:
        line.append("  AWS did not answer: may have been made or not", style="yellow")
    out.print(line, soft_wrap=True)

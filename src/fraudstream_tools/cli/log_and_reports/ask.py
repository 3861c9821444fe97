"""`fraudstream ask`: questions to the decision log in SQL."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.counts import counted, word_for
from fraudstream_tools.cli.support.files.output_files import refuse_unwritable
from fraudstream_tools.cli.support.logs.decision_logs import tell_unfinished
from fraudstream_tools.cli.support.options import JsonOption, StackOption, refuse_unused
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.analytics.answers import LogAnswer


class AskEngine(StrEnum):
    """What answers a question."""

    DUCKDB = "duckdb"
    ATHENA = "athena"


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(ask)


def ask(
    question: Annotated[
        str, typer.Argument(metavar="SQL", help="The question: one SELECT, or a file with it (@file.sql).")
    ],
    *,
    engine: Annotated[
        AskEngine, typer.Option(help="What answers: duckdb from a folder, or athena from the stack's bucket.")
    ] = AskEngine.DUCKDB,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log",
            metavar="FOLDER",
            help="The decision log, as `fraudstream log pull` copies it.  [default: decision-log]",
        ),
    ] = None,
    stack: StackOption = None,
    values: Annotated[
        list[str] | None, typer.Option("--value", metavar="TEXT", help="What a question mark in the SQL stands for.")
    ] = None,
    today: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DAY", help="The day that current_date is.  [default: today, UTC]"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows that are printed at most.")] = 100,
    chart: Annotated[
        list[str] | None,
        typer.Option(
            "--chart", metavar="COLUMN", help="Draw this column in place of the table; once more for another."
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the table, and the charts asked for, to this HTML file."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the decision log a question in SQL.

    The tables are `decisions`, `labels`, `hits` and `tallies`; docs/decision-log.md describes their columns. Each has
    one more, `date`, the UTC day of receipt as text: choose days by it, and no others are read. The checkout's
    infra/data/queries has the questions that people have: value caught and missed by rule, a rule's precision as labels
    come in, what changed when fraud rose, all that touched a device, new customers, false declines, drift.

    DuckDB answers from the folder's merged hours. It is shut off from all other files and from the network. Athena
    answers from the bucket: it costs by the bytes that it reads, and the workgroup stops what reads too much.

    ```
    fraudstream log pull
    fraudstream ask "SELECT count(*) FROM decisions WHERE date = '2026-11-22'"
    fraudstream ask @infra/data/queries/fraud-by-rule.sql --today 2026-11-23 \\
        --chart caughtAmount --html rules.html
    fraudstream ask @infra/data/queries/device.sql \\
        --value tok_0123456789abcdefABCDEF
    ```
    """
    from fraudstream_tools.analytics.answers import QuestionError, as_of, places_for_values

    if html is not None:
        refuse_unwritable(html)
    if engine is AskEngine.ATHENA:
        refuse_unused({"--log": log}, "for a folder: athena answers from the stack's bucket")
    sql = _sql(question)
    needed = places_for_values(sql)
    if needed > len(values or []):
        given = f", and {len(values)} {word_for(len(values), 'is', 'are')} given" if values else ""
        raise CommandError(f"this question needs a --value for each question mark in it: {needed}{given}")
    asked = as_of(sql, today.date()) if today else sql
    try:
        if engine is AskEngine.ATHENA:
            answer = _ask_athena(stack, asked, values or [], limit)
        else:
            from fraudstream_tools.analytics.local_log import ask_folder

            folder = log or Path("decision-log")
            tell_unfinished(folder)
            answer = ask_folder(folder, asked, values or [], limit)
    except QuestionError as error:
        raise CommandError(str(error)) from None
    _refuse_unknown(chart or [], answer)
    if html is not None:
        from fraudstream_tools.cli.support.shown.answer_page import write_page

        write_page(html, sql, answer, chart or [])
    if as_json:
        from fraudstream_tools.cli.support.shown.answer_table import as_plain

        print_json(
            {
                "columns": answer.columns,
                "rows": as_plain(answer),
                "hasMore": answer.has_more,
                "queryId": answer.query_id,
            }
        )
    elif html is not None:
        out.print(f"{html}: {counted(len(answer.rows), 'row')}", soft_wrap=True)
    else:
        _print(answer, chart or [])


def _ask_athena(stack: str | None, sql: str, values: list[str], limit: int) -> "LogAnswer":
    from fraudstream_tools.analytics.athena import dollars
    from fraudstream_tools.cli.support.running.athena_workgroup import athena_of
    from fraudstream_tools.cli.support.running.deployment import Deployment

    answer = athena_of(Deployment(stack)).ask(sql, values, limit)
    read = answer.scanned or 0
    err.print(f"Athena query {answer.query_id} read {read:,} bytes (${dollars(read):.4f})")
    return answer


def _sql(question: str) -> str:
    if not question.startswith("@"):
        return question
    file = Path(question[1:])
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: it is no text: name a file with SQL in it") from None


def _refuse_unknown(chart: list[str], answer: "LogAnswer") -> None:
    from fraudstream_tools.analytics.answers import numeric_columns

    drawn = numeric_columns(answer)
    for column in chart:
        if column not in drawn and answer.rows:
            raise CommandError(f"--chart {column}: the answer's columns of numbers are {', '.join(drawn) or 'none'}")


def _print(answer: "LogAnswer", chart: list[str]) -> None:
    from fraudstream_tools.cli.support.shown.answer_chart import print_chart
    from fraudstream_tools.cli.support.shown.answer_table import print_table

    if not answer.rows:
        out.print("the answer has no rows")
        return
    for column in chart:
        print_chart(answer, column)
    if not chart:
        print_table(answer)
    if answer.has_more:
        out.print(f"these are the first {len(answer.rows):,} rows: --limit shows more", style="dim")

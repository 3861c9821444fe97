"""`fraudstream cost`: what a stack costs on AWS."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from fraudstream.contract import RETENTION_DAYS
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream_tools.costs.estimate import CostLine, Prices, Usage


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(cost)


def cost(
    *,
    per_day: Annotated[
        int, typer.Option("--tx-per-day", metavar="N", min=1, help="Transactions a day.", show_default=False)
    ],
    inline_share: Annotated[
        float, typer.Option("--inline-share", min=0, max=1, help="Share of the POSTs that wait for a decision.")
    ] = 0.0,
    batch: Annotated[
        int, typer.Option("--batch", help="Transactions that the analyzer gets at once, on average: 1, 3, 10 or 100.")
    ] = 3,
    retention_days: Annotated[
        int, typer.Option("--retention-days", min=1, max=3650, help="The setting retentionDays.")
    ] = RETENTION_DAYS,
    prices_file: Annotated[
        Path | None,
        typer.Option("--prices", metavar="FILE", help="Your own prices, in the form of the file that is shipped."),
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as it stands in the README.")
    ] = False,
) -> None:
    """Estimate what a stack costs, line by line, in dollars a month and for a million transactions.

    Counts are measured (`make bench-requests`), prices are list prices without free tiers. Lambda's time is an
    estimate: the processor time that was measured, stretched to the function's memory, and 5 ms for each answer of
    DynamoDB.

        fraudstream cost --tx-per-day 1000000
    """
    from fraudstream_tools.costs.estimate import (
        PriceError,
        Usage,
        batches,
        estimate,
        read_counts,
        read_prices,
    )

    counts = read_counts()
    if batch not in batches(counts):
        raise CommandError(f"--batch: it was measured with {', '.join(map(str, batches(counts)))}: choose one of them")
    try:
        prices = read_prices(prices_file)
    except PriceError as error:
        raise CommandError(str(error)) from None
    usage = Usage(per_day, inline_share, batch, retention_days)
    _print(usage, estimate(usage, counts, prices), prices, as_json=as_json, as_markdown=as_markdown)


def _print(usage: "Usage", lines: "Sequence[CostLine]", prices: "Prices", *, as_json: bool, as_markdown: bool) -> None:
    month, million = sum(line.month for line in lines), sum(line.million for line in lines)
    if as_json:
        print_json(
            {
                "transactionsPerDay": usage.transactions_a_day,
                "inlineShare": usage.inline_share,
                "batch": usage.batch,
                "retentionDays": usage.retention_days,
                "prices": {"date": prices.date, "region": prices.region},
                "lines": [{"name": name, "month": round(m, 2), "million": round(each, 4)} for name, m, each in lines],
                "month": round(month, 2),
                "million": round(million, 4),
            }
        )
    elif as_markdown:
        typer.echo("| what | a month | for a million |\n| --- | --- | --- |")
        for name, dollars, each in [*lines, ("together", month, million)]:
            typer.echo(f"| {name} | ${dollars:,.2f} | ${each:,.2f} |")
    else:
        table = Table(
            "what",
            title=f"{usage.transactions_a_day:,} transactions a day, list prices of {prices.region}, {prices.date}",
        )
        table.add_column("a month", justify="right")
        table.add_column("for a million", justify="right")
        for name, dollars, each in lines:
            table.add_row(name, f"${dollars:,.2f}", f"${each:,.2f}")
        table.add_section()
        table.add_row("together", f"${month:,.2f}", f"${million:,.2f}")
        out.print(table)
        err.print(
            f"Assumed: {usage.inline_share:.0%} of the POSTs wait for a decision, {usage.batch} transactions in a batch"
            f" of the analyzer, {usage.retention_days} days of retention, no free tier."
        )

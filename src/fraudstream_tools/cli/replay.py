"""`fraudstream replay`."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.file_problems import file_problems
from fraudstream_tools.cli.support.options import ApiOption, JsonOption, StackOption
from fraudstream_tools.cli.support.output import CommandError, err, out, print_json
from fraudstream_tools.cli.support.progress import progress_bar

if TYPE_CHECKING:
    from fraudstream_tools.lab.replay.client import ReplayResult


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet; compressed .jsonl.gz and .csv.gz too.")],
    *,
    api: ApiOption = None,
    stack: StackOption = None,
    connections: Annotated[int, typer.Option("--connections", "-c", min=1, max=256, help="Requests at once.")] = 16,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move all times as one, so that the last transaction is just now.")
    ] = False,
    id_suffix: Annotated[
        str, typer.Option(help="Put this behind every transactionId, to replay the same file once more as new.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Post the transactions of a file, signed, many at once and each customer's in their order.

    What the API throttles or fails is posted again, and that is safe: a transactionId counts once. Columns are named
    like the API's fields; amounts are integers of minor units, times epoch milliseconds. Exits with 1 if any
    transaction was refused.

        fraudstream replay history.csv
        fraudstream replay history.jsonl.gz --api https://abc.execute-api.us-east-2.amazonaws.com/v1 -c 64
        fraudstream replay world.parquet --shift-to-now --id-suffix .second-run
    """
    from fraudstream_tools.lab.files import transactions  # noqa: PLC0415  (each command pays for what it uses)
    from fraudstream_tools.lab.replay import client as lab  # noqa: PLC0415

    deployment = Deployment(stack, {"apiUrl": api})
    with file_problems():
        total = transactions.count_transactions(file)
        ahead = _shift(transactions.read_transactions(file)) if shift_to_now else 0
        transactions = (
            lab.shifted(row, ahead, id_suffix) for row in _first(transactions.read_transactions(file), limit)
        )
        with progress_bar("posting", min(total or 0, limit or total or 0) or None) as advance:
            try:
                result = lab.replay(
                    transactions,
                    deployment["apiUrl"],
                    deployment.auth(),
                    connections=connections,
                    on_progress=lambda result: advance(result.accepted + result.refused),
                )
            except lab.UnusableApiError as error:
                hint = "; is `fraudstream local` still running?" if deployment.is_local else ""
                raise CommandError(f"{error}{hint}") from None
    if as_json:
        print_json(summary(result))
    else:
        _print_result(result)
    if result.refused:
        raise typer.Exit(1)


def summary(result: "ReplayResult") -> dict[str, Any]:
    """Return a replay's figures as JSON values."""
    return {
        "accepted": result.accepted,
        "stored": result.stored,
        "refused": result.refused,
        "retries": result.retries,
        "statuses": {str(status): count for status, count in sorted(result.statuses.items())},
        "seconds": round(result.seconds, 3),
        "perSecond": round(result.rate, 1),
        "latencyMs": {name: round(result.percentile_ms(share), 1) for name, share in PERCENTILES.items()},
        "refusals": [
            {"transactionId": r.transaction_id, "status": r.status, "detail": r.detail} for r in result.refusals
        ],
    }


PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def _shift(rows: Iterator[dict[str, Any]]) -> int:
    last = max((row["timestamp"] for row in rows if isinstance(row.get("timestamp"), int)), default=None)
    if last is None:
        raise CommandError("--shift-to-now needs a timestamp in the file, and there is none")
    return int(time.time() * 1000) - last


def _first(rows: Iterator[dict[str, Any]], limit: int | None) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows):
        if number == limit:
            return
        yield row


def _print_result(result: "ReplayResult") -> None:
    out.print(
        f"{result.accepted:,} accepted ({result.stored:,} new), {result.refused:,} refused, "
        f"{result.retries:,} repeated in {result.seconds:.1f} s: {result.rate:,.0f} a second"
    )
    latencies = "  ".join(f"{name} {result.percentile_ms(share):.0f} ms" for name, share in PERCENTILES.items())
    out.print(f"latency of a request: {latencies}")
    for refusal in result.refusals[:10]:
        err.print(f"  {refusal.transaction_id}: {refusal.status or 'no answer'} {refusal.detail}", markup=False)
    if result.refused > len(result.refusals[:10]):
        err.print(f"  … and {result.refused - 10:,} more; --json lists up to 1,000")

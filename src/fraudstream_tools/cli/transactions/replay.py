"""`fraudstream replay`."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudstream.clock import epoch_milliseconds
from fraudstream.counts import counted
from fraudstream.durations import DAY
from fraudstream_tools.cli.support.files.file_problems import file_problems, map_of
from fraudstream_tools.cli.support.files.replay_check import check_only, too_old
from fraudstream_tools.cli.support.options import ApiOption, JsonOption, MapOption, StackOption
from fraudstream_tools.cli.support.running.api_calls import unusable_hint
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from fraudstream_tools.lab.files.mapping.file_map import FileMap
    from fraudstream_tools.lab.files.reading import MappedFile
    from fraudstream_tools.lab.files.shifting import ShiftedTruth
    from fraudstream_tools.lab.replay.client import ReplayResult


_AGAIN = "The same replay again is safe"
_AGAIN_SHIFTED = (
    "The same replay again moves times by another amount: the API refuses what is stored (409) and takes the rest. To "
    "post all of it as new transactions, give it an --id-suffix that none before it had"
)
_CONFLICT = (
    "409: another transaction with this id is stored, as after an earlier replay with --shift-to-now, which moves "
    "times by another amount each time; an --id-suffix that none before it had posts them as new transactions"
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet; compressed .jsonl.gz and .csv.gz too.")],
    *,
    api: ApiOption = None,
    stack: StackOption = None,
    connections: Annotated[
        int, typer.Option("--connections", "-c", min=1, max=256, help="Number of requests at the same time.")
    ] = 16,
    shift_to_now: Annotated[
        bool,
        typer.Option(
            "--shift-to-now", help="Move all times by the same amount, so that the last transaction happens now."
        ),
    ] = False,
    id_suffix: Annotated[
        str, typer.Option(help="Append this to every transactionId, to replay the same file again as new transactions.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many transactions.")] = None,
    file_map: MapOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read the whole file, report what is wrong with it, and post nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Post the transactions of a file, signed, many at once and each customer's in their order.

    What the API throttles or fails is posted again, and that is safe: a transactionId counts once. Columns are named
    like the API's fields, or a map says which is which (--map); columns that are no fields are passed over and named.
    Amounts are integers of minor units. Times are epoch milliseconds or a date and time with its zone; a date alone is
    the end of that day in UTC. Exits with 1 if a row could not be read or was refused; the counts are printed whatever
    happens, also on Ctrl-C.

        fraudstream replay history.csv --check
        fraudstream replay history.jsonl.gz -c 64 \\
            --api https://abc.execute-api.us-east-2.amazonaws.com/v1
        fraudstream replay world.parquet --shift-to-now --id-suffix .second-run
        fraudstream replay fraudTrain.csv --map sparkov --shift-to-now --limit 10000

    With --shift-to-now, labels of these transactions (in the file, or in the truth file beside it) are moved by as much
    into a file beside it, ending in .shifted.truth, which `labels import`, `train` and `backtest` read. Each such
    replay moves times by another amount, and writes that file anew: give the next one an --id-suffix.
    """
    mapped = map_of(file_map)
    if check:
        check_only(file, mapped, limit, shift_to_now=shift_to_now, as_json=as_json)
        return
    from fraudstream_tools.lab.files import shifting
    from fraudstream_tools.lab.files.checking import refuse_useless
    from fraudstream_tools.lab.files.problems import FileProblemError
    from fraudstream_tools.lab.files.transactions import count_transactions
    from fraudstream_tools.lab.replay import client as lab

    now = epoch_milliseconds()
    with file_problems():
        mapped_file = refuse_useless(file, mapped)
        ahead = _shift(file, mapped, now) if shift_to_now else 0
        outgoing = Outgoing(mapped_file, limit, ahead, id_suffix)
        # Before the truth file is written anew: where nothing can be posted, that of an earlier replay is still wanted.
        deployment = Deployment(stack, {"apiUrl": api})
        api_url, auth = deployment.api_url, deployment.auth()
        truth = (
            shifting.write_shifted_truth(file, mapped, ahead=ahead, id_suffix=id_suffix, now=now, limit=limit)
            if shift_to_now
            else None
        )
    if truth is not None:
        _print_shifted(truth)
    total = count_transactions(file)
    result = lab.ReplayResult()
    ended: Exception | KeyboardInterrupt | None = None
    try:
        with progress_bar("posting", min(total or 0, limit or total or 0) or None) as advance:
            lab.replay(
                outgoing.transactions(),
                api_url,
                auth,
                connections=connections,
                on_progress=lambda result: advance(result.accepted + result.refused),
                result=result,
            )
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the counts are wanted whatever happens)
        ended = error
    stopped = _why(ended, is_shifted=shift_to_now, is_local=deployment.is_local) if ended else None
    for notice in outgoing.file.notices:
        err.print(notice, soft_wrap=True)
    if as_json:
        print_json(summary(result) | outgoing.summary() | {"stopped": stopped})
    else:
        _print_result(result, outgoing)
    if isinstance(ended, KeyboardInterrupt):
        raise StoppedError(stopped or "")
    if ended is not None:
        raise CommandError(stopped or "") if isinstance(ended, (lab.UnusableApiError, FileProblemError)) else ended
    if result.refused or outgoing.wrong.count:
        raise typer.Exit(1)


def _print_shifted(truth: "ShiftedTruth") -> None:
    notes = "; it replaces the file of an earlier replay" if truth.was_there else ""
    notes += f"; left out, since nobody would know them yet: {truth.not_yet_known:,}" if truth.not_yet_known else ""
    err.print(f"labels, moved by the same amount: {truth.path}{notes}", soft_wrap=True)


def _why(ended: Exception | KeyboardInterrupt, *, is_shifted: bool, is_local: bool) -> str:
    """Return a sentence on what ended a replay."""
    from fraudstream_tools.lab.files.problems import FileProblemError
    from fraudstream_tools.lab.replay.client import UnusableApiError

    match ended:
        case UnusableApiError():
            return f"{ended}; {unusable_hint(is_denied=ended.is_denied, is_local=is_local)}"
        case FileProblemError():
            return str(ended)
        case KeyboardInterrupt():
            again = _AGAIN_SHIFTED if is_shifted else _AGAIN
            return f"stopped by Ctrl-C. Requests without an answer may be stored too. {again}"
        case _:
            return f"stopped by a fault of this program: {type(ended).__name__}"


def _shift(file: Path, file_map: "FileMap | None", now: int) -> int:
    from fraudstream_tools.lab.files.checking import USUAL_PAST_DAYS
    from fraudstream_tools.lab.files.shifting import time_span

    first, last = time_span(file, file_map)
    if last - first > USUAL_PAST_DAYS * DAY:
        err.print(too_old("the file's first rows are", shift_to_now=True), soft_wrap=True)
    return now - last


class Outgoing:
    """The transactions of a file that are to be posted, and what could not be."""

    def __init__(self, file: "MappedFile", limit: int | None, ahead: int, id_suffix: str) -> None:
        """Open a file.

        Args:
            file: what is read.
            limit: how many at most.
            ahead: milliseconds by which they are moved.
            id_suffix: what is put behind each id.
        """
        from fraudstream_tools.lab.files.problems import ProblemList

        self.file = file
        self.wrong = ProblemList(file.path)
        """Rows that could not be read."""
        self._limit = limit
        self._ahead = ahead
        self._id_suffix = id_suffix

    def transactions(self) -> Iterator[dict[str, Any]]:
        """Read the transactions as the API takes them; wrong rows are counted and passed over.

        Raises:
            FileProblemError: the file cannot be read to its end.
        """
        from fraudstream_tools.lab.files.checking import api_fields
        from fraudstream_tools.lab.files.shifting import shifted

        given = 0
        for row in self.file.rows():
            if given == self._limit:
                return
            if row.problems:
                self.wrong.add(row)
                continue
            given += 1
            yield shifted(api_fields(row.values), self._ahead, self._id_suffix)

    def summary(self) -> dict[str, Any]:
        """Return the counts of what was not posted as JSON values."""
        return {
            "unreadable": self.wrong.count,
            "unreadableRows": self.wrong.lines(),
            "skipped": self.file.skipped,
        }


def summary(result: "ReplayResult") -> dict[str, Any]:
    """Return a replay's figures as JSON values."""
    from fraudstream_tools.lab.replay.client import PERCENTILES

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


def _print_result(result: "ReplayResult", outgoing: Outgoing) -> None:
    from fraudstream_tools.lab.replay.client import PERCENTILES

    unreadable = f", {counted(outgoing.wrong.count, 'row')} that could not be read" if outgoing.wrong.count else ""
    out.print(
        f"{result.accepted:,} accepted ({result.stored:,} new), {result.refused:,} refused{unreadable}, "
        f"{result.retries:,} repeated in {result.seconds:.1f} s: {result.rate:,.0f} a second"
    )
    latencies = "  ".join(f"{name} {result.percentile_ms(share):.0f} ms" for name, share in PERCENTILES.items())
    out.print(f"latency of a request: {latencies}")
    for refusal in result.refusals[:10]:
        err.print(f"  {refusal.transaction_id}: {refusal.status or 'no answer'} {refusal.detail}")
    if result.refused > len(result.refusals[:10]):
        err.print(f"  … and {result.refused - 10:,} more; --json lists up to 1,000")
    for line in outgoing.wrong.lines():
        err.print(f"  {line}", soft_wrap=True)
    if result.statuses[HTTPStatus.CONFLICT]:
        err.print(_CONFLICT, soft_wrap=True)

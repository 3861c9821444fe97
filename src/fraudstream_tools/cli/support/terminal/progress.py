"""Progress: a bar where a terminal can draw it, now and then a plain line elsewhere."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from fraudstream_tools.cli.support.terminal.output import err

_SECONDS_BETWEEN_LINES = 5.0


class _Rate(ProgressColumn):
    """How many a second, over the last while."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="cyan")


@contextmanager
def progress_bar(name: str, total: int | None) -> Generator[Callable[[int], None]]:
    """Show how far something is; the block gets a function that it calls with the count so far.

    Args:
        name: what is being done.
        total: how many there are; None where nobody knows.
    """
    if not err.redraws:
        yield _plain(name, total)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(name, total=total)
        yield lambda count: progress.update(task, completed=count)


def _plain(name: str, total: int | None) -> Callable[[int], None]:
    started = said = time.monotonic()

    def advance(count: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _SECONDS_BETWEEN_LINES or count == total:
            said = now
            of = f" of {total:,}" if total else ""
            err.print(f"{name}: {count:,}{of}, {count / max(now - started, 0.001):,.0f}/s")

    return advance

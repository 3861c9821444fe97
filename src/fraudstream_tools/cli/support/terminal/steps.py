"""Steps of something long: a row for each where a terminal can draw it, plain lines elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fraudstream_tools.cli.support.terminal.output import err

_SECONDS_BETWEEN_LINES = 5.0


class ProgressStep:
    """One step, while it runs and after."""

    def __init__(self, title: str, total: int | None) -> None:
        """Begin a step; `total` is the final value of its count, if it has one."""
        self.title = title
        self.total = total
        self.count = 0
        self.note = ""
        self.failed = False
        self._started = time.monotonic()
        self._seconds: float | None = None
        self._said = self._started

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return self._seconds if self._seconds is not None else time.monotonic() - self._started

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._seconds is not None

    def say(self, note: str, count: int | None = None) -> None:
        """Print how far it is, from time to time where no row shows it."""
        self.note = note
        self.count = self.count if count is None else count
        if not err.redraws and time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            err.print(f"  {self._progress()}{note}", soft_wrap=True)

    def end(self, *, failed: bool) -> None:
        """Note that the step has ended, and print so where no row shows it."""
        self._seconds = self.seconds
        self.failed = failed
        if not err.redraws:
            outcome = "failed" if failed else "done"
            said = f": {self._progress()}{self.note}" if self.note or self.total else ""
            err.print(f"  {outcome} in {self.seconds:.1f} s{said}", soft_wrap=True)

    def row(self, spinner: Spinner) -> tuple[RenderableType, ...]:
        """Return its row: mark, title, bar or nothing, note, seconds."""
        mark: RenderableType = Text("✗", style="red") if self.failed else Text("✓", style="green")
        bar = Text("")
        if self.total and not self.is_done:
            shown: RenderableType = ProgressBar(self.total, self.count, width=20)
        else:
            shown = bar
        note = Text(f"{self._progress()}{self.note}", style="dim", no_wrap=True, overflow="ellipsis")
        seconds = Text(f"{self.seconds:.1f} s", style="dim")
        return (mark if self.is_done else spinner, Text(self.title), shown, note, seconds)

    def _progress(self) -> str:
        return f"{self.count:,} of {self.total:,}, " if self.total else ""


class ProgressSteps:
    """Shows steps one below the other; a context manager around all of them."""

    def __init__(self) -> None:
        """Begin without a step."""
        self._steps: list[ProgressStep] = []
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(get_renderable=self._render, console=err, refresh_per_second=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Leave the rows as they are until the next step, so that something else can be printed."""
        if err.redraws:
            self._live.stop()

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Generator[ProgressStep]:
        """Run a step."""
        step = ProgressStep(title, total)
        self._steps.append(step)
        if err.redraws:
            self._live.start()
        else:
            err.print(title)
        try:
            yield step
        except BaseException:
            step.end(failed=True)
            raise
        step.end(failed=False)

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2)
        table.add_column(no_wrap=True)
        table.add_column()
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        table.expand = True
        for step in self._steps:
            table.add_row(*step.row(self._spinner))
        return Group(table)

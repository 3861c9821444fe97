"""The processes of a backtest: samples to tallies, in order, and the first stage of a replay."""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from fraudstream.detection.profiles.entities import PERSONAL
from fraudstream_tools.lab.backtest.run import CHUNK, BacktestTally, Contestant, Evaluator, Sample
from fraudstream_tools.lab.replay.stages import HistoryStep, Seen, Stage, take_all

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from fraudstream.detection.features.compute import Calendar
    from fraudstream.detection.rules.rates import Rates

T = TypeVar("T")

AHEAD: Final = 3
"""Pieces of work that wait for each process: enough that none idles, few enough for memory."""
_ENCODER: Final = msgspec.msgpack.Encoder()
_SAMPLES: Final = msgspec.msgpack.Decoder(list[Sample])
_STEPS: Final = msgspec.msgpack.Decoder(list[HistoryStep])


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def without_cycle_collection() -> Generator[None]:
    """Look for no cycles of garbage meanwhile: profiles make none, and looking through all of them costs a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut items into lists of `CHUNK`; the last one may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def evaluate(
    samples: Iterable[Sample],
    contestants: Sequence[Contestant],
    *,
    workers: int,
    with_changes: bool,
    on_progress: Callable[[int], None] | None = None,
) -> BacktestTally:
    """Judge samples in this process or in others, and count what each ruleset decides.

    Args:
        samples: in order.
        contestants: one ruleset, or two.
        workers: other processes that judge; 0: this one does.
        with_changes: list the transactions that two rulesets decide differently.
        on_progress: told how many were judged.
    """
    whole, done = BacktestTally(), 0
    with _evaluation(contestants, workers, with_changes=with_changes) as tally:
        for count, part in tally(chunks(samples)):
            whole.add(part)
            done += count
            if on_progress:
                on_progress(done)
    return whole


@contextmanager
def _evaluation(
    contestants: Sequence[Contestant], workers: int, *, with_changes: bool
) -> Generator[Callable[[Iterable[list[Sample]]], Iterator[tuple[int, BacktestTally]]]]:
    if not workers:
        evaluator = Evaluator(contestants, with_changes=with_changes)
        yield lambda parts: ((len(part), evaluator.tally(part)) for part in parts)
        return
    with _pool(workers, _begin_evaluation, contestants, with_changes) as pool:

        def tally(parts: Iterable[list[Sample]]) -> Iterator[tuple[int, BacktestTally]]:
            under_way = ((len(part), pool.submit(_tally, _ENCODER.encode(part))) for part in parts)
            for count, future in _ahead(under_way, AHEAD * workers):
                yield count, future.result()

        yield tally


@contextmanager
def first_stage(
    rates: Sequence[Rates], calendar: Calendar, *, elsewhere: bool
) -> Generator[Callable[[Iterable[list[HistoryStep]]], Iterator[tuple[list[HistoryStep], list[list[Seen]]]]]]:
    """Return the first stage of a replay, for each of the rates: a function of chunks of steps to what it sees.

    Args:
        rates: to the base currency.
        calendar: time zone and delay of labels.
        elsewhere: in another process, a few chunks ahead of the caller.
    """
    if not elsewhere:
        stages = [Stage(PERSONAL, each, calendar) for each in rates]
        yield lambda parts: ((part, take_all(stages, part)) for part in parts)
        return
    # One process, so that chunks are taken in their order.
    with _pool(1, _begin_stage, rates, calendar) as pool:

        def see(parts: Iterable[list[HistoryStep]]) -> Iterator[tuple[list[HistoryStep], list[list[Seen]]]]:
            under_way = ((part, pool.submit(_see, _ENCODER.encode(part))) for part in parts)
            for part, future in _ahead(under_way, AHEAD):
                yield part, future.result()

        yield see


def _ahead(under_way: Iterable[tuple[T, Future[Result]]], most: int) -> Iterator[tuple[T, Future[Result]]]:
    waiting: deque[tuple[T, Future[Result]]] = deque()
    for each in under_way:
        waiting.append(each)
        if len(waiting) > most:
            yield waiting.popleft()
    yield from waiting


Result = TypeVar("Result")


@contextmanager
def _pool(workers: int, begin: Callable[..., None], *arguments: object) -> Generator[ProcessPoolExecutor]:
    # Not forked: the caller may have threads, such as a progress bar's.
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(begin, *arguments)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


_evaluator: list[Evaluator] = []
_stages: list[Stage] = []
"""Stages of a worker: filled when it begins."""


def _begin(begin: Callable[..., None], *arguments: object) -> None:
    # Ctrl-C is the caller's to deal with: it ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    begin(*arguments)


def _begin_evaluation(contestants: Sequence[Contestant], with_changes: bool) -> None:  # noqa: FBT001  (called by the pool)
    _evaluator[:] = [Evaluator(contestants, with_changes=with_changes)]


def _tally(samples: bytes) -> BacktestTally:
    return _evaluator[0].tally(_SAMPLES.decode(samples))


def _begin_stage(rates: Sequence[Rates], calendar: Calendar) -> None:
    _stages[:] = [Stage(PERSONAL, each, calendar) for each in rates]


def _see(steps: bytes) -> list[list[Seen]]:
    return take_all(_stages, _STEPS.decode(steps))

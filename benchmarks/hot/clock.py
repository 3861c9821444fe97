"""Simulated time for code that waits: each program is a thread, one runs at a time, and waiting takes no real time."""

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import count
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

WORKERS: Final = 16
"""Calls side by side, as the analyzer makes them."""


class SimulatedClock:
    """The time, and who waits until when."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.now = 0.0
        """Seconds."""
        self._waiting: list[tuple[float, int, threading.Semaphore]] = []
        self._number = count()
        self._ended = threading.Semaphore(0)
        self._errors: list[BaseException] = []

    def sleep(self, seconds: float) -> None:
        """Wait in simulated time: others run until so much has passed."""
        turn = threading.Semaphore(0)
        self.wake(turn, seconds)
        self.suspend(turn)

    def wake(self, turn: threading.Semaphore, seconds: float = 0.0) -> None:
        """Schedule a program's turn in so many seconds."""
        heapq.heappush(self._waiting, (self.now + seconds, next(self._number), turn))

    def suspend(self, turn: threading.Semaphore | None) -> None:
        """Hand over to the next one, and wait for one's own turn; None: there is none any more."""
        if self._waiting:
            self.now, _, following = heapq.heappop(self._waiting)
            if following is turn:
                return
            following.release()
        else:
            self._ended.release()
        if turn is not None:
            turn.acquire()

    def run(self, programs: Iterable[Callable[[], None]]) -> None:
        """Run programs to their ends; the first one's error is raised."""
        for program in programs:
            self.start(program)
        self.suspend(None)
        self._ended.acquire()
        if self._errors:
            raise self._errors[0]

    def start(self, program: Callable[[], None]) -> None:
        """Run a program beside the others, from now on."""
        turn = threading.Semaphore(0)

        def play() -> None:
            turn.acquire()
            try:
                program()
            except BaseException as error:  # noqa: BLE001  (it is raised where the simulation runs)
                self._errors.append(error)
            self.suspend(None)

        threading.Thread(target=play, daemon=True).start()
        self.wake(turn)


class SimulatedPool(Executor):
    """Runs calls side by side in simulated time; its threads are kept."""

    def __init__(self, clock: SimulatedClock) -> None:
        """Begin without threads."""
        self._clock = clock
        self._idle: list[tuple[threading.Semaphore, list[Callable[[], None]]]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Not used: whoever waits for a single future would stop the clock."""
        raise NotImplementedError

    def map(self, fn: Callable[..., T], *iterables: Iterable[Any], **_options: object) -> Iterator[T]:
        """Return the results in order, when all calls are done."""
        calls = list(zip(*iterables, strict=True))
        results: list[Any] = [None] * len(calls)
        errors: list[BaseException] = []
        left = iter(range(len(calls)))
        workers = min(WORKERS, len(calls))
        running, done = workers, threading.Semaphore(0)

        def work() -> None:
            nonlocal running
            for number in left:
                try:
                    results[number] = fn(*calls[number])
                except Exception as error:  # noqa: BLE001  (it is raised below)
                    errors.append(error)
            running -= 1
            if not running:
                self._clock.wake(done)

        if workers:
            for _ in range(workers):
                self._employ(work)
            self._clock.suspend(done)
        if errors:
            raise errors[0]
        return iter(results)

    def _employ(self, work: Callable[[], None]) -> None:
        if self._idle:
            turn, job = self._idle.pop()
        else:
            turn, job = threading.Semaphore(0), list[Callable[[], None]]()
            threading.Thread(target=self._serve, args=(turn, job), daemon=True).start()
        job.append(work)
        self._clock.wake(turn)

    def _serve(self, turn: threading.Semaphore, job: list[Callable[[], None]]) -> None:
        while True:
            turn.acquire()
            job.pop()()
            self._idle.append((turn, job))
            self._clock.suspend(None)

"""Programs that run at the same time, one call to AWS at a time, in an order that a seed decides.

Each is a thread, and only one of them runs: whoever comes to a call hands over to one that is drawn by lot. So two
functions meet in every way in which they can meet between their calls, and the same seed gives the same run.
"""

import random
import threading
from collections.abc import Callable


class _Actor:
    def __init__(self, name: str) -> None:
        self.name = name
        self.go = threading.Semaphore(0)


class Actors:
    """Runs programs in turns."""

    def __init__(self, chance: random.Random) -> None:
        """Begin with no actors; the generator draws whose turn it is."""
        self._chance = chance
        self._alive: list[_Actor] = []
        self._current: _Actor | None = None
        self._finished = threading.Semaphore(0)
        self._errors: list[BaseException] = []

    @property
    def current(self) -> str:
        """The name of the one that runs."""
        return self._current.name if self._current else ""

    def turn(self) -> None:
        """Continue, or yield to another actor, by a seeded draw."""
        actor = self._current
        if actor is None or len(self._alive) == 1:
            return
        following = self._chance.choice(self._alive)
        if following is not actor:
            self._current = following
            following.go.release()
            actor.go.acquire()
        if self._errors:
            raise SystemExit  # another one has failed, and with it the experiment

    def run(self, programs: dict[str, Callable[[], None]]) -> None:
        """Run programs to their ends.

        Args:
            programs: by their names.
        """
        self._alive = [_Actor(name) for name in programs]
        threads = [
            threading.Thread(target=self._play, args=(actor, programs[actor.name]), daemon=True)
            for actor in self._alive
        ]
        for thread in threads:
            thread.start()
        self._current = self._alive[0]
        self._current.go.release()
        self._finished.acquire()
        for thread in threads:
            thread.join()
        self._current = None
        if self._errors:
            raise self._errors[0]

    def _play(self, actor: _Actor, program: Callable[[], None]) -> None:
        actor.go.acquire()
        try:
            if not self._errors:
                program()
        except SystemExit:
            pass
        except BaseException as error:  # noqa: BLE001  (it is raised again where the experiment runs)
            self._errors.append(error)
        self._alive.remove(actor)
        if not self._alive:
            self._finished.release()
            return
        self._current = self._chance.choice(self._alive)
        self._current.go.release()

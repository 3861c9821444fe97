"""Calls side by side: each once, results in order, few threads woken."""

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from fraudstream.aws.side_by_side import SideBySide


def test_calls_run_at_the_same_time_in_all_threads_and_the_callers() -> None:
    met = threading.Barrier(3, timeout=10)
    names: set[str] = set()

    def call(number: int, word: str) -> str:
        names.add(threading.current_thread().name)
        met.wait()
        return f"{number}{word}"

    with SideBySide(2) as pool:
        assert list(pool.map(call, range(6), "abcdef")) == ["0a", "1b", "2c", "3d", "4e", "5f"]
    assert threading.current_thread().name in names
    assert len(names) == 3


def test_no_more_threads_are_asked_than_there_are_however_many_calls() -> None:
    asked: list[object] = []

    class Counting(SideBySide):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            asked.append(fn)
            return super().submit(fn, *args, **kwargs)

    made: list[int] = []
    with Counting(4) as pool:
        assert list(pool.map(made.append, [])) == []
        assert list(pool.map(made.append, [0])) == [None]
        assert not asked  # the caller makes a single call itself
        assert list(pool.map(made.append, range(1, 1000))) == [None] * 999
    assert sorted(made) == list(range(1000))
    assert len(asked) <= 5


@pytest.mark.parametrize("place", [0, 1, 5])
def test_an_error_is_raised_when_nothing_is_under_way_any_more(place: int) -> None:
    met = threading.Barrier(2, timeout=10)
    under_way: set[int] = set()

    def call(number: int) -> None:
        under_way.add(number)
        if number < 2:
            met.wait()  # so that both threads make calls
        under_way.discard(number)
        if number == place:
            raise LookupError(str(number))

    with SideBySide(1) as pool, pytest.raises(LookupError, match=str(place)):
        pool.map(call, range(6))
    assert not under_way


def test_a_call_may_make_calls_side_by_side_itself_where_all_threads_are_taken() -> None:
    with SideBySide(1) as pool:

        def call(number: int) -> list[str]:
            return list(pool.map(str, range(number)))

        assert list(pool.map(call, range(4))) == [[], ["0"], ["0", "1"], ["0", "1", "2"]]

"""A count with the word for what is counted."""

import pytest

from fraudstream.counts import counted, word_for


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 hours"), (1, "1 hour"), (2, "2 hours"), (1200, "1,200 hours"), (1.5, "1.5 hours")]
)
def test_only_one_is_in_the_singular(count: float, said: str) -> None:
    assert counted(count, "hour") == said


def test_a_plural_that_takes_no_s_is_named() -> None:
    assert [counted(each, "entry", "entries") for each in (1, 2)] == ["1 entry", "2 entries"]
    assert [word_for(each, "is", "are") for each in (0, 1, 2)] == ["are", "is", "are"]

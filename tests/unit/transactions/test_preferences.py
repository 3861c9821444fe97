"""The `Prefer` header as clients may send it."""

import pytest

from fraudstream.transactions.api.preferences import wait_seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=2", 2),
        ("WAIT = 2", 2),
        ('wait="2"', 2),
        ("respond-async, wait=3", 3),
        ("respond-async; x=1, wait=3; y=2", 3),
        ("wait=1, wait=4", 1),  # of several, the first counts
        ("wait=60", 5),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=²", 0),
        ("wait=9999999999", 5),
        ("wait=" + "9" * 5000, 5),
        ("wait=" + "0" * 5000 + "2", 2),
        ("wait", 0),
        ("", 0),
        ("return=minimal", 0),
    ],
)
def test_what_can_be_understood_counts_and_all_else_is_passed_over(header: str, seconds: int) -> None:
    assert wait_seconds({"headers": {"Prefer": header}}) == seconds


def test_a_header_that_is_sent_twice_is_one_list() -> None:
    several = {"prefer": ["respond-async", "wait=2"]}
    assert wait_seconds({"headers": {"prefer": "wait=2"}, "multiValueHeaders": several}) == 2


def test_without_a_header_nobody_waits() -> None:
    assert wait_seconds({"headers": None, "multiValueHeaders": None}) == 0
    assert wait_seconds({}) == 0

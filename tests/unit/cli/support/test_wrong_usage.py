"""What is said of a value that a command cannot read."""

import pytest

from tests.cli_harness import Command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("alerts list --sort dog", "'--sort': write one of newest, oldest, score, amount, loss"),
        ("alerts list --limit 0", "'--limit': write a number of at least 1"),
        ("alerts list --limit many", "'--limit': write a whole number"),
        ("alerts list --limit 1.5", "'--limit': write a whole number"),
        ("cost --tx-per-day 1000 --inline-share 2", "'--inline-share': write a number of at most 1"),
        ("cost --tx-per-day 1000 --inline-share half", "'--inline-share': write a number"),
        ("alerts list --older-than soon", "write it as minutes, hours or days: 30m, 4h or 2d"),
    ],
)
def test_a_wrong_value_is_answered_by_what_to_write(fraudstream: Command, arguments: str, said: str) -> None:
    ran = fraudstream(*arguments.split())
    told = " ".join(ran.err.replace("│", " ").split())
    assert (ran.code, f"Invalid value for {said}" in told or said in told) == (2, True)


def test_a_wrong_choice_is_not_repeated_even_if_it_reads_like_the_message(fraudstream: Command) -> None:
    ran = fraudstream("alerts", "list", "--sort", "4111 is not one of these.")
    assert "4111" not in ran.err
    assert "write one of newest" in ran.err

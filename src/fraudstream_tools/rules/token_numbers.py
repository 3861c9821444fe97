"""Entries of lists.yaml by tokens of another number than a log's: decisions find them, and readers of the log do not.

Functions have the keys of tokens and raise those of lists.yaml to the newest number. On a person's machine there is no
key, so that tokens are only the same where their numbers are.
"""

from collections.abc import Collection, Iterable

from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.transactions.pseudonyms.tokens import number_of


def token_numbers(log: DecisionLog) -> frozenset[int]:
    """Return the numbers that tokens of a log's customers have."""
    beginnings = "SELECT DISTINCT regexp_extract(customerId, '^tok[0-9]*_') FROM records WHERE customerId IS NOT NULL"
    return frozenset(number_of(beginning) for (beginning,) in log.ask(beginnings))


def listed_tokens(rulesets: Iterable[Ruleset]) -> frozenset[tuple[str, str]]:
    """Return the entries of rulesets' lists: kind of entity and token, each once."""
    return frozenset(
        (kind, token)
        for ruleset in rulesets
        for listed in ruleset.lists.entries().values()
        for kind, token, _ in listed
    )


def entries_of_other_numbers(entries: Iterable[tuple[str, str]], numbers: Collection[int]) -> int:
    """Return how many entries of lists have tokens of another number than some of a log."""
    return sum(any(number_of(token) != number for number in numbers) for _, token in entries)

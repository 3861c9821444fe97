"""What share of card numbers the detector refuses, by the text around them, and what share of ordinary ids.

Run by `make bench-privacy`. Prints both as tables in Markdown, as they are in docs/privacy.md, and as the last line
one JSON object for machines. The seeds are the names of the cells: the same numbers come out everywhere.
"""

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from benchmarks.privacy.embeddings import EMBEDDINGS, UNPROMISED, Embedding
from benchmarks.privacy.numbers import SCHEMES, card_number, is_bare_number
from benchmarks.privacy.ordinary import ORDINARY
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.card_numbers.schemes import LONGEST, SHORTEST, is_card_number

_DIGITS = re.compile("[0-9]+")


class EmbeddingShare(NamedTuple):
    """What is refused of one way to write card numbers."""

    name: str
    refused: float
    """Share of all schemes' numbers."""
    worst: float
    """Share of the scheme of which the least are refused."""
    worst_scheme: str


class OrdinaryShare(NamedTuple):
    """What is refused of one kind of ordinary text."""

    name: str
    refused: float
    """Share that is refused although it is no card number by itself."""
    bare: float
    """Share that is a card number by itself: refused whatever it meant."""
    sliding: float
    """Share that would be refused if any digits could touch a card number on both sides."""


def embedding_shares(embeddings: Mapping[str, Embedding], numbers: int) -> Iterator[EmbeddingShare]:
    """Measure of each embedding how many card numbers in it are refused.

    Args:
        embeddings: by name.
        numbers: card numbers of each scheme in each.
    """
    for name, embed in embeddings.items():
        shares: dict[str, float] = {}
        for scheme in SCHEMES:
            chance = Random(f"{name}, {scheme}")
            refused = sum(holds_card_number(embed(chance, card_number(chance, scheme))) for _ in range(numbers))
            shares[scheme] = refused / numbers
        worst = min(shares, key=lambda scheme: shares[scheme])
        yield EmbeddingShare(name, sum(shares.values()) / len(shares), shares[worst], worst)


def ordinary_shares(texts: int) -> Iterator[OrdinaryShare]:
    """Measure kinds of ordinary texts, so many of each."""
    for name, make in ORDINARY.items():
        chance = Random(name)
        bare = refused = sliding = 0
        for _ in range(texts):
            text = make(chance)
            sliding += _holds_anywhere(text)
            if is_bare_number(text):
                bare += 1
            elif holds_card_number(text):
                refused += 1
        yield OrdinaryShare(name, refused / texts, bare / texts, sliding / texts)


def _holds_anywhere(text: str) -> bool:
    return any(
        is_card_number(digits[begin : begin + length])
        for digits in _DIGITS.findall(text)
        for length in range(SHORTEST, LONGEST + 1)
        for begin in range(len(digits) - length + 1)
    )


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description="Measure the detector of card numbers.")
    parser.add_argument("--numbers", type=int, default=1000, help="card numbers of each scheme in each embedding")
    parser.add_argument("--texts", type=int, default=50_000, help="ordinary texts of each kind")
    options = parser.parse_args()
    promised = _print_embeddings("card numbers", embedding_shares(EMBEDDINGS, options.numbers))
    print()
    unpromised = _print_embeddings("not promised", embedding_shares(UNPROMISED, options.numbers))
    print("\n| ordinary | refused | card number by itself | by a sliding window |\n| --- | --- | --- | --- |")
    ordinary: list[OrdinaryShare] = []
    for share in ordinary_shares(options.texts):
        ordinary.append(share)
        print(f"| {share.name} | {share.refused:.3%} | {share.bare:.2%} | {share.sliding:.1%} |", flush=True)
    print(
        json.dumps(
            {
                "refused_embeddings": min(share.worst for share in promised),
                "refused_ordinary_worst": max(share.refused for share in ordinary),
                "refused_unpromised": {share.name: round(share.refused, 4) for share in unpromised},
                "schemes": len(SCHEMES),
                "embeddings": len(promised),
                "numbers_of_each": options.numbers,
                "ordinary_kinds": len(ordinary),
                "texts_of_each": options.texts,
            }
        )
    )


def _print_embeddings(title: str, shares: Iterable[EmbeddingShare]) -> list[EmbeddingShare]:
    print(f"| {title} | refused | worst scheme |\n| --- | --- | --- |")
    seen: list[EmbeddingShare] = []
    for share in shares:
        seen.append(share)
        worst = "" if share.worst == share.refused else f"{share.worst:.2%} ({share.worst_scheme})"
        print(f"| {share.name} | {share.refused:.2%} | {worst} |", flush=True)
    return seen


if __name__ == "__main__":
    main()

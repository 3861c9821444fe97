"""Expressions that somebody may write in a rule: of words of the language in any order, and of damaged sound ones."""

from typing import Final

from hypothesis import strategies as st

from proofs.inputs import samples
from proofs.inputs.hostile import CARD, MARK, damaged

_WORDS: Final = (
    *(
        "cardCount1h",
        "amountBase",
        "currency",
        "channel",
        "limit",
        "listed",
        "present",
        "min",
        "lambda x:",
        "not",
        "and",
    ),
    *(
        "or",
        "in",
        "is None",
        "==",
        "!=",
        "<",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "//",
        "**",
        "%",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        ":=",
    ),
    *(
        "0",
        "1e999",
        "10" * 40,
        "0x10",
        "1_000",
        "'EUR'",
        '"',
        f"'{MARK}'",
        f"'{CARD}'",
        "f''",
        "b''",
        "#",
        "\\",
        "\n",
        "\u202e",
    ),
    *(
        "__class__",
        "__import__('os')",
        "await",
        "yield",
        "not " * 240,
        "(" * 300,
        "*",
        "**",
        "...",
        "True",
        "None",
        "'blocked'",
        "{",
        "}",
        "²",
    ),
)
EXPRESSIONS: Final = st.one_of(
    st.tuples(
        *map(
            st.sampled_from,
            (
                ("channel", "type", "amountBase"),
                ("==", "!=", "in", "<", "+"),
                (f"'{MARK}'", f"('{CARD}',)", "1", "listed"),
            ),
        )
    ).map(" ".join),
    st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join),
    damaged(st.sampled_from([rule["when"].encode() for rule in samples.RULESET["rules"]])).map(
        lambda found: found.decode("utf-8", "replace")
    ),
)

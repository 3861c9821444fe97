"""Rules that the checker may accept, vectors that they may meet, and what Python says of them."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from fraudstream.detection.features.codec import pack, unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.language import checker, compiler
from fraudstream.detection.rules.language.checker import Parameter, Scope
from fraudstream.detection.rules.language.fields import BY_NAME, FIELDS
from fraudstream.detection.rules.language.parser import LanguageError
from fraudstream.detection.rules.language.sql import SqlCompiler, select

NUMBERS = NAMES[:6]
TEXTS = ("channel", "merchantCountry", "cardToken")
LISTS = ("blocked", "trusted")
PARAMETERS: Mapping[str, Parameter] = {"limit": 0.1, "huge": 1e12, "some": (0.0, 3.0, 0.5), "places": ("DE", "it's")}
SCOPE = Scope(BY_NAME, PARAMETERS, LISTS)
HUGE = " * ".join(["huge"] * 13)
EACH = (*NUMBERS, *TEXTS)
LITERALS = ("0", "1", "3", "0.1", "0.5", "2.5", "1e12", "limit", "huge", "0.0001")

numbers = st.recursive(
    st.sampled_from((*NUMBERS, *LITERALS)),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        inner.map("(- {})".format),
        inner.map("abs({})".format),
        st.tuples(st.sampled_from(("min", "max")), st.lists(inner, min_size=2, max_size=3)).map(
            lambda part: f"{part[0]}({', '.join(part[1])})"
        ),
    ),
    max_leaves=8,
)
comparisons = st.one_of(
    st.tuples(numbers, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), numbers).map(" ".join),
    st.tuples(numbers, numbers, numbers).map(" <= ".join),
    st.tuples(numbers, st.sampled_from(("in", "not in"))).map(lambda part: f"{part[0]} {part[1]} some"),
    st.tuples(st.sampled_from(("==", "!=")), st.sampled_from(("'DE'", "'FR'"))).map(
        lambda part: f"merchantCountry {part[0]} {part[1]}"
    ),
    st.sampled_from(
        ("channel == 'POS'", "merchantCountry in places", "cardToken not in ('a', 'b')", "listed('blocked')")
    ),
    st.sampled_from(EACH).map("present({})".format),
)
flags = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        inner.map("(not ({}))".format),
    ),
    max_leaves=6,
)
values = st.none() | st.sampled_from([0.0, 1.0, 3.0, 0.1, 0.5, 2.5, -4.0, 1e30, 3e38, 1e-40]) | st.floats(-3e38, 3e38)
rows = st.fixed_dictionaries(
    dict.fromkeys(NUMBERS, values)
    | {
        "channel": st.sampled_from(("POS", "ATM", None)),
        "merchantCountry": st.sampled_from(("DE", "FR", "it's", None)),
        "cardToken": st.sampled_from(("a", "tok", None)),
        "blocked": st.booleans(),
    }
)

TRAPS: Sequence[tuple[str, Mapping[str, float], bool | None]] = (
    ("min(1, amountBase) < 2", {}, None),
    ("max(amountBase, localHour) > 2", {"amountBase": 5.0}, None),
    ("amountBase / localHour > 2", {"amountBase": 5.0, "localHour": 0.0}, None),
    ("localHour / localHour != 1", {"localHour": 0.0}, None),
    ("amountBase == 0.1", {"amountBase": 0.1}, False),
    ("accountAgeDays / 3 == 1", {"accountAgeDays": 4.0}, False),
    ("not (amountBase > 1 and localHour > 3)", {"localHour": 3.0}, True),
    (f"{' * '.join(['amountBase'] * 9)} > 1", {"amountBase": 3e38}, None),
    (f"({HUGE}) * ({HUGE}) > amountBase", {"amountBase": 1.0}, None),
)
"""What engines answer differently, where nothing is done about it: a rule, what is there of a vector, and the truth."""


def is_accepted(text: str) -> bool:
    try:
        checker.check(text, SCOPE)
    except LanguageError:
        return False
    return True


def judged(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row as it is stored and judged."""
    vector = unpack(pack({name: row[name] for name in NUMBERS}))
    return {**row, **{name: vector[NAMES.index(name)] for name in NUMBERS}}


def in_python(text: str, row: Mapping[str, Any]) -> bool | None:
    function = compiler.compile_together([checker.check(text, SCOPE)])
    transaction = SimpleNamespace(**{each.place: row.get(each.name) for each in FIELDS if isinstance(each.place, str)})
    (truth,) = function(row.get("type"), transaction, [row.get(name) for name in NAMES], (row["blocked"], False))
    return truth


def as_sql(*texts: str, table: str = "decisions") -> str:
    """Give one query that judges every row by some rules."""
    sql = SqlCompiler({name: name for name in EACH}, {"blocked": "blocked", "trusted": "false"})
    compiled = [sql.compile(text, PARAMETERS) for text in texts]
    return select(table, sql.shared, compiled)

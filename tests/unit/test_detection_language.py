"""The rule language: what it means, and everything that it refuses."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection import kleene, language
from fraudstream.detection.fields import BY_NAME, Field, FieldType
from fraudstream.detection.language import LanguageError, Scope

FIELDS = {
    "a": Field("a", FieldType.NUMBER, True),
    "b": Field("b", FieldType.NUMBER, True),
    "n": Field("n", FieldType.NUMBER, False),
    "text": Field("text", FieldType.TEXT, True),
    "colour": Field("colour", FieldType.TEXT, False, ("RED", "GREEN")),
}
SCOPE = Scope(FIELDS, {"limit": 3.0, "codes": ("05", "51")}, ("blocked",))
PRESENT = {"a": 1.0, "b": 2.0, "n": 3.0, "text": "05", "colour": "RED"}


def evaluate(expression: str, *, blocked: bool = False, **values: object) -> bool | None:
    function = kleene.compile_together([language.check(expression, SCOPE)], list(FIELDS), ["blocked"])
    (truth,) = function(*(PRESENT | values).values(), blocked)
    return truth


@pytest.mark.parametrize(
    ("expression", "truth"),
    [
        ("a < b", True),
        ("a + b == n", True),
        ("b * n - a > limit", True),
        ("n / b >= 1.5", True),
        ("-a < 0", True),
        ("a < b < n", True),
        ("a < b < 2", False),
        ("1 <= a <= limit", True),
        ('text == "05"', True),
        ("text in codes", True),
        ('text not in ("05", "51")', False),
        ('colour != "GREEN"', True),
        ('colour in ["RED"]', True),
        ("not (a > b) and max(a, b, n) == limit", True),
        ("min(a, n) == 1 or abs(-a) == 5", True),
        ('listed("blocked")', False),
        ("present(a)", True),
    ],
)
def test_an_expression_means_what_it_means_in_python(expression: str, truth: bool) -> None:  # noqa: FBT001
    assert evaluate(expression) is truth


@pytest.mark.parametrize(
    ("expression", "truth"),
    [
        ("a > 0", None),
        ("a + n > 0", None),
        ("not a > 0", None),
        ("a > 0 and n > 0", None),
        ("a > 0 and n < 0", False),
        ("n < 0 and a > 0", False),
        ("a > 0 or n > 0", True),
        ("n > 0 or a > 0", True),
        ("a > 0 or n < 0", None),
        ("a > 0 or text == codes_", None),
        ("present(a) and a > 0", False),
        ("not present(a) or a > 0", True),
        ("max(a, n) > 0", None),
        ("n < a < 0", None),
        ("a in (1, 2)", None),
        ("n / (n - 3) > 1", None),
        ("n / a > 1", None),
    ],
)
def test_a_missing_field_makes_only_that_unknown_which_depends_on_it(expression: str, truth: bool | None) -> None:  # noqa: FBT001
    assert evaluate(expression.replace("codes_", '"05"'), a=None, text=None) is truth


flags = st.sampled_from(["a > 0", "b > 0", "n > 0", "present(a)", "a > b", "text == '05'"])
expressions = st.recursive(
    flags,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
)


@given(expressions, st.sampled_from([None, -1.0, 1.0]), st.sampled_from([None, -1.0, 1.0]))
def test_known_truths_hold_whatever_the_missing_fields_turn_out_to_be(
    expression: str, a: float | None, b: float | None
) -> None:
    truth = evaluate(expression.replace("present(a)", "n > 1"), a=a, b=b)
    if truth is None:
        return
    completions = [
        evaluate(expression.replace("present(a)", "n > 1"), a=first, b=second)
        for first in ([a] if a is not None else [-1.0, 1.0])
        for second in ([b] if b is not None else [-1.0, 1.0])
    ]
    assert set(completions) == {truth}


def test_a_list_is_asked_by_its_name() -> None:
    assert evaluate('listed("blocked") or n < 0', blocked=True) is True


ATTACKS = {
    "9**9**9": r"\*\* is not part of the language",
    "n ** 9 > 1": r"\*\* is not part",
    "().__class__.__bases__[0].__subclasses__()": "can be called",
    "a.real > 1": "a dot after a name",
    "text[0] == '0'": "an index",
    "__import__('os').system('true')": "can be called",
    "exec('1')": "only present, listed, abs, max, min can be called",
    "open('/etc/passwd')": "can be called",
    "getattr(a, 'real')": "can be called",
    "(lambda: 1)()": "can be called",
    "[x for x in (1, 2)]": "a comprehension",
    "max(n, (x for x in (1, 2))) > 1": "a comprehension",
    "{x: y for x in (1,) for y in (2,)}": "a comprehension",
    "'a' * 1000000000 == text": "where a number is needed",
    "'a' * n == text": "where a number is needed",
    "(1,) * 1000000000": "not part of the language",
    "n in range(1000000000)": "values in brackets",
    "n << 1000000 > 1": "not part of the language",
    "n % 2 == 0": "not part of the language",
    "n // 2 == 0": "not part of the language",
    "(n := 5) > 3": "an assignment",
    "1 if n > 1 else 2": "a conditional expression",
    "f'{n}' == text": "a formatted text",
    "text == '%s' % n": "not part of the language",
    "text is None": "present",
    "text == None": "without None",
    "n > 1 == True": "without True",
    "n > 1e300": "greater than",
    "n > " + "9" * 400: "greater than",
    "n > 0x" + "f" * 900: "greater than",
    "text == '" + "x" * 100 + "'": "longer than 64",
    "(" * 300 + "n > 1" + ")" * 300: "cannot be read|too deeply",
    "not " * 200 + "n > 1": "too many parts",
    "not " * 60 + "n > 1": "too deeply",
    "-" * 900 + "n > 1": "too deeply|too many",
    "n>" + ">".join(["1"] * 300): "too many parts",
    "n > 1 " + " " * 2000: "longer than 1000",
    "n > 1; import os": "cannot be read",
    "import os": "cannot be read",
    "yield n": "cannot be read",
    "await n": "await is",
    "*n": "a star|cannot be read",
    "max(*codes) > 1": "plain arguments",
    "max(n, n, key=abs) > 1": "plain arguments",
    "print": "there is no field or parameter",
    "n > 1 # \x00": "cannot be read",
    "text == '\\x41'": "backslash",
    "text == b'05'": "only numbers and texts",
    "n > 1j": "only numbers and texts",
    "n > ...": "only numbers and texts",
    "n is 1": "==",
    "~n > 1": "not part of the language",
    "+n > 1": "not part of the language",
    "n @ n > 1": "not part of the language",
    "{'a': 1}": "a dictionary",
    "_kept1 > 1": "there is no field",
    "_list0": "there is no field",
    "n>1if n else 2": "cannot be read|conditional",
    "": "cannot be read",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_an_attack_is_refused_at_once_with_a_clear_message(attack: str) -> None:
    times: list[float] = []
    for _ in range(3):  # the best of three: a garbage collection may fall into one
        start = time.process_time()
        with pytest.raises(LanguageError, match=ATTACKS[attack]):
            language.check(attack, SCOPE)
        times.append(time.process_time() - start)
    assert min(times) < 0.010


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("n > limits", "did you mean limit"),
        ("amountMinor > 100", "amountBase"),
        ("cardCount2 > 1", "did you mean cardCount2h"),
        ("n", "must say true or false: compare it"),
        ("n + 1", "must say true or false"),
        ("not n", "true or false is needed"),
        ("text > 1", "text is compared with a number"),
        ('text < "b"', "no order"),
        ('colour == "REED"', "never REED: did you mean RED"),
        ('colour in ("GREEN", "BLUE")', "never BLUE"),
        ("text in (5, 51)", "text is looked for among a number"),
        ("text == codes", "use it after in"),
        ("n in n", "values in brackets"),
        ("n in (n, 2)", "written out"),
        ("(n > 1) > 1", "a condition cannot be compared"),
        ("n / 0 > 1", "division by zero"),
        ("present(limit)", "present takes one field"),
        ("present(n, a)", "present takes one field"),
        ("present(presence)", "there is no field"),
        ('listed("blcked")', "did you mean blocked"),
        ("listed(text)", "in quotes"),
        ("abs(a, b) > 1", "one number"),
        ("max(a) > 1", "two or more"),
        ("maximum(a, b) > 1", "did you mean max"),
        ("metadata > 1", "not judged"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(expression: str, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        language.check(expression, Scope(BY_NAME | FIELDS, SCOPE.parameters, SCOPE.lists))


@given(st.text(max_size=60))
def test_no_text_at_all_can_break_the_check(text: str) -> None:
    with contextlib.suppress(LanguageError):
        language.check(text, SCOPE)


@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30))
def test_calculating_never_raises(a: float, b: float) -> None:
    product = " * ".join(["a", "b"] * 8)
    evaluate(f"{product} / b > a / ({product} - {product})", a=a, b=b)


def test_the_longest_chain_that_is_allowed_can_be_compiled() -> None:
    assert evaluate(" and ".join(["a>0"] * 50)) is True

"""The rule language: what it means, and everything that it refuses."""

import contextlib
import json
import time
from itertools import accumulate
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection.rules.language import checker, compiler
from fraudstream.detection.rules.language.checker import Scope
from fraudstream.detection.rules.language.fields import BY_NAME, Field, FieldType
from fraudstream.detection.rules.language.parser import MAX_DEPTH, MAX_LENGTH, LanguageError

FIELDS = {
    "a": Field("a", FieldType.NUMBER, True, place=0),
    "b": Field("b", FieldType.NUMBER, True, place=1),
    "n": Field("n", FieldType.NUMBER, False, place=2),
    "text": Field("text", FieldType.TEXT, True, place="text"),
    "colour": Field("colour", FieldType.TEXT, False, ("RED", "GREEN"), "colour"),
}
SCOPE = Scope(FIELDS, {"limit": 3.0, "codes": ("05", "51")}, ("blocked",))
PRESENT = {"a": 1.0, "b": 2.0, "n": 3.0, "text": "05", "colour": "RED"}


def evaluate(expression: str, *, blocked: bool = False, **values: object) -> bool | None:
    function = compiler.compile_together([checker.check(expression, SCOPE)])
    given = PRESENT | values
    (truth,) = function("PAYMENT", SimpleNamespace(**given), [given[name] for name in "abn"], (blocked,))
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
    "n > 1 # \x00": "character 9: U.0000 is no plain character",
    "n > 1 # why": "it has a #",
    "n > 1 # why\n and n < 2": "it has a #",
    "\u0430 > 1": "U.0430 .cyrillic small letter a. is no plain character",
    "\uff4e > 1": "fullwidth latin small letter n",
    "\U0001d427 > 1": "mathematical bold small n",
    "text == '\u202e50'": "right-to-left override",
    "n\u200b > 1": "zero width space",
    "n\u00a0> 1": "no-break space",
    "n > \u0661": "arabic-indic digit one",
    "n > \ud800": "is no plain character",
    "\ufeffn > 1": "is no plain character",
    "text == '\x1b[2J'": "U.001B is no plain character",
    "n > 1 if True else exec('1')": "a conditional expression",
    "n > 1 or exec('1')": "can be called",
    "present(exec('1'))": "present takes one field",
    "present(present)": "there is no field",
    "present()": "present takes one field",
    "present(n.real)": "present takes one field",
    "listed('blocked').real": "a dot after a name",
    "listed(f'{n}')": "in quotes",
    "listed('blo' + 'cked')": "in quotes",
    "text == 'a' + 'b'": "where a number is needed",
    "text in 'abc'": "values in brackets",
    "text in text": "values in brackets",
    "n in {**{}}": "values in brackets",
    "n in [*codes]": "written out",
    "n in [[1], [2]]": "written out",
    "n in ()": "among no values",
    "n in {1: 2}": "values in brackets",
    "n in (1, 'a')": "looked for among text",
    "n in (1e300,)": "greater than",
    "n in (x for x in (1,))": "values in brackets",
    "(n, 1) > (1, 2)": "several values are",
    "[n] == [1]": "several values are",
    "not text": "true or false is needed",
    "n and n > 1": "true or false is needed",
    "-text == 'a'": "a number is needed",
    "-(n > 1) > 0": "a number is needed",
    "abs(n > 1) > 0": "a number is needed",
    "max(n, text) > 1": "a number is needed",
    "n > 1e999": "greater than",
    "n > 1 and n > 10000000000000": "greater than",
    "n > 0b" + "1" * 990: "greater than",
    "n > " + "(" * 490 + "1" + ")" * 490: "too deeply",
    "[" * 500 + "]" * 500: "too deeply",
    "{" * 999: "too deeply",
    "({" * 499: "too deeply",
    "f(-" * 330: "too deeply",
    "max(n, " * 40 + "n" + ")" * 40 + " > 1": "too deeply",
    "lambda:" * 140: "cannot be read",
    "lambda:" * 140 + "n": "too many parts|a lambda",
    "a[" * 400: "too deeply",
    "n if " * 190: "cannot be read",
    "n" + " if n else n" * 80: "conditional|too many parts",
    "n if n else " * 80 + "n": "conditional|too many parts",
    "n" + "-n" * 400 + " > 1": "too many parts",
    "n" + "*n" * 40 + " > 1": "too deeply",
    "n" + " or n" * 190: "too many parts",
    "n > 1" + " " * 5000: "longer than 1000",
    "'" * 999: "cannot be read|longer",
    "n > 1\\\n": "backslash",
    "n > 1)": "cannot be read",
    "(n > 1": "cannot be read",
    "n > 1) or (n < 1": "cannot be read",
    "n = 1": "cannot be read",
    "n += 1": "cannot be read",
    "n => 1": "cannot be read",
    "n <> 1": "cannot be read",
    "n > 1 && n < 2": "cannot be read",
    "!n": "cannot be read",
    "n > 1,": "several values are",
    "n? > 1": "cannot be read",
    "$n > 1": "cannot be read",
    "@n": "cannot be read",
    "n is not None": "present",
    "n == ...": "only numbers and texts",
    "print(n) > 1": "can be called",
    "eval": "there is no field or parameter",
    "__builtins__": "there is no field or parameter",
    "True": "without True",
    "1 < 2": "asks nothing",
    "limit > 1": "asks nothing",
    "not (1 < 2 or 2 < 1)": "asks nothing",
    "n" * 99 + " > 1": "no field or parameter n{64}$",
    "async": "cannot be read",
    "del n": "cannot be read",
    "n; n": "cannot be read",
    "n > 1\nimport os": "cannot be read",
    "text == u'a' 'b' f'c'": "a formatted text",
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
    "_vector == 1": "there is no field",
    "_transaction == 1": "there is no field",
    "present(_listed)": "there is no field",
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
            checker.check(attack, SCOPE)
        times.append(time.process_time() - start)
    assert min(times) < 0.010


BRACKETS = st.text("([{)]}", min_size=1, max_size=MAX_LENGTH)


@given(BRACKETS)
def test_the_parser_gets_no_text_that_is_nested_more_deeply_than_the_language(text: str) -> None:
    deepest = max(accumulate(1 if each in "([{" else -1 for each in text), default=0)
    with pytest.raises(LanguageError) as caught:
        checker.check(text, SCOPE)
    assert ("too deeply" in str(caught.value)) == (deepest > MAX_DEPTH)


def test_a_text_in_quotes_keeps_its_spaces() -> None:
    assert evaluate("text == 'a  b'", text="a  b") is True
    assert evaluate("text ==\n  'a b'\t", text="a b") is True


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
        checker.check(expression, Scope(BY_NAME | FIELDS, SCOPE.parameters, SCOPE.lists))


@given(st.text(max_size=60))
def test_no_text_at_all_can_break_the_check(text: str) -> None:
    with contextlib.suppress(LanguageError):
        checker.check(text, SCOPE)


@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30))
def test_calculating_never_raises(a: float, b: float) -> None:
    product = " * ".join(["a", "b"] * 8)
    evaluate(f"{product} / b > a / ({product} - {product})", a=a, b=b)


def test_the_longest_chain_that_is_allowed_can_be_compiled() -> None:
    assert evaluate(" and ".join(["a>0"] * 50)) is True


def test_each_name_reads_its_own_value() -> None:
    numbers = [field for field in BY_NAME.values() if field.type is FieldType.NUMBER]
    texts = {
        field: field.choices[-1] if field.choices else f"the {field.name}"
        for field in BY_NAME.values()
        if field not in numbers
    }
    vector = [float(place) for place in range(len(numbers))]
    transaction = SimpleNamespace(**{str(field.place or field.name): text for field, text in texts.items()})
    for field, value in (*texts.items(), *zip(numbers, vector, strict=True)):
        evaluate = compiler.compile_together(
            [checker.check(f"{field.name} == {json.dumps(value)}", Scope(BY_NAME, {}))]
        )
        assert evaluate(transaction.type, transaction, vector, ()) == (True,), field.name

"""Rules in words, the parts of them that decide, and those that nothing can meet."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection.features.registry import NAMES, Vector
from fraudstream.detection.rules.language import parser
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.rules.comparisons import unmet
from fraudstream_tools.rules.trace import RuleTrace, traces
from fraudstream_tools.rules.words import in_words, leaf_in_words, share_in_words
from fraudstream_tools.rules.written import check_written

TRANSACTION = Transaction(
    transaction_id="t1",
    timestamp=0,
    received_at=0,
    amount_minor=100,
    currency="EUR",
    type=TransactionType.PAYMENT,
    customer_id="ann",
)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("a > 1", ["a is more than 1"]),
        ("1 <= a < limit", ["1 is at most a and a is less than 3 (limit)"]),
        ("a * (b + 2) != -a / 3", ["a * (b + 2) is not -a / 3"]),
        ("text in codes and not present(a)", ["all of these:", "  text is one of 05, 51 (codes)", "  not: a is known"]),
        ('text not in ["x", "y"]', ["text is none of x, y"]),
        ("max(a, b) == abs(a)", ["the largest of a and b is the size of a"]),
        ('not (listed("blocked") or a > 1234567)', [
            "not any of these:",
            "  an entity of the transaction is on the list blocked",
            "  a is more than 1,234,567",
        ]),
    ],
)  # fmt: skip
def test_an_expression_in_words(expression: str, words: list[str]) -> None:
    assert in_words(parser.parsed(expression), {"limit": 3.0, "codes": ("05", "51")}) == words


def file_of(when: str, parameters: str = "{}") -> bytes:
    head = "schemaVersion: 1\nbaseLogOdds: -4\nthresholds: {review: 30, decline: 80}\nrules:\n"
    known = "id: r, description: d, points: 1, reasonCode: R, severity: low, source: own"
    return f"{head}  - {{{known}, parameters: {parameters}, when: '{when}'}}\n".encode()


def ruleset(when: str, parameters: str = "{}") -> Ruleset:
    rates = b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {}}]"
    return load(file_of(when, parameters), rates, b"{}")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.1, "10 % of the customers"),
        (0.2, "20 % of the customers"),
        (0.07, "7 % of the customers"),
        (0.125, "12.5 % of the customers"),
        (0.0005, "0.05 % of the customers"),
        (None, "all customers"),
    ],
)
def test_a_share_in_words_has_no_zeros_that_say_nothing(share: float | None, words: str) -> None:
    (rule,) = ruleset("cardCount1h > 1").rules
    assert share_in_words(msgspec.structs.replace(rule, share=share)) == words


def vector(**known: float) -> Vector:
    return tuple(known.get(name) for name in NAMES)


def trace(when: str, **known: float) -> RuleTrace:
    (found,) = traces(ruleset(when), TRANSACTION, vector(**known))
    return found


def decisive(when: str, **known: float) -> list[str]:
    return [leaf_in_words(part.expression, {}) for part in trace(when, **known).decisive]


A, B, C = "customerCount1h > 1", "cardCount1h > 1", "ipCount1h > 1"


@pytest.mark.parametrize(
    ("when", "known", "parts"),
    [
        (f"{A} and {B}", {"customerCount1h": 2, "cardCount1h": 2}, ["customerCount1h", "cardCount1h"]),
        (f"{A} and {B}", {"customerCount1h": 2, "cardCount1h": 0}, ["cardCount1h"]),
        (f"{A} and {B}", {"customerCount1h": 0}, ["customerCount1h"]),
        (f"{A} and {B}", {"customerCount1h": 2}, ["cardCount1h"]),
        (f"{A} or {B}", {"customerCount1h": 2}, ["customerCount1h"]),
        (f"{A} or {B}", {"customerCount1h": 0}, ["cardCount1h"]),
        (f"{A} or {B}", {"customerCount1h": 0, "cardCount1h": 0}, ["customerCount1h", "cardCount1h"]),
        (f"{A} and ({B} or {C})", {"customerCount1h": 2, "ipCount1h": 2}, ["customerCount1h", "ipCount1h"]),
        (f"not ({A} and {B})", {"cardCount1h": 0}, ["not: cardCount1h"]),
        (f"not (not {A} or {B})", {"customerCount1h": 2, "cardCount1h": 0}, ["customerCount1h", "not: cardCount1h"]),
    ],
)
def test_what_decided_is_named_and_nothing_else(when: str, known: dict[str, float], parts: list[str]) -> None:
    assert [each.removesuffix(" is more than 1") for each in decisive(when, **known)] == parts


def test_a_part_that_is_unknown_names_the_missing_fields() -> None:
    (part,) = trace("customerSum24h + cardSum24h > 100", cardSum24h=5).decisive
    assert (part.truth, part.missing) == (None, ["customerSum24h"])


leaves = st.sampled_from([A, B, C, "present(cardCount1h)"])
wholes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
)
counts = st.sampled_from([None, 0.0, 2.0])


@given(wholes, counts, counts, counts)
def test_the_decisive_parts_agree_with_what_the_rule_said(
    when: str, a: float | None, b: float | None, c: float | None
) -> None:
    given_values = {"customerCount1h": a, "cardCount1h": b, "ipCount1h": c}
    known = {name: value for name, value in given_values.items() if value is not None}
    found = trace(when, **known)
    assert (found.truth,) == ruleset(when).evaluate(TRANSACTION, vector(**known))
    assert found.decisive
    assert {part.truth is None for part in found.decisive} == {found.truth is None}


COUNTRY = "but a country code of ISO 3166-1 alpha-2, in capitals"
CATEGORY = "but a merchant category code of 4 digits, as a text"
CODE = "but a response code of 2 to 4 capitals and digits, as a text"


@pytest.mark.parametrize(
    ("when", "parameters", "problem"),
    [
        ('cardCountry == "de"', "{}", f"cardCountry is never de, {COUNTRY}: did you mean DE?"),
        ('"UK" != ipCountry', "{}", f"ipCountry is never UK, {COUNTRY}: did you mean GB?"),
        ('cardCountry in ["DE", "XX"]', "{}", f"cardCountry is never XX, {COUNTRY}"),
        ("cardCountry not in home", "{home: [DE, at]}", f"cardCountry is never at, {COUNTRY}: did you mean AT?"),
        (
            'currency == "EURO"',
            "{}",
            "currency is never EURO, but a currency code of ISO 4217, in capitals: did you mean EUR?",
        ),
        ('responseCode == "5"', "{}", f"responseCode is never that, {CODE}: did you mean 05?"),
        ("responseCode == code", '{code: "5"}', f"responseCode is never that, {CODE}: did you mean 05?"),
        (
            'merchantCategoryCode == "742"',
            "{}",
            f"merchantCategoryCode is never that, {CATEGORY}: did you mean 0742?",
        ),
        ('customerId == "ann"', "{}", "customerId is never ann, but a token, as the API's answers show it"),
    ],
)
def test_a_text_that_a_field_never_has_is_named_with_what_is_meant(when: str, parameters: str, problem: str) -> None:
    (rule,) = ruleset(when, parameters).rules
    assert unmet(rule) == [problem]


def test_what_nothing_can_meet_is_named_by_line_and_rule() -> None:
    when = 'amountBase > 1 and (cardCountry == "de" or responseCode == "5")'
    with pytest.raises(RulesetError) as caught:
        check_written(ruleset(when), file_of(when))
    assert [problem.partition("never")[0] for problem in caught.value.problems] == [
        "ruleset.yaml: line 5: rule r: when: cardCountry is ",
        "ruleset.yaml: line 5: rule r: when: responseCode is ",
    ]


@pytest.mark.parametrize(
    ("known", "problem"),
    [
        ("id: model", "id: model stands for what no rule has said"),
        ("id: exploration", "id: exploration stands for what no rule has said"),
        ("reasonCode: NO_EXCHANGE_RATE", "reasonCode: NO_EXCHANGE_RATE is of no rule"),
        ("reasonCode: MODEL_DEVICE", "reasonCode: MODEL_DEVICE is of no rule"),
    ],
)
def test_a_name_by_which_something_else_is_told_is_refused_of_a_rule(known: str, problem: str) -> None:
    key = known.partition(":")[0]
    content = re.sub(rf"{key}: \w+", known, file_of("amountBase > 1").decode(), count=1).encode()
    written = load(content, b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {}}]", b"{}")
    with pytest.raises(RulesetError) as caught:
        check_written(written, content)
    assert problem in caught.value.problems[0]


@pytest.mark.parametrize(
    ("when", "parameters", "problem"),
    [
        ("customerCount1h >= 10", "{}", "customerCount1h is 9 at most"),
        ("customerCount12h > most", "{most: 9}", "customerCount12h is 9 at most"),
        ("15 < cardCount2h", "{}", "cardCount2h is 15 at most"),
        ("localHour == 24", "{}", "localHour is 23 at most"),
        ("localHour in late", "{late: [22, 23, 24]}", "localHour is 23 at most"),
        ("amountBase > 5 and not (20 <= localHour >= 24)", "{}", "localHour is 23 at most"),
        ("merchantFraudShare30d > 2", "{}", "merchantFraudShare30d is 1 at most"),
        ("cardCount24h >= 255", "{}", "cardCount24h is 254 at most"),
    ],
)
def test_more_than_a_feature_can_be_is_named_with_its_largest_value(when: str, parameters: str, problem: str) -> None:
    (rule,) = ruleset(when, parameters).rules
    assert unmet(rule) == [problem]


@pytest.mark.parametrize(
    "when",
    [
        "customerCount1h >= 9 and cardCount2h > 14 and 0 <= localHour < 24 and 24 > localHour",
        "customerCount1h <= 10 or customerCount24h >= 10 or merchantFraudShare30d >= 1 or amountBase > 100000",
        "localHour != 24 and merchantCount1h > 300",
        'cardCountry == "GB" and currency != "JPY" and responseCode in ["05", "N7", "1A"]',
        'merchantCategoryCode == "0742" and cardBin == "400000"',
        'cardToken == "tok_AAAAAAAAAAAAAAAAAAAAAA" or deviceId == "tok2_AAAAAAAAAAAAAAAAAAAAAA"',
        'type == "PAYMENT" and channel == "POS" and cardCountry != ipCountry',
    ],
)
def test_what_some_transaction_can_meet_is_no_problem(when: str) -> None:
    check_written(ruleset(when), file_of(when))

"""Rulesets: checked as a whole when loaded, every problem named by file and rule."""

import base64
import hashlib
import math
import pickle
import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from fraudstream.contract import RULESET_FILES
from fraudstream.detection.rules.rates import Rates
from fraudstream.detection.rules.rule import Signal
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load
from fraudstream.detection.scoring import decide, score_of
from fraudstream.transactions.decisions.decision import Reason, Verdict
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser
from fraudstream.transactions.transaction import Transaction

RULES = Path(__file__).parents[4] / "rules"
HEAD = "schemaVersion: 1\nbaseLogOdds: -4\nthresholds: {review: 30, decline: 80}\nrules:\n"
RATES = b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {USD: 1.25, JPY: 160}}]"
LISTS = b"blocked: {}\ntrusted: {}"
TOKEN = "tok_BlockedBlockedBlocked1"


def rule(**fields: object) -> str:
    known = {
        "id": "big",
        "description": "much money",
        "when": "amountBase > 100",
        "points": 4,
        "reasonCode": "BIG",
        "severity": "low",
        "source": "own",
    }
    given = {name: value for name, value in (known | fields).items() if value is not None}
    return "  - " + "\n    ".join(f"{name}: {value}" for name, value in given.items()) + "\n"


def loaded(*rules: str, lists: bytes = LISTS) -> Ruleset:
    return load((HEAD + "".join(rules)).encode(), RATES, lists)


def problems(*rules: str, head: str = HEAD, rates: bytes = RATES, lists: bytes = LISTS) -> str:
    with pytest.raises(RulesetError) as caught:
        load((head + "".join(rules)).encode(), rates, lists)
    return str(caught.value)


def test_the_version_is_made_of_the_three_files() -> None:
    contents = [(RULES / name).read_bytes() for name in RULESET_FILES]
    ruleset = load(*contents)
    assert ruleset.version == hashlib.sha256(b"".join(contents)).hexdigest()[:12]
    assert load(contents[0] + b"\n", *contents[1:]).version != ruleset.version


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"when": "amountBas > 100"},
            "rule big: when: .*there is no field or parameter amountBas: did you mean amountBase?",
        ),
        ({"when": "amountMinor > 100"}, "rule big: when: amountMinor cannot be used .* compare amountBase"),
        ({"points": None}, "rule big: it needs either points or a decision"),
        ({"decision": "DECLINE"}, "rule big: it needs either points or a decision"),
        ({"points": None, "decision": "MAYBE"}, "rule big: decision: it has to be one of APPROVE, REVIEW, DECLINE"),
        ({"severity": "huge"}, "rule big: .*severity"),
        ({"reasonCode": "big one"}, "rule big: .*reasonCode"),
        ({"whem": "amountBase > 1"}, "rule big: there is no key whem: did you mean when?"),
        ({"source": None}, "rule big: it needs source"),
        ({"points": 1000}, "rule big: .*points"),
        ({"parameters": "{limit: 5}"}, "rule big: parameters: limit is not used in when"),
        ({"parameters": "{amountBase: 5}"}, "rule big: parameters: amountBase is the name of a field"),
        ({"parameters": "{a-b: 5}"}, "rule big: parameters: a name has to be of the letters"),
        ({"id": "Big Rule"}, "line 5: rule number 1: id: "),
        ({"signal": "f"}, "rule big: signal: it has to be one of a, b, c, d, e"),
        ({"sorce": "own", "source": None}, "rule big: there is no key sorce: did you mean source?"),
        ({"parameters": "{if: 5}"}, "parameters: a name has to be"),
        ({"parameters": "{\u0430mount: 5}"}, "parameters: a name has to be"),
        ({"parameters": "{limit: .nan}"}, "line 12: infinity and not-a-number"),
        ({"parameters": "{limit: 1e400}"}, "line 12: a number is too large"),
        ({"parameters": "{limit: 1e13}"}, "parameters: limit: a number is greater than 1000000000000"),
        ({"parameters": "{limit: [1, 1e13]}"}, "parameters: limit: a number is greater than 1000000000000"),
        ({"parameters": "{limit: []}"}, "parameters: limit: it has to hold from 1 to 200 values"),
        ({"parameters": "{limit: true}"}, "parameters: .*got `bool`"),
        ({"parameters": "{limit: {a: 1}}"}, "parameters: .*got `object`"),
        ({"parameters": f"{{limit: {'x' * 65}}}"}, "parameters: limit: a text is longer than 64 characters"),
        ({"parameters": "{limit: d\u00e9j\u00e0}"}, r"parameters: limit: U\+00E9 .* is no plain character"),
        ({"parameters": "{" + ", ".join(f"p{n}: 1" for n in range(21)) + "}"}, "parameters: .*length <= 20"),
        ({"when": "amountBase > limt", "parameters": "{limit: 5}"}, "no field or parameter limt: did you mean limit?"),
        ({"when": "listed('blokced')"}, "there is no such list: did you mean blocked?"),
        ({"when": "listed('vips')"}, "there is no such list; there are blocked"),
        ({"when": "1 < 2"}, "it asks nothing about the transaction"),
        ({"when": "''"}, "when: it cannot be read"),
        ({"when": "[amountBase]"}, "when: .*got `array`"),
        ({"points": ".inf"}, "line 8: infinity"),
        ({"points": "'4'"}, "points: .*got `str`"),
        ({"points": "true"}, "points: .*got `bool`"),
        ({"description": "'" + "x" * 501 + "'"}, "description: .*length <= 500"),
        ({"mode": "sleeping"}, "mode: it has to be one of live, shadow"),
        ({"id": None}, "line 5: rule number 1: it needs id"),
    ],
)
def test_a_bad_rule_is_named_with_what_is_wrong(fields: dict[str, object], message: str) -> None:
    found = problems(rule(**fields))
    assert found.startswith("ruleset.yaml: ")
    assert re.search(message, found)


def test_all_bad_rules_are_named_at_once() -> None:
    found = problems(rule(id="first", when="x > 1"), rule(id="second", when="y > 1"), rule(id="third"))
    assert "rule first" in found
    assert "rule second" in found
    assert "rule third" not in found


def test_what_is_wrong_reads_the_same_when_another_process_tells_it() -> None:
    with pytest.raises(RulesetError) as caught:
        loaded(rule(id="first", when="x > 1"), rule(id="second", when="y > 1"))
    told = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  (its own)
    assert str(told) == str(caught.value)
    assert len(told.problems) == 2


def test_all_that_is_wrong_with_one_rule_is_named_at_once() -> None:
    found = problems(rule(points="x", severity="huge", source=None, wen="a"))
    assert all(f": {each}" in found for each in ("points: ", "severity: ", "it needs source", "there is no key wen"))
    assert found.count("line 5: rule big: ") == 4

    found = problems(rule(when="x > 1", parameters="{a-b: 1, amountBase: 2}"))
    assert all(f": {each}" in found for each in ("when: ", "parameters: a name", "parameters: amountBase is"))


def test_problems_of_all_three_files_are_named_at_once() -> None:
    found = problems(rule(when="listed('blocked') and x > 1"), rates=b"rates: []", lists=b"blocked: {crad: []}")
    assert [line.split(":")[0] for line in found.splitlines()] == ["rates.yaml", "lists.yaml", "ruleset.yaml"]
    assert "blocked: there is no key crad: did you mean card?" in found
    assert "no such list" not in found


def test_two_rules_cannot_share_an_id() -> None:
    assert "line 12: rule big: another rule has the same id, on line 5" in problems(rule(), rule())


def test_a_ruleset_has_a_largest_size() -> None:
    many = [rule(id=f"r{number}") for number in range(201)]
    assert "ruleset.yaml: rules: Expected `array` of length <= 200" in problems(*many)
    assert len(loaded(*many[:200]).rules) == 200
    assert "larger than 400,000 bytes" in problems(rule(description="x" * 400_000))
    assert "more than 20,000 keys and values" in problems(rule(parameters="[" + "1," * 20_000 + "]"))


def test_a_rule_names_the_psd2_signal_that_it_serves() -> None:
    assert loaded(rule(signal="b")).rules[0].signal is Signal.AMOUNT
    assert loaded(rule()).rules[0].signal is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rates: [", "rates.yaml: line 2: it is no YAML"),
        (b"baseCurrency: EUR\nrates: []", "rates.yaml: .*rates"),
        (b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {USD: 0}}]", "rates.yaml: .*perBase"),
        (b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {XXX: 1}}]", "rates.yaml: no currency.*XXX"),
        (b"a: &x [1]\nb: *x", "rates.yaml: line 1: anchors"),
        (b"\xff\xfe\x00", "rates.yaml: line 1: it is no text in UTF-8"),
        (b"!!python/object/apply:os.system ['true']", "rates.yaml: line 1: tags"),
        (
            b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {}}, {validFrom: 2026-01-01, perBase: {}}]",
            "rates.yaml: rates: two entries are valid from 2026-01-01",
        ),
        (b"baseCurency: EUR\nrates: []", "there is no key baseCurency: did you mean baseCurrency"),
    ],
)
def test_bad_rates_are_named(content: bytes, message: str) -> None:
    with pytest.raises(RulesetError, match=message):
        load((HEAD + rule()).encode(), content, LISTS)


def test_a_list_holds_tokens_only() -> None:
    found = problems(rule(), lists=b"blocked: {card: ['4111111111111111']}")
    assert found.startswith("lists.yaml: ")
    assert "4111" not in found


def test_of_two_entries_of_one_entity_the_later_end_holds_after_a_rotation() -> None:
    raiser = TokenRaiser(base64.b64encode(b"k" * 32).decode())
    newer = raiser.raised(TOKEN)
    entries = [TOKEN, f"{{token: {newer}, until: 2024-01-31}}"]
    for order in (entries, entries[::-1]):
        ruleset = loaded(rule(), lists=f"blocked: {{card: [{', '.join(order)}]}}".encode())
        ((_, _, end),) = ruleset.lists.raised(raiser).entries()["blocked"]
        assert end == math.inf


def test_an_entry_can_end() -> None:
    ruleset = loaded(rule(), lists=f"blocked: {{card: [{{token: {TOKEN}, until: 2026-05-31}}]}}".encode())
    end = 1_780_272_000_000  # 2026-06-01T00:00Z
    fields = {"transactionId": "t1", "amountMinor": 1, "currency": "EUR", "type": "PAYMENT", "customerId": "ann"}
    for received_at, member in ((0, True), (end - 1, True), (end, False)):
        given = fields | {"timestamp": 0, "receivedAt": received_at, "cardToken": TOKEN}
        assert ruleset.lists.memberships(msgspec.convert(given, Transaction)) == [member]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"blocked: {{card: [{TOKEN}, {TOKEN}]}}", "lists.yaml: blocked: card: entry 2 stands there twice"),
        (f"blocked: {{card: [{{token: {TOKEN}, untill: 2026-01-01}}]}}", "card.*no key untill: did you mean until"),
        (f"blocked: {{card: [{{token: {TOKEN}, until: tomorrow}}]}}", "blocked: card.*: Invalid RFC3339 encoded date"),
        ("blocked: {cards: []}", "blocked: there is no key cards: did you mean card"),
        ("blocked: {card: {}}", "blocked: card: Expected `array`"),
        ("blocked: {card: []}\nblocked: {}", "line 2: the key blocked stands twice: first on line 1"),
        ("Blocked List: {}", "Expected `str` matching regex"),
        ("[]", "Expected `object`, got `array`"),
    ],
)
def test_bad_lists_are_named(content: str, message: str) -> None:
    found = problems(rule(), lists=content.encode())
    assert re.search(message, found)
    assert TOKEN not in found


def test_a_decline_threshold_below_the_review_threshold_is_refused() -> None:
    assert "decline must not be below review" in problems(rule(), head=HEAD.replace("review: 30", "review: 90"))


def test_an_empty_ruleset_file_is_refused() -> None:
    with pytest.raises(RulesetError, match=r"ruleset\.yaml"):
        load(b"", RATES, LISTS)


def test_rates_take_minor_units_of_every_exponent_to_the_base_currency() -> None:
    rates = Rates("EUR", {date(2026, 1, 1): {"USD": 1.25, "JPY": 160.0, "BHD": 0.4}}, 10_000)
    assert rates.to_base(12_500, "USD", 0) == 100.0
    assert rates.to_base(16_000, "JPY", 0) == 100.0
    assert rates.to_base(40_000, "BHD", 0) == 100.0
    assert rates.to_base(10_000, "EUR", 0) == 100.0
    assert rates.to_base(10_000, "GBP", 0) is None


def test_the_rate_of_the_day_counts_and_before_the_first_day_the_first_one() -> None:
    rates = Rates("EUR", {date(2026, 1, 2): {"USD": 2.0}, date(2026, 1, 1): {"USD": 1.0}}, 10_000)
    midnight = 1_767_312_000_000  # 2026-01-02T00:00Z
    assert rates.to_base(200, "USD", midnight) == 1.0
    assert rates.to_base(200, "USD", midnight - 1) == 2.0
    assert rates.to_base(200, "USD", 0) == 2.0


FORCED = [
    rule(id="deny", points=None, decision="DECLINE", reasonCode="DENY"),
    rule(id="trust", points=None, decision="APPROVE", reasonCode="TRUST"),
    rule(id="look", points=None, decision="REVIEW", reasonCode="LOOK"),
    rule(id="strong", points=6, reasonCode="STRONG"),
    rule(id="weak", points=1, reasonCode="WEAK"),
    rule(id="mild", points=-1, reasonCode="MILD"),
]


@pytest.mark.parametrize(
    ("hits", "verdict", "score"),
    [
        (set(), Verdict.APPROVE, 2),
        ({"weak"}, Verdict.APPROVE, 5),
        ({"look"}, Verdict.REVIEW, 2),
        ({"strong"}, Verdict.DECLINE, 88),
        ({"strong", "mild"}, Verdict.REVIEW, 73),
        ({"strong", "look"}, Verdict.DECLINE, 88),
        ({"strong", "trust"}, Verdict.APPROVE, 88),
        ({"trust", "look"}, Verdict.APPROVE, 2),
        ({"deny", "trust", "look"}, Verdict.DECLINE, 100),
        ({"deny"}, Verdict.DECLINE, 100),
    ],
)
def test_forced_decisions_stand_in_their_order_above_the_score(hits: set[str], verdict: Verdict, score: int) -> None:
    ruleset = loaded(*FORCED)
    outcome = decide(ruleset, [each.id in hits for each in ruleset.rules])
    assert (outcome.verdict, outcome.score) == (verdict, score)


def test_reasons_stand_strongest_first() -> None:
    ruleset = loaded(*FORCED)
    outcome = decide(ruleset, [True] * 6)
    assert [reason.source for reason in outcome.reasons] == ["deny", "look", "trust", "strong", "mild", "weak"]
    assert outcome.reasons[3] == Reason(code="STRONG", source="strong", points=6.0)


def test_a_shadow_rule_is_noted_and_counts_nothing() -> None:
    ruleset = loaded(rule(mode="shadow", points=None, decision="DECLINE"))
    outcome = decide(ruleset, [True])
    assert outcome[:5] == (Verdict.APPROVE, 2, (), (), ("big",))


def test_an_unevaluable_rule_is_noted_and_counts_nothing() -> None:
    outcome = decide(loaded(rule()), [None])
    assert outcome[:5] == (Verdict.APPROVE, 2, (), ("big",), ())


def test_scores_stay_between_0_and_100_and_grow_with_the_log_odds() -> None:
    scores = [score_of(log_odds / 4) for log_odds in range(-4000, 4000)]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1], score_of(0)) == (0, 100, 50)


def test_all_rules_together_have_a_largest_size() -> None:
    when = " or ".join(["cardCount1h > 9"] * 50)
    head = "schemaVersion: 1\nbaseLogOdds: -4\nthresholds: {review: 50, decline: 80}\nrules:\n"
    rule = "  - {{id: r{}, description: d, when: {}, points: 1, reasonCode: X, severity: low, source: own}}\n"
    text = head + "".join(rule.format(number, when) for number in range(200))
    with pytest.raises(RulesetError, match="more than 20,000 parts together"):
        load(text.encode(), (RULES / "rates.yaml").read_bytes(), (RULES / "lists.yaml").read_bytes())


def test_a_rate_that_makes_amounts_infinite_is_refused() -> None:
    rates = b"{baseCurrency: EUR, rates: [{validFrom: 2026-01-01, perBase: {USD: 1e-320}}]}"
    with pytest.raises(RulesetError, match=r"rates\.yaml"):
        load((RULES / "ruleset.yaml").read_bytes(), rates, (RULES / "lists.yaml").read_bytes())

"""Rulesets: checked as a whole when loaded, every problem named by file and rule."""

import hashlib
import re
from datetime import date
from pathlib import Path

import pytest

from fraudstream.detection.decision import decide, score_of
from fraudstream.detection.rates import Rates
from fraudstream.detection.ruleset import FILES, Ruleset, RulesetError, load
from fraudstream.transactions.decision import Reason, Verdict

RULES = Path(__file__).parents[2] / "rules"
HEAD = "schemaVersion: 1\nbaseLogOdds: -4\nthresholds: {review: 30, decline: 80}\nrules:\n"
RATES = b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {USD: 1.25, JPY: 160}}]"
LISTS = b"blocked: {}\ntrusted: {}"


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
    contents = [(RULES / name).read_bytes() for name in FILES]
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
        ({"points": None, "decision": "MAYBE"}, "rule big: Invalid enum value"),
        ({"severity": "huge"}, "rule big: .*severity"),
        ({"reasonCode": "big one"}, "rule big: .*reasonCode"),
        ({"whem": "amountBase > 1"}, "rule big: .*unknown field `whem`"),
        ({"source": None}, "rule big: .*missing required field `source`"),
        ({"points": 1000}, "rule big: .*points"),
        ({"parameters": "{limit: 5}"}, "rule big: parameters: limit is not used in when"),
        ({"parameters": "{amountBase: 5}"}, "rule big: parameters: amountBase is the name of a field"),
        ({"parameters": "{a-b: 5}"}, "rule big: parameters: 'a-b' is no name"),
        ({"id": "Big Rule"}, "rule Big Rule: .*id"),
        ({"id": None}, "rule number 1: .*missing required field `id`"),
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


def test_two_rules_cannot_share_an_id() -> None:
    assert "rule big: another rule has the same id" in problems(rule(), rule())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"rates: [", "rates.yaml: it is no YAML at line"),
        (b"baseCurrency: EUR\nrates: []", "rates.yaml: .*rates"),
        (b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {USD: 0}}]", "rates.yaml: .*perBase"),
        (b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {XXX: 1}}]", "rates.yaml: no currency.*XXX"),
        (b"a: &x [1]\nb: *x", "rates.yaml: anchors"),
        (b"\xff\xfe\x00", "rates.yaml: it is no YAML"),
        (b"!!python/object/apply:os.system ['true']", "rates.yaml: it is no YAML"),
    ],
)
def test_bad_rates_are_named(content: bytes, message: str) -> None:
    with pytest.raises(RulesetError, match=message):
        load((HEAD + rule()).encode(), content, LISTS)


def test_a_list_holds_tokens_only() -> None:
    found = problems(rule(), lists=b"blocked: {card: ['4111111111111111']}")
    assert found.startswith("lists.yaml: ")
    assert "4111" not in found


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

"""Rules count by families: one sign of fraud counts once, and a score alone seldom declines."""

from pathlib import Path

import pytest

from fraudstream.detection.rules.counting import PROVEN
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load
from fraudstream.detection.scoring import Outcome, decide
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).parents[4] / "rules"
RATES = b"baseCurrency: EUR\nrates: [{validFrom: 2026-01-01, perBase: {USD: 1.25}}]"
LISTS = b"blocked: {}\ntrusted: {}"
HEAD = """schemaVersion: 2
baseLogOdds: -4
thresholds: {review: 30, decline: 80}
families: {amount: 3.5, device: 6}
floors: {high: 30}
rules:
"""


def rule(name: str, points: float, family: str | None, extra: str = "", when: str = 'type == "PAYMENT"') -> str:
    belongs = f", family: {family}" if family else ""
    return (
        f"  - {{id: {name}, description: it, when: '{when}', points: {points}{belongs}, reasonCode: IT, "
        f"severity: low, source: own{extra}}}\n"
    )


def loaded(*rules: str, head: str = HEAD) -> Ruleset:
    return load((head + "".join(rules)).encode(), RATES, LISTS)


def all_hit(*rules: str) -> Outcome:
    return decide(loaded(*rules), [True] * len(rules))


def test_two_rules_of_one_family_count_once() -> None:
    both = all_hit(rule("one", 3.5, "amount"), rule("two", 3.5, "amount"))
    assert both.log_odds == -4 + 3.5
    assert both.verdict is Verdict.REVIEW


def test_one_family_alone_reviews_and_two_decline() -> None:
    assert all_hit(rule("one", 6, "device")).verdict is Verdict.REVIEW
    assert all_hit(rule("one", 6, "device"), rule("two", 1, "amount")).verdict is Verdict.DECLINE


@pytest.mark.parametrize(("precision", "verdict"), [(PROVEN, Verdict.DECLINE), (PROVEN - 0.01, Verdict.REVIEW)])
def test_a_rule_whose_precision_was_measured_declines_by_itself(precision: float, verdict: Verdict) -> None:
    assert all_hit(rule("one", 6, "device", f", provenPrecision: {precision}")).verdict is verdict


def test_what_speaks_against_fraud_is_no_second_family() -> None:
    assert all_hit(rule("one", 6, "device"), rule("two", -0.1, "amount")).verdict is Verdict.REVIEW


def test_a_severe_hit_is_reviewed_however_few_points_it_has() -> None:
    mild = rule("one", 0.1, "device")
    assert all_hit(mild).verdict is Verdict.APPROVE
    severe = all_hit(mild.replace("severity: low", "severity: high"))
    assert (severe.verdict, severe.score) == (Verdict.REVIEW, 30)
    assert severe.log_odds == pytest.approx(-3.9)


def test_every_rule_with_points_says_its_family_and_its_types() -> None:
    with pytest.raises(RulesetError) as caught:
        loaded(
            rule("one", 1, None),
            rule("two", 1, "devise"),
            rule("three", 1, "amount", when="amountBase > 1"),
        )
    one, two, three = caught.value.problems
    assert "rule one: it needs a family: one of amount, device" in one
    assert "rule two: there is no family devise" in two
    assert "device" in two
    assert "rule three: when: it has to say which types" in three


@pytest.mark.parametrize("when", ["", "type ==", "type == `PAYMENT`", 'type == "PAYMENT" and (', "0 1"])
def test_what_is_no_expression_is_refused_as_any_other_fault(when: str) -> None:
    with pytest.raises(RulesetError, match="rule one: when: "):
        loaded(rule("one", 1, "amount", when=when))


def test_a_parameter_that_cannot_be_a_name_is_not_repeated() -> None:
    with pytest.raises(RulesetError, match="rule one: parameters: a name has to be of the letters") as caught:
        loaded(rule("one", 1, "amount", ", parameters: {4111 1111 1111 1111: 1}"))
    assert "4111" not in str(caught.value)


def test_families_and_schema_belong_together() -> None:
    with pytest.raises(RulesetError, match="schema 2 needs them, and schema 1 has none"):
        loaded(rule("one", 1, "amount"), head=HEAD.replace("schemaVersion: 2", "schemaVersion: 1"))


def test_a_ruleset_of_the_first_schema_counts_as_it_did() -> None:
    head = "schemaVersion: 1\nbaseLogOdds: -4\nthresholds: {review: 30, decline: 80}\nrules:\n"
    rules = [rule("one", 3.5, None, when="amountBase > 1"), rule("two", 3.5, None, when="amountBase > 1")]
    assert decide(loaded(*rules, head=head), [True, True]).verdict is Verdict.DECLINE


def test_no_single_family_of_the_shipped_rules_declines_unless_it_is_proven() -> None:
    shipped = RulesFolder(RULES).load()
    for family in shipped.counting.families:
        hits = [rule.family == family and rule.proven_precision < PROVEN for rule in shipped.rules]
        assert decide(shipped, hits).verdict is not Verdict.DECLINE

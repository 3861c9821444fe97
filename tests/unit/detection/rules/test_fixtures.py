"""Every rule that is deployed hits the histories that it must hit, and no others; and what a fixture can say."""

from pathlib import Path

import pytest

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.rule import Mode
from fraudstream.transactions.decisions.reasons import SENTENCES
from fraudstream_tools.rules.fixtures import Expected, Fixture, FixtureError, Result, read_fixtures, run, untested
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).parents[4] / "rules"
FOLDER = RulesFolder(RULES)
FIXTURES = read_fixtures(RULES / "fixtures")


@pytest.mark.parametrize("fixture", FIXTURES, ids=[fixture.rule for fixture in FIXTURES])
def test_a_rule_judges_its_fixtures_as_it_must(fixture: Fixture) -> None:
    assert [f"{each.case.name}: {each.outcome}" for each in run(fixture, FOLDER) if not each.passed] == []


def test_every_rule_has_a_history_that_hits_and_one_that_does_not() -> None:
    assert untested(FOLDER.load(), FIXTURES) == []
    assert untested(FOLDER.load(), FIXTURES[1:]) == [FIXTURES[0].rule]


def test_the_same_files_are_checked_once_for_all_fixtures() -> None:
    judged_by = [(str(fixture.lists), id(run(fixture, FOLDER)[0].ruleset)) for fixture in FIXTURES]
    assert 1 < len({lists for lists, _ in judged_by}) == len(set(judged_by)) < len(FIXTURES)


def test_every_rule_has_a_source_and_its_reason_a_sentence() -> None:
    rules = FOLDER.load().rules
    assert sum(rule.mode is Mode.LIVE for rule in rules) >= 18
    assert [rule.id for rule in rules if rule.reason_code not in SENTENCES] == []
    assert {rule.id for rule in rules if rule.signal is None} == {"trusted-entity", "odd-hour"}


def one(tmp_path: Path, text: str, rule: str = "card-velocity") -> Result:
    (tmp_path / f"{rule}.yaml").write_text(text)
    (fixture,) = read_fixtures(tmp_path)
    (result,) = run(fixture, FOLDER)
    return result


CASE = "rule: card-velocity\ncases:\n  - {{name: x, expect: miss, history: [{history}], transaction: {{{last}}}}}\n"


def test_an_entry_of_a_history_can_stand_for_many(tmp_path: Path) -> None:
    history = '{at: -60m, times: 5, every: 10m, cardToken: "card-{n}"}'
    result = one(tmp_path, CASE.format(history=history, last="cardToken: card-5"))
    vector = dict(zip(NAMES, unpack(result.decision.features), strict=True))
    assert (vector["customerCount1h"], vector["customerCount12h"], vector["cardCount2h"]) == (4, 5, 1)
    assert (result.outcome, result.passed) == (Expected.MISS, True)


def test_what_turned_out_to_be_fraud_is_known_when_the_last_one_is_judged(tmp_path: Path) -> None:
    history = "{at: -2d, times: 2, label: FRAUD}, {at: -1d, label: LEGITIMATE}, {at: -1h}"
    vector = unpack(one(tmp_path, CASE.format(history=history, last="")).decision.features)
    assert dict(zip(NAMES, vector, strict=True))["customerFrauds30d"] == 2


def test_lists_of_a_fixture_stand_in_place_of_the_rulesets(tmp_path: Path) -> None:
    text = (RULES / "fixtures" / "blocked-entity.yaml").read_text()
    (tmp_path / "blocked-entity.yaml").write_text(text.replace("Blocked1]", "Blocked3]"))
    (fixture,) = read_fixtures(tmp_path)
    assert [result.case.name for result in run(fixture, FOLDER) if not result.passed] == ["a blocked card"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CASE.format(history="", last="cardTokn: a"), "x: there is no field cardTokn: did you mean cardToken?"),
        (CASE.format(history="{at: yesterday}", last=""), "card-velocity.yaml: x: at: Expected `str` matching"),
        (CASE.format(history="{type: PAYMNT}", last=""), "card-velocity.yaml: x: type: it has to be one of PAYMENT, "),
        (CASE.format(history="", last="times: 2"), "x: there is one transaction to judge"),
        (CASE.format(history="", last="latitude: 91.0"), "x: latitude is out of range"),
        (CASE.format(history="", last="").replace("expect", "expct"), "no key expct: did you mean expect"),
        ("rule: other\ncases: [{name: x, expect: hit, transaction: {}}]", "name it other.yaml"),
        ("rule: card-velocity\ncases: []", "cases: Expected `array` of length >= 1"),
        ("rule: [", "card-velocity.yaml: line 2: it is no YAML"),
    ],
)
def test_a_bad_fixture_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FixtureError) as caught:
        one(tmp_path, text)
    assert message in str(caught.value)


def test_fixtures_of_an_unknown_rule_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match="the ruleset has no rule velocity"):
        one(tmp_path, CASE.format(history="", last="").replace("card-velocity", "velocity"), "velocity")

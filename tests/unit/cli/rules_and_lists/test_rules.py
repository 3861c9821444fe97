"""`fraudstream rules check|explain|test`."""

import base64
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlglot

from fraudstream.detection.features.codec import pack
from fraudstream.detection.models.model import RuleWeight, seal
from fraudstream.detection.rules.counting import fingerprint
from fraudstream_tools.cli.main import app
from fraudstream_tools.lab.training.storage.model_storage import activate, model_folder
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command, clean_environment
from tests.unit.detection.model_harness import small_model

RULES = Path("rules").resolve()
NOW = 1_780_000_000_000
PAYMENT = {
    "transactionId": "t-last",
    "timestamp": NOW,
    "amountMinor": 2000,
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "ann",
    "cardToken": "card-a",
}


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command, in a folder with a copy of the rules that are deployed."""
    clean_environment(monkeypatch)
    shutil.copytree(RULES, tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return Command(capsys)


def change(file: str, old: str, new: str) -> None:
    path = Path("rules", file)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def history(count: int) -> list[dict[str, Any]]:
    return [PAYMENT | {"transactionId": f"t-{n}", "timestamp": NOW - (count - n) * 60_000} for n in range(count)]


def test_a_rule_is_printed_as_a_query_that_trino_reads(fraudstream: Command) -> None:
    printed = fraudstream("rules", "sql", "card-velocity").out
    assert "cardCount2h >=" in printed
    assert sqlglot.parse_one(printed.rstrip().rstrip(";"), read="trino")
    assert json.loads(fraudstream("rules", "sql", "card-velocity", "--json").out)["sql"] in printed


def test_every_shipped_rule_has_a_query(fraudstream: Command) -> None:
    for rule in json.loads(fraudstream("rules", "explain", "--json").out):
        assert sqlglot.parse_one(json.loads(fraudstream("rules", "sql", rule["id"], "--json").out)["sql"], read="trino")


def test_a_rule_that_is_not_there_has_no_query_and_near_ones_are_named(fraudstream: Command) -> None:
    assert "did you mean card-velocity?" in flat(fraudstream("rules", "sql", "card-velocty").err)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_good_ruleset_is_said_to_be_one(fraudstream: Command) -> None:
    ran = fraudstream("rules", "check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("rules: version ")
    written = (RULES / "ruleset.yaml").read_text()
    shadow = written.count("\n    mode: shadow")
    live = written.count("\n  - id: ") - shadow
    said = fraudstream("rules", "check", "rules/ruleset.yaml").out
    assert shadow
    assert said.endswith(f": {live} live rules, {shadow} in shadow\n")


def test_the_example_of_the_help_is_a_rule(fraudstream: Command) -> None:
    help_texts = [str(each.typer_instance.info.help) for each in app.registered_groups if each.typer_instance]
    (example,) = [text.split("```")[1] for text in help_texts if "reasonCode:" in text]
    path = Path("rules", "ruleset.yaml")
    path.write_text(path.read_text() + example.replace("card-velocity", "of-the-help"))
    ran = fraudstream("rules", "check")
    assert (ran.code, ran.err) == (0, "")


def test_every_mistake_in_every_folder_is_named_with_file_line_and_rule(fraudstream: Command) -> None:
    shutil.copytree("rules", "other")
    Path("other", "lists.yaml").unlink()
    Path("other", "rates.yaml").unlink()
    change("ruleset.yaml", "cardCount2h >= earlier", "cardCount2hours >= earlier")
    change("ruleset.yaml", "reasonCode: CUSTOMER_VELOCITY", "reasonCod: CUSTOMER_VELOCITY")
    change("lists.yaml", "device: []", "devices: []")
    ran = fraudstream("rules", "check", "rules", "other")
    assert (ran.code, ran.out) == (1, "")
    lines = [line.strip() for line in ran.err.splitlines()]
    assert lines[0] == "error: 4 wrong in rules:"
    assert lines[1].startswith("lists.yaml: blocked: there is no key devices: did you mean device?")
    assert lines[2].endswith(
        "at character 22: there is no field or parameter cardCount2hours: did you mean cardCount2h?"
    )
    assert lines[2].startswith("ruleset.yaml: line ")
    assert "rule customer-velocity: there is no key reasonCod: did you mean reasonCode?" in lines[3]
    assert lines[5:] == [
        "error: 2 wrong in other:",
        "rates.yaml: No such file or directory",
        "lists.yaml: No such file or directory",
    ]

    found = json.loads(fraudstream("rules", "check", "rules", "other", "--json").out)
    assert [len(each["problems"]) for each in found] == [4, 2]


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_country_that_no_transaction_can_have_is_refused(fraudstream: Command, command: str) -> None:
    change("ruleset.yaml", "cardCount2h >= earlier", 'cardCount2h >= earlier and cardCountry != "de"')
    ran = fraudstream("rules", command)
    assert ran.code == 1
    assert "rule card-velocity: when: cardCountry is never de" in flat(ran.err)
    assert "did you mean DE?" in flat(ran.err)
    assert fraudstream("rules", "explain", "card-velocity").code == 0


def test_a_rule_is_explained_in_words_with_its_fields_numbers_source_and_signal(fraudstream: Command) -> None:
    said = flat(fraudstream("rules", "explain", "card-burst").out)
    for part in (
        "card-burst +0.75, live, severity medium",
        "all of these: type is one of PAYMENT, TRANSFER, WITHDRAWAL (spending) cardCount1h is at least 5 (earlier)",
        "not all of these: responseCode is known responseCode is one of 68, 91, 92, 96 (outage)",
        "earlier = 5",
        # On a narrow terminal the columns beside it are broken into lines.
        "cardCount1h a number, 15 at most, may",
        "the card's earlier spending",
        "CARD_VELOCITY: The card was used unusually often in a short time.",
        "family velocity: its rules add at most 3.5 points together",
        "own, a second step above card-velocity",
        "article 2(2)(c) of the RTS: known fraud scenarios",
    ):
        assert part in said
    as_json = json.loads(fraudstream("rules", "explain", "card-burst", "--json").out)
    assert (as_json["signal"], as_json["points"], as_json["decision"]) == ("c", 0.75, None)


def test_without_a_name_all_rules_are_listed(fraudstream: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    listed = fraudstream("rules", "explain").out
    rules = json.loads(fraudstream("rules", "explain", "--json").out)
    assert len(rules) >= 18
    assert all(rule["id"] in listed for rule in rules)
    fields = fraudstream("rules", "explain", "amount-outlier").out.partition("\nfields\n")[2].split()
    assert {"customerAmountCount", "customerAmountMean", "customerAmountDeviations"} <= set(fields)


def test_a_rule_tells_what_it_counts_beside_the_model_that_decides(fraudstream: Command) -> None:
    burst = next(rule for rule in RulesFolder(Path("rules")).load().rules if rule.id == "card-burst")
    told = {burst.id: RuleWeight(rule=fingerprint(burst), weight=0.4, hits=12)}
    model = seal(msgspec.structs.replace(small_model(own_labels=True).file, rule_weights=told))
    activate(model_folder(Path("models")), model, live=True)
    said = flat(fraudstream("rules", "explain", "card-burst").out)
    assert f"+0.30 beside the live model {model.version}, by its training: its points times 0.4" in said
    found = {rule["id"]: rule["besideModel"] for rule in json.loads(fraudstream("rules", "explain", "--json").out)}
    assert found["card-burst"]["points"] == pytest.approx(0.3)
    assert (found["card-velocity"]["weight"], found["card-velocity"]["known"]) == (1, False)
    assert found["blocked-entity"] is None
    assert "+0.30" in fraudstream("rules", "explain").out
    Path("models/models.yaml").write_text("live: gone.json")
    assert "gone.json: it is not there" in fraudstream("rules", "explain").err


def test_a_decision_is_explained_by_the_decisive_parts_of_each_rule(fraudstream: Command) -> None:
    Path("day.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*history(3), PAYMENT]))
    said = flat(fraudstream("rules", "explain", "--transaction", "day.jsonl").out)
    assert said.startswith("t-last APPROVE score 3")
    assert "log-odds -4 and +0.5 of the rules that hit make -3.5" in said
    assert "features computed from 3 earlier transactions" in said
    second = fraudstream("rules", "explain", "--transaction", "day.jsonl", "--id", "t-1")
    assert "features computed from 1 earlier transaction" in flat(second.out)
    hit, _, rest = said.partition("cannot be said, for a field is missing")
    unevaluable, _, missed = rest.partition("did not hit")
    assert "card-velocity +0.5 ✓ type is one of PAYMENT, TRANSFER, WITHDRAWAL (spending) [type is PAYMENT]" in hit
    assert "✓ cardCount2h is at least 3 (earlier) [cardCount2h is 3]" in hit
    assert "impossible-travel +4 ? travelKm is at least 500 (distance) [travelKm is missing]" in unevaluable
    assert "card-burst +0.75 ✗ cardCount1h is at least 5 (earlier) [cardCount1h is 3] customer" in missed


def test_a_score_that_one_family_alone_reaches_is_said_to_decline_nothing(fraudstream: Command) -> None:
    change("ruleset.yaml", "provenPrecision: 0.94", "provenPrecision: 0.5")
    change("ruleset.yaml", "  high: 30", "  high: 95")
    tried = {"deviceDeclinedCards1h": 3, "deviceDeclineShare1h": 1.0}
    features = base64.b64encode(pack(tried)).decode()
    Path("asked.json").write_text(json.dumps(PAYMENT | {"features": features, "decision": "APPROVE"}))
    said = flat(fraudstream("rules", "explain", "card-testing-device", "--transaction", "asked.json").out)
    assert said.startswith("t-last REVIEW score 95")
    assert "a hit of its severity leaves no score below 95" in said
    assert "it is not declined: that takes rules of two families, or one whose precision is proven" in said


def test_a_history_may_have_times_as_the_api_takes_them(fraudstream: Command) -> None:
    rows = [*history(3), {**PAYMENT}]
    Path("numbers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for row in rows:
        row["timestamp"] = datetime.fromtimestamp(row["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
    Path("texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    by_numbers, by_texts = (
        fraudstream("rules", "explain", "--transaction", name, "--json") for name in ("numbers.jsonl", "texts.jsonl")
    )
    assert by_texts.code == 0, by_texts.err
    assert by_texts.out == by_numbers.out


def test_a_rule_says_its_measured_precision(fraudstream: Command) -> None:
    said = flat(fraudstream("rules", "explain", "card-testing-device").out)
    assert "of its hits at least 94% were fraud, by a measurement" in said


def test_an_id_says_which_transaction_of_a_history_is_meant(fraudstream: Command) -> None:
    Path("day.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*history(5), PAYMENT]))
    ask = ("rules", "explain", "card-velocity", "--transaction", "day.jsonl")
    assert "cardCount2h is 2" in fraudstream(*ask, "--id", "t-2").out
    assert "cardCount2h is 5" in fraudstream(*ask).out
    ran = fraudstream(*ask, "--id", "t-99")
    assert (ran.code, flat(ran.err)) == (1, "error: day.jsonl: there is no transaction of this id in it")


def test_hours_are_those_of_the_stacks_time_zone(fraudstream: Command) -> None:
    change("ruleset.yaml", "cardCount2h >= earlier", "localHour < earlier")
    late = round(datetime(2026, 3, 28, 23, 30, tzinfo=UTC).timestamp() * 1000)
    rows = [PAYMENT | {"transactionId": f"t-{n}", "timestamp": late + n * 86_400_000} for n in range(2)]
    Path("nights.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ask = ("rules", "explain", "card-velocity", "--transaction", "nights.jsonl")
    assert "localHour is 23" in fraudstream(*ask).out
    # The clocks go forward in the night between the two.
    for name, hour in (("t-0", 0), ("t-1", 1)):
        assert f"localHour is {hour}" in fraudstream(*ask, "--id", name, "--time-zone", "Europe/Berlin").out
    assert "must be an IANA name" in fraudstream(*ask, "--time-zone", "Berlin").err
    alone = fraudstream("rules", "explain", "card-velocity", "--time-zone", "Europe/Berlin")
    assert "name its file with --transaction" in alone.err


def test_another_programs_file_is_explained_through_its_map(fraudstream: Command) -> None:
    rows = [f"{row['transactionId']},{row['timestamp']},20.00,EUR,ann,card-a" for row in [*history(4), PAYMENT]]
    Path("till.csv").write_text("\n".join(["Number,When,Amount,Money,Buyer,Card", *rows, ""]))
    fields = {
        "transactionId": "Number",
        "timestamp": "{column: When}",
        "amountMinor": "{column: Amount, unit: major}",
        "currency": "{column: Money}",
        "type": "{value: PAYMENT}",
        "customerId": "{column: Buyer}",
        "cardToken": "{column: Card}",
    }
    Path("till.yaml").write_text("\n".join(["fields:", *(f"  {name}: {source}" for name, source in fields.items())]))
    ask = ("rules", "explain", "card-velocity", "--transaction", "till.csv")
    assert "row 1: " in fraudstream(*ask).err
    said = fraudstream(*ask, "--map", "till.yaml").out
    assert "cardCount2h is 4" in said
    assert "cardCount2h is 2" in fraudstream(*ask, "--map", "till.yaml", "--id", "t-2").out


@pytest.mark.parametrize("form", ["one", "several", "with a history"])
def test_json_holds_one_transaction_or_its_history_too(fraudstream: Command, form: str) -> None:
    content = {"one": PAYMENT, "several": [*history(4), PAYMENT]}.get(
        form, {"history": history(4), "transaction": PAYMENT}
    )
    Path("asked.json").write_text(json.dumps(content))
    found = json.loads(fraudstream("rules", "explain", "card-velocity", "--transaction", "asked.json", "--json").out)
    (rule,) = found["rules"]
    assert found["transactionId"] == "t-last"
    assert rule["outcome"] == ("miss" if form == "one" else "hit")
    assert rule["decisive"][-1]["values"] == {"cardCount2h": 0 if form == "one" else 4}


def test_a_line_of_the_decision_log_brings_its_features(fraudstream: Command) -> None:
    features = base64.b64encode(pack({"cardCount2h": 7, "amountBase": 20.0})).decode()
    Path("asked.json").write_text(json.dumps(PAYMENT | {"features": features, "decision": "APPROVE"}))
    said = fraudstream("rules", "explain", "card-velocity", "--transaction", "asked.json").out
    assert "cardCount2h is 7" in said
    assert "features as they were logged" in said


def test_a_decisive_not_is_shown_as_one(fraudstream: Command) -> None:
    given = {"cardCountry": "DE", "billingCountry": "DE", "ipCountry": "VN"}
    Path("asked.json").write_text(json.dumps(PAYMENT | given))
    said = flat(fraudstream("rules", "explain", "country-mismatch", "--transaction", "asked.json").out)
    assert "✓ ipCountry is not cardCountry [cardCountry is DE, ipCountry is VN]" in said
    assert "✓ not: billingCountry is ipCountry [billingCountry is DE, ipCountry is VN]" in said


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "it has to hold transactions in JSON"),
        ("3", "it has to hold transactions in JSON"),
        (b'{"type": "\xff"}', "it has to hold transactions in JSON"),
        ("[]", "there is no transaction in it"),
        ('{"history": 3, "transaction": {}}', "it has to hold transactions in JSON"),
        ('{"amountMinor": 1}', "asked.json: row 1: "),
        (json.dumps(PAYMENT | {"features": "AAAA"}), "asked.json: features: a feature vector is damaged"),
        (json.dumps(PAYMENT | {"features": "?"}), "asked.json: features: "),
    ],
)
def test_what_cannot_be_asked_about_is_named(fraudstream: Command, content: str | bytes, problem: str) -> None:
    Path("asked.json").write_bytes(content.encode() if isinstance(content, str) else content)
    ran = fraudstream("rules", "explain", "--transaction", "asked.json")
    assert (ran.code, ran.out) == (1, "")
    assert problem in ran.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("explain", "card-velocty"), "there is no rule card-velocty: did you mean card-velocity?"),
        (("explain", "--id", "t-1"), "name the file with --transaction"),
        (("explain", "--map", "sparkov"), "name the file with --transaction"),
        (("explain", "--transaction", "none.json"), "none.json: No such file"),
        (("explain", "--rules", "nowhere"), "nowhere cannot be used"),
        (("test", "card-velocty"), "there is no rule card-velocty: did you mean card-velocity?"),
    ],
)
def test_what_is_not_there_is_named(fraudstream: Command, arguments: tuple[str, ...], problem: str) -> None:
    ran = fraudstream("rules", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert problem in flat(ran.err)


def test_all_fixtures_are_judged(fraudstream: Command) -> None:
    ran = fraudstream("rules", "test")
    assert ran.code == 0
    assert "✓ card-burst: 6 of 6 cases" in ran.out
    assert "✗" not in ran.out
    assert fraudstream("rules", "test", "card-burst").out.splitlines()[-1] == "6 of 6 cases as they must be"


def test_a_case_that_fails_is_shown_with_what_decided_it(fraudstream: Command) -> None:
    change("ruleset.yaml", "earlier: 3", "earlier: 4")
    Path("rules/fixtures/odd-hour.yaml").unlink()
    ran = fraudstream("rules", "test", "card-velocity", "odd-hour")
    assert ran.code == 1
    assert "✗ card-velocity: 6 of 8 cases" in ran.out
    assert "the fourth payment in two hours: must be hit, is miss" in ran.out
    assert "✗ cardCount2h is at least 4 (earlier)  [cardCount2h is 3]" in ran.out
    assert "✗ odd-hour: it needs a case that must hit and one that must not" in ran.out

    found = json.loads(fraudstream("rules", "test", "--json").out)
    assert (found["failed"], found["untested"]) == (2, ["odd-hour"])


def test_a_bad_fixture_is_named(fraudstream: Command) -> None:
    change("fixtures/card-burst.yaml", "expect: hit", "expect: hits")
    ran = fraudstream("rules", "test")
    assert ran.code == 1
    assert "card-burst.yaml: cases[0].expect: it has to be one of " in flat(ran.err)


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("test",),
        ("explain", "card-velocity"),
        ("deploy", "--yes", "--reason", "x"),
        ("sql", "card-velocity"),
    ],
    ids=lambda command: command[0],
)
def test_somebody_outside_a_checkout_is_told_which_folder_to_name(
    fraudstream: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ran = fraudstream("rules", *command)
    assert ran.code == 1
    assert "it is not there: name the folder that has ruleset.yaml, rates.yaml, lists.yaml;" in ran.err

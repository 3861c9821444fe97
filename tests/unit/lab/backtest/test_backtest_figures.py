"""What a backtest says of rules: counted by hand on few transactions."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fraudstream_tools.lab.backtest.intervals import share_of
from fraudstream_tools.lab.files.writing import write_rows
from tests.cli_harness import Command
from tests.unit.lab.backtest_harness import (
    RATES,
    RULES,
    UNRATED,
    decided,
    log_records,
    ruleset_file,
    world,
    write_rules,
    write_world,
)

DAY = 86_400_000
START = 1_767_600_000_000
LARGE = ("large", "amountBase > 100", 5.0)
ROUND = ("round", "amountTrailingZeros >= 1", 1.0)
ABROAD = ("abroad", 'cardCountry != "DE"', 0.5)


def payment(number: int, euros: float, **other: Any) -> dict[str, Any]:
    return {
        "transactionId": f"t-{number}",
        "timestamp": START + number * DAY,
        "amountMinor": round(euros * 100),
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": f"c-{number}",
        **other,
    }


# Day by day: what is known 7 days after the 10th day is what happened on the first three.
PAYMENTS = [
    payment(0, 150.5, label="FRAUD", cardCountry="DE"),
    payment(1, 200.0, label="LEGITIMATE"),
    payment(2, 300.0),  # matured
    payment(3, 170.0, authorizationResult="DECLINED"),  # never legitimate by silence
    payment(4, 40.0, label="FRAUD", cardCountry="FR"),
    payment(5, 30.0),
    payment(10, 500.0),  # too new
]


def run(fraudstream: Command, *options: object) -> dict[str, Any]:
    ran = fraudstream("backtest", *options, "--json", "--processes", 1)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return write_rules(tmp_path / "one", ruleset_file([LARGE, ROUND, ABROAD], shadow=("round",)))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_rows(tmp_path / "payments.jsonl", PAYMENTS)
    return tmp_path / "payments.jsonl"


def test_each_rule_is_counted(fraudstream: Command, one: Path, data: Path) -> None:
    result = run(fraudstream, "--rules", one, "--data", data)
    large, whole, abroad = result["rulesets"][0]["rules"]
    assert (large["hits"], large["uniqueHits"], large["unevaluable"]) == (5, 5, 0)
    # Of the five hits, one is fraud, one labelled legitimate, one older than the labels' delay; two are unknown.
    assert (large["knownHits"], large["fraudHits"]) == (3, 1)
    assert large["precision"]["value"] == pytest.approx(1 / 3)
    assert (large["recall"]["value"], large["recall"]["n"]) == (0.5, 2)
    assert large["valueSaved"] == 150.5
    assert large["uniqueValueSaved"] == 150.5
    assert large["hitRate"] == pytest.approx(5 / 7)
    # A shadow rule's unique hits are those that no live rule has: what it would add.
    assert (whole["mode"], whole["hits"], whole["uniqueHits"]) == ("shadow", 6, 1)
    # A card's country is known of two transactions only.
    assert (abroad["hits"], abroad["unevaluable"], abroad["fraudHits"]) == (1, 5, 1)


def test_the_ruleset_is_counted_as_a_whole(fraudstream: Command, one: Path, data: Path) -> None:
    result = run(fraudstream, "--rules", one, "--data", data)
    (ruleset,) = result["rulesets"]
    assert result["transactions"] == 7
    assert result["days"] == 10.0
    assert result["baseCurrency"] == "EUR"
    assert result["known"] == {"unknown": 3, "fraud": 2, "legitimate": 1, "matured": 1}
    # -4 and 5 points are 73 of 100.
    assert ruleset["decisions"] == {"APPROVE": 2, "REVIEW": 5, "DECLINE": 0}
    assert (ruleset["alerts"], ruleset["alertsADay"], ruleset["falseAlerts"]) == (5, 0.5, 2)
    assert (ruleset["valueSaved"], ruleset["valueMissed"]) == (150.5, 40.0)
    assert (ruleset["precision"]["n"], ruleset["recall"]["n"]) == (3, 2)
    assert result["changes"] is None


def test_frauds_without_an_exchange_rate_are_told(fraudstream: Command, one: Path, tmp_path: Path) -> None:
    unvalued = [payment(1, 99.0, label=label, currency=UNRATED) for label in ("FRAUD", "LEGITIMATE")]
    rows = [*PAYMENTS, *({**each, "transactionId": f"u-{at}"} for at, each in enumerate(unvalued))]
    write_rows(tmp_path / "more.jsonl", rows)
    result = run(fraudstream, "--rules", one, "--data", "more.jsonl")
    assert (result["known"]["fraud"], result["unvaluedFrauds"]) == (3, 1)
    assert result["rulesets"][0]["valueMissed"] == 40.0
    told = "frauds without an exchange rate, which add nothing to the values: 1"
    assert told in fraudstream("backtest", "--rules", one, "--data", "more.jsonl").out
    write_rows(tmp_path / "payments.jsonl", PAYMENTS)
    assert told not in fraudstream("backtest", "--rules", one, "--data", "payments.jsonl").out


def test_what_would_change_is_counted_and_listed(fraudstream: Command, one: Path, data: Path, tmp_path: Path) -> None:
    other = write_rules(tmp_path / "two", ruleset_file([("small", "amountBase < 160", 8.0)]))
    result = run(fraudstream, "--rules", one, "--against", other / "ruleset.yaml", "--data", data, "--changes", "c.csv")
    assert [ruleset["name"] for ruleset in result["rulesets"]] == [str(one), str(other / "ruleset.yaml")]
    assert [{name: value for name, value in each.items() if name != "precision"} for each in result["changes"]] == [
        {"before": "APPROVE", "after": "DECLINE", "transactions": 2, "frauds": 1, "noFrauds": 0, "fraudAmount": 40.0},
        {"before": "REVIEW", "after": "APPROVE", "transactions": 4, "frauds": 0, "noFrauds": 2, "fraudAmount": 0.0},
        {"before": "REVIEW", "after": "DECLINE", "transactions": 1, "frauds": 1, "noFrauds": 0, "fraudAmount": 150.5},
    ]
    assert [each["precision"] and each["precision"]["n"] for each in result["changes"]] == [1, 2, 1]
    listed = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert [row["transactionId"] for row in listed] == ["t-0", "t-1", "t-2", "t-3", "t-4", "t-5", "t-10"]
    assert listed[0] == {
        "transactionId": "t-0",
        "timestamp": str(START),
        "time": "2026-01-05T08:00:00+00:00",
        "amountBase": "150.50",
        "before": "REVIEW",
        "after": "DECLINE",
        "scoreBefore": "73",
        "scoreAfter": "98",
        "known": "fraud",
    }


def test_without_labels_there_are_hit_rates_only(fraudstream: Command, one: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "bare.csv", [{k: v for k, v in row.items() if k != "label"} for row in PAYMENTS])
    result = run(fraudstream, "--rules", one, "--data", "bare.csv")
    large = result["rulesets"][0]["rules"][0]
    assert large["hitRate"] == pytest.approx(5 / 7)
    assert [large[name] for name in ("precision", "recall", "valueSaved", "uniqueValueSaved")] == [None] * 4
    assert [result["rulesets"][0][name] for name in ("precision", "valueSaved", "falseAlerts")] == [None] * 3
    ran = fraudstream("backtest", "--rules", one, "--data", "bare.csv")
    assert "there are no labels" in ran.out
    assert "bare.csv: no row says what is true: if another file does, name it with --truth" in ran.err
    assert "precision" not in ran.out


def test_no_figure_is_cut_in_a_terminal_of_few_columns(
    fraudstream: Command, one: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich's own, where what is written to is no terminal
    for kind in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", kind)
        shown = fraudstream("backtest", "--rules", one, "--data", data).out
        assert "33.3% (6-79)" in shown
        assert "…" not in shown


def test_people_get_tables(fraudstream: Command, one: Path, data: Path, tmp_path: Path) -> None:
    other = write_rules(tmp_path / "two", ruleset_file([("small", "amountBase < 160", 8.0)]))
    shown = fraudstream("backtest", "--rules", one, "--against", other, "--data", data, "--changes", "c.csv").out
    assert "7 transactions from 2026-01-05 to 2026-01-15, 10.0 days" in shown
    assert "33.3% (6-79)" in shown
    assert "value saved 150.50 EUR, missed 40.00 EUR" in shown
    assert "7 decisions change" in shown
    assert "changed decisions are listed in c.csv" in shown
    same = fraudstream("backtest", "--rules", one, "--against", one, "--data", data).out
    assert "0 decisions change" in same


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    # Worked out with the formula of Wilson's paper, and as statistics packages give them.
    [(0, 10, 0.0, 0.277533), (5, 10, 0.236593, 0.763407), (10, 10, 0.722467, 1.0), (1, 3, 0.061492, 0.792340)],
)
def test_intervals_are_wilsons(hits: int, cases: int, low: float, high: float) -> None:
    share = share_of(hits, cases)
    assert share is not None
    assert (share.value, share.n) == (hits / cases, cases)
    assert (share.low, share.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
    assert share_of(0, 0) is None


def test_any_number_of_processes_gives_the_same(fraudstream: Command, tmp_path: Path) -> None:
    file, truth = write_world(tmp_path)
    folder = tmp_path / "log"
    folder.mkdir()
    write_rows(folder / "log.jsonl.gz", log_records())
    for options in (("--data", file, "--truth", truth), ("--data", folder)):
        wanted = (
            "backtest",
            "--rules",
            RULES,
            "--against",
            RULES,
            *options,
            "--changes",
            "c.csv",
            "--json",
            "--processes",
        )
        outputs = [fraudstream(*wanted, number).out for number in (1, 2, 3)]
        assert outputs[0] == outputs[1] == outputs[2] != ""


def test_a_replay_and_the_log_of_the_same_world_say_the_same(fraudstream: Command, tmp_path: Path) -> None:
    file, truth = write_world(tmp_path)
    write_rows(tmp_path / "labels.jsonl", (row.as_row() for row in world().truths if row.report))
    write_rows(tmp_path / "log.jsonl", log_records())
    rules = write_rules(tmp_path / "one", ruleset_file([LARGE, ("often", "cardCount24h >= 4", 3.0), ABROAD]))
    logged = run(fraudstream, "--rules", rules, "--data", "log.jsonl", "--label-delay", 0)
    replayed = run(fraudstream, "--rules", rules, "--data", file, "--truth", "labels.jsonl", "--label-delay", 0)
    for mine, other in zip(logged["rulesets"], replayed["rulesets"], strict=True):
        assert mine["decisions"] == other["decisions"]
        assert [rule["hits"] for rule in mine["rules"]] == [rule["hits"] for rule in other["rules"]]
    # Of what was declined then, the log knows that nobody would have said it was fraud: a file cannot tell.
    known = logged["known"], replayed["known"]
    assert [each["legitimate"] for each in known] == [
        sum(row.report is not None and not row.fraud for row in world().truths)
    ] * 2
    assert known[0]["unknown"] > known[1]["unknown"]
    assert known[0]["fraud"] == known[1]["fraud"]
    assert logged["known"]["fraud"] == sum(row.fraud and row.report is not None for row in world().truths)
    # The truth file says more than anybody reported.
    whole = run(fraudstream, "--rules", rules, "--data", file, "--truth", truth)
    assert whole["known"]["fraud"] == sum(row.fraud for row in world().truths)


def test_logged_decisions_are_found_again(fraudstream: Command, tmp_path: Path) -> None:
    write_rows(tmp_path / "log.jsonl", log_records())
    ran = fraudstream("backtest", "--rules", RULES, "--data", "log.jsonl", "--json", "--processes", 1)
    decisions = json.loads(ran.out)["rulesets"][0]["decisions"]
    for verdict in ("APPROVE", "REVIEW", "DECLINE"):
        assert decisions[verdict] == sum(decision.decision == verdict for _, decision in decided())


def test_who_was_listed_when_it_was_decided_is_listed_in_a_backtest(fraudstream: Command, tmp_path: Path) -> None:
    rules = write_rules(tmp_path / "rules", ruleset_file([("listed", 'listed("blocked")', 5.0)]))
    first, *others = [record for record in log_records() if record["event"] == "DECIDED"][:20]
    write_rows(tmp_path / "log.jsonl", [{**first, "listedAs": ["blocked:card"]}, *others])
    ran = fraudstream("backtest", "--rules", rules, "--data", "log.jsonl", "--json", "--processes", 1)
    (rule,) = json.loads(ran.out)["rulesets"][0]["rules"]
    assert rule["hits"] == 1


def test_the_newest_label_of_the_log_holds(fraudstream: Command, one: Path, tmp_path: Path) -> None:
    record = next(record for record in log_records() if record["event"] == "DECIDED")
    labels = [("FRAUD", 5), ("LEGITIMATE", 9), ("FRAUD", 7)]
    lines = [
        {**record, "event": "LABELED", "label": label, "labeledAt": record["timestamp"] + at} for label, at in labels
    ]
    write_rows(tmp_path / "log.jsonl", [record, *lines])
    known = run(fraudstream, "--rules", one, "--data", "log.jsonl", "--label-delay", 0)["known"]
    assert (known["fraud"], known["legitimate"]) == (0, 1)


def test_labels_of_what_is_too_new_are_counted_and_tell_nothing(fraudstream: Command, tmp_path: Path) -> None:
    write_rows(tmp_path / "log.jsonl", log_records())
    reported = sum(row.report is not None for row in world().truths)
    ran = fraudstream("backtest", "--rules", RULES, "--data", "log.jsonl", "--processes", 1, "--label-delay", 300)
    assert f"{reported} labels of transactions younger than --label-delay (300 days)" in ran.err
    assert "there are no labels" in ran.out


def test_a_rule_on_what_the_log_leaves_out_is_named(fraudstream: Command, tmp_path: Path) -> None:
    rules = write_rules(tmp_path / "bins", ruleset_file([LARGE, ("bin", 'cardBin == "400000"', 2.0)]))
    write_rows(tmp_path / "log.jsonl", log_records())
    ran = fraudstream("backtest", "--rules", rules, "--data", "log.jsonl", "--processes", 1)
    assert ran.code == 0
    assert "rule bin needs a field that the log does not keep" in ran.err
    assert "rule large" not in ran.err


def test_other_exchange_rates_are_replayed_for_each_ruleset(fraudstream: Command, one: Path, data: Path) -> None:
    rules = one.joinpath("ruleset.yaml").read_bytes()
    dollars = RATES.replace(b"baseCurrency: EUR", b"baseCurrency: USD").replace(b"      USD: 1.17", b"      EUR: 0.1")
    other = write_rules(one.with_name("dollars"), rules, dollars)
    result = run(fraudstream, "--rules", one, "--against", other, "--data", data)
    # A euro is ten dollars there: all amounts are large.
    assert [ruleset["rules"][0]["hits"] for ruleset in result["rulesets"]] == [5, 7]


def test_a_transaction_that_comes_twice_counts_once_and_order_does_not_matter(
    fraudstream: Command, one: Path, data: Path, tmp_path: Path
) -> None:
    write_rows(tmp_path / "twice.jsonl", [*reversed(PAYMENTS), PAYMENTS[0]])
    twice = run(fraudstream, "--rules", one, "--data", "twice.jsonl")
    assert twice.pop("repeated") == 1
    once = run(fraudstream, "--rules", one, "--data", data)
    assert once.pop("repeated") == 0
    assert once == twice


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "there is no transaction in it"),
        ('{"schemaVersion": 1, "loggedAt": 1, "transactionId": 7}\n', "data.jsonl: 1 of 1 lines are no records"),
        ('{"transactionId": "t"}\n', "data.jsonl, line 1, column "),
        (json.dumps(payment(1, 2.0, label="x")), "data.jsonl, line 1, column label: must be FRAUD or LEGITIMATE"),
        (json.dumps(payment(1, 2.0, label="FRAUD", labeledAt=1_700_000_000)), "these look like seconds"),
        (json.dumps(payment(1, 2.0, label="FRAUD", labeledAt=1_000_000_000_000)), "is older than its transaction"),
        (json.dumps(payment(1, 2.0, fraud="x")), "column fraud: must be true or false"),
        (json.dumps(payment(1, 2.0, label="FRAUD", labeledAt="x")), "column labeledAt: must be a date"),
    ],
)
def test_data_that_cannot_be_read_are_refused(
    fraudstream: Command, one: Path, tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "data.jsonl").write_text(content)
    ran = fraudstream("backtest", "--rules", one, "--data", "data.jsonl", "--processes", 1)
    assert ran.code == 1
    assert complaint in ran.err


def test_other_things_that_are_wrong_are_named(fraudstream: Command, one: Path, data: Path, tmp_path: Path) -> None:
    broken = write_rules(tmp_path / "broken", ruleset_file([("large", "amountBaze > 1", 1.0)]))
    assert "amountBaze" in fraudstream("backtest", "--rules", broken, "--data", data).err
    assert "name the folder that has ruleset.yaml" in fraudstream("backtest", "--rules", "nowhere", "--data", data).err
    assert "no such file" in fraudstream("backtest", "--rules", one, "--data", "nothing.csv").err
    assert (
        "name the other with --against"
        in fraudstream("backtest", "--rules", one, "--data", data, "--changes", "c.csv").err
    )
    (tmp_path / "empty").mkdir()
    assert "there is no decision log" in fraudstream("backtest", "--rules", one, "--data", "empty").err
    assert "no such time zone" in fraudstream("backtest", "--rules", one, "--data", data, "--time-zone", "Mars").err
    unwritable = ("--against", one, "--changes", one / "ruleset.yaml" / "c.csv")
    assert "cannot be written" in fraudstream("backtest", "--rules", one, "--data", data, *unwritable).err
    made = Path("a/new/folder/c.csv")
    assert fraudstream("backtest", "--rules", one, "--data", data, "--against", one, "--changes", made).code == 0
    assert made.is_file()

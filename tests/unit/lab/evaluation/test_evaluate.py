"""Any labelled file gives the same table, and nothing in it was known before it was."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fraudstream.durations import DAY
from fraudstream_tools.cli.support.shown.evaluation_table import print_evaluation
from fraudstream_tools.lab.evaluation.figures import EvaluatedDays, EvaluationRow
from fraudstream_tools.lab.evaluation.ordered import OrderedFile
from fraudstream_tools.lab.evaluation.plan import WEEK, usual_plan
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.world.handbook import HandbookSettings, make_handbook_world
from tests.cli_harness import Command

RULES = Path("rules").resolve()
START = 1_767_571_200_000


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


def payment(number: int, **others: Any) -> dict[str, Any]:
    return {
        "transactionId": f"t-{number}",
        "timestamp": START + number * DAY // 100,
        "amountMinor": 1000,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": f"c-{number % 7}",
        "label": "LEGITIMATE",
        **others,
    }


def table(fraudstream: Command, *arguments: str) -> dict[str, dict[str, Any]]:
    ran = fraudstream("evaluate", *arguments, "--json")
    assert ran.code == 0, ran.err
    rows = {row["name"]: row for row in json.loads(ran.out)["rows"]}
    # Training takes a while, in which nothing is judged: each is said before it begins.
    trained = [line.removeprefix("training on ") for line in ran.err.splitlines() if line.startswith("training on ")]
    assert trained == [name.removeprefix("model alone, ") for name in rows if name != "rules alone"]
    return rows


def test_a_world_has_a_row_for_rules_and_for_each_length_of_training(fraudstream: Command, tmp_path: Path) -> None:
    world = make_handbook_world(HandbookSettings(seed=4, customers=120, terminals=60, days=30))
    write(tmp_path / "world.jsonl", list(world.transactions()))
    write(tmp_path / "world.truth.jsonl", list(world.truths()))
    found = table(
        fraudstream, "world.jsonl", "--truth", "world.truth.jsonl", "--rules", str(RULES), "--label-delay", "7"
    )
    assert list(found) == ["rules alone", "1 week of labels", "2 weeks of labels", "all labels before"]
    rules, model = found["rules alone"], found["all labels before"]
    assert rules["why"] is None
    assert model["why"] is None
    assert 0 < rules["averagePrecision"] < model["averagePrecision"] <= 1
    assert 0 <= model["valueAtBudget"] <= 1
    assert 0 < model["alertPrecision"] <= 1


def test_a_file_with_too_few_frauds_says_so_and_prints_a_table(fraudstream: Command, tmp_path: Path) -> None:
    write(
        tmp_path / "few.jsonl",
        [payment(number, **({"label": "FRAUD"} if number == 5 else {})) for number in range(900)],
    )
    ran = fraudstream("evaluate", "few.jsonl", "--rules", str(RULES), "--label-delay", "1")
    assert ran.code == 0
    assert "fewer than 10 frauds are tested" in ran.out
    assert "a model needs at least 10 frauds" in ran.out.replace("\n", " ")


def test_a_test_without_legitimate_transactions_says_that_these_are_missing(
    fraudstream: Command, tmp_path: Path
) -> None:
    write(
        tmp_path / "frauds.jsonl",
        [payment(number, label="FRAUD" if number % 2 or number > 500 else "LEGITIMATE") for number in range(900)],
    )
    why = table(fraudstream, "frauds.jsonl", "--rules", str(RULES), "--label-delay", "1", "--test-days", "3")[
        "rules alone"
    ]["why"]
    assert why == "fewer than 10 legitimate transactions are tested"


def test_frauds_without_an_exchange_rate_are_told(fraudstream: Command, tmp_path: Path) -> None:
    frauds = {number: {"label": "FRAUD"} for number in range(700, 900, 10)} | {
        850: {"label": "FRAUD", "currency": "VUV"}
    }
    write(tmp_path / "day.jsonl", [payment(number, **frauds.get(number, {})) for number in range(900)])
    arguments = ("day.jsonl", "--rules", str(RULES), "--label-delay", "1", "--test-days", "2")
    assert table(fraudstream, *arguments)["rules alone"]["unvaluedFrauds"] == 1
    assert "frauds without an exchange rate, which value found leaves out: 1" in fraudstream("evaluate", *arguments).out


def test_figures_and_reasons_can_be_read_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ["rules alone", *(f"{weeks} weeks of labels" for weeks in (1, 2, 4, 8)), "all labels before"]
    figures: dict[str, Any] = dict.fromkeys(EvaluationRow.__struct_fields__[2:], 0.1234) | {"alerts_a_day": 1234.5}
    rows = [EvaluationRow(name=name, **figures) for name in names[:-1]]
    why = "a model needs at least 10 frauds, and there are 3"
    print_evaluation([*rows, EvaluationRow(name=names[-1], why=why)], 10)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert re.search("false declines per 1,000( +0.12){5} +-", printed)
    assert printed.count("1234.5") == 5
    assert f"all labels before: {why}" in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("young.jsonl", "--label-delay", "7"), "shorten the labels' delay or the test"),
        (("honest.jsonl",), "no row says that it is fraud, as label or fraud: if honest.truth.jsonl beside it does"),
        (("honest.jsonl", "--truth", "honest.truth.jsonl"), "honest.truth.jsonl: no row says that it is fraud"),
        (("young.jsonl", "--truth-map", "paysim"), "name it with --truth"),
    ],
)
def test_what_cannot_be_measured_is_said(
    fraudstream: Command, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    write(tmp_path / "young.jsonl", [payment(number, label="FRAUD") for number in range(20)])
    write(tmp_path / "honest.jsonl", [payment(number) for number in range(20)])
    write(tmp_path / "honest.truth.jsonl", [{"transactionId": "t-0", "label": "LEGITIMATE"}])
    ran = fraudstream("evaluate", *arguments, "--rules", str(RULES))
    assert ran.code == 1
    assert told in ran.err.replace("\n", " ")


def test_transactions_come_in_order_of_time_whatever_the_files_order(tmp_path: Path) -> None:
    rows = [payment(number, **({"label": "FRAUD"} if number % 9 == 0 else {})) for number in range(50)]
    path = write(tmp_path / "mixed.jsonl", [rows[(number * 7) % 50] for number in range(50)])
    with OrderedFile(path, None, label_delay_days=2) as ordered:
        found = list(ordered)
        assert (ordered.rows, ordered.frauds) == (50, 6)
        assert (ordered.first, ordered.last) == (rows[0]["timestamp"], rows[-1]["timestamp"])
    assert [each.transaction.transaction_id for each in found] == [row["transactionId"] for row in rows]
    assert found[9].fraud
    assert found[9].known_at == rows[9]["timestamp"] + 2 * DAY, "a label without a time is known after the delay"


def test_a_fraud_that_nobody_reported_counts_and_is_never_learnt(tmp_path: Path) -> None:
    unsaid = payment(2, fraud=True)
    del unsaid["label"]
    path = write(tmp_path / "unsaid.jsonl", [payment(1, label="FRAUD"), unsaid, payment(3)])
    with OrderedFile(path, None) as ordered:
        _, found, _ = ordered
    assert found.fraud
    assert found.known_at is None
    assert found.outcome is None


def test_a_wrong_row_is_named_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = write(tmp_path / "wrong.jsonl", [payment(1, label="FRAUD"), payment(2, amountMinor="much")])
    with pytest.raises(FileProblemError, match="line 2, column amountMinor"):
        OrderedFile(path, None)
    with pytest.raises(FileProblemError, match="no such file"):
        OrderedFile(path, None, truth=tmp_path / "missing.jsonl")
    assert not list((tmp_path / "temporary").iterdir())


def test_models_learn_from_weeks_whose_labels_are_known_when_the_test_begins() -> None:
    plan = usual_plan(START, START + 84 * DAY, label_delay_days=7)
    assert plan.test_from == START + 84 * DAY - 21 * DAY + 1
    newest = plan.test_from - 7 * DAY
    assert [(course.name, (newest - course.since) / WEEK) for course in plan.courses[:-1]] == [
        ("1 week of labels", 1),
        ("2 weeks of labels", 2),
        ("4 weeks of labels", 4),
        ("8 weeks of labels", 8),
    ]
    assert plan.courses[-1].since == START
    assert {course.at for course in plan.courses} == {plan.test_from}


def test_value_is_what_the_highest_scores_of_each_day_hold() -> None:
    tested = EvaluatedDays(
        frauds=np.array([True, False, True, True]),
        amounts=np.array([10.0, 500.0, 20.0, 70.0]),
        times=np.array([START, START, START, START + DAY]),
        reviews_a_day=1,
    )
    assert tested.ranking(np.array([3.0, 1.0, 2.0, 0.0]))["value_at_budget"] == 0.8
    decided = tested.decisions(np.array([True, True, False, False]), np.array([False, True, False, False]))
    assert decided == {
        "alerts_a_day": 2.0,
        "alert_precision": 0.5,
        "alert_recall": round(1 / 3, 4),
        "declines_a_day": 1.0,
        "false_declines_per_1000": 1000.0,
    }


def test_each_day_of_a_test_that_begins_at_noon_has_one_budget() -> None:
    tested = EvaluatedDays(
        frauds=np.array([True] * 4),
        amounts=np.array([10.0] * 4),
        times=START + DAY // 2 + np.array([0, 1, 23, 23]) * (DAY // 24),
        reviews_a_day=2,
    )
    assert tested.ranking(np.array([4.0, 3.0, 2.0, 1.0]))["value_at_budget"] == 0.5


def columns_file(path: Path) -> Path:
    chance = np.random.default_rng(2)
    lines = [",".join(["Time", *[f"V{number}" for number in range(1, 29)], "Amount", "Class"])]
    for number in range(2400):
        fraud = number % 40 == 0
        values = chance.normal(size=28) + (2 if fraud else 0)
        lines.append(",".join([str(number * 60), *map(str, values), "12.50", str(int(fraud))]))
    path.write_text("\n".join(lines))
    return path


def test_a_file_without_entities_has_a_table_of_the_model_alone(fraudstream: Command, tmp_path: Path) -> None:
    columns_file(tmp_path / "creditcard.csv")
    found = table(fraudstream, "creditcard.csv", "--map", "ulb-cards", "--label-delay", "0")
    (row,) = found.values()
    assert row["name"] == "model alone, all labels before"
    assert row["averagePrecision"] > 0.8
    assert row["alertsADay"] is None, "columns rank, and decide nothing"


def test_what_is_received_late_makes_the_days_of_a_test_no_fewer() -> None:
    times = np.append(np.arange(280) * DAY // 10, 0)
    frauds, alerted = np.arange(281) % 10 == 0, np.arange(281) < 280
    tested = EvaluatedDays(frauds=frauds, amounts=np.ones(281), times=times, reviews_a_day=10)
    assert tested.decisions(alerted, alerted)["alerts_a_day"] == pytest.approx(10, abs=0.1)

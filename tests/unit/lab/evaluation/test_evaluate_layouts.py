"""Each layout that people have at home goes through `evaluate` with its map, its labels' delay, and its own table."""

import csv
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli_harness import Command

SAMPLES = Path("tests/unit/lab/files/samples").resolve()
RULES = Path("rules").resolve()
DAYS, ROWS, FRAUDS = 30, 900, 12
"""Days of a file, its rows, and one in so many that is fraud."""
START = datetime(2019, 1, 1, tzinfo=UTC)


class Layout(NamedTuple):
    """How a file of many rows is made of the few of a sample."""

    sample: str
    name: str
    """Of the map that comes with fraudstream."""
    row: Callable[[int, datetime, bool], dict[str, Any]]
    """What a row has in place of the sample's values, by its number, its time and whether it is fraud."""


def paysim(number: int, at: datetime, fraud: bool) -> dict[str, Any]:  # noqa: FBT001  (one of several of a kind)
    step = 1 + (at - START) // timedelta(hours=1)
    return {"step": step, "nameOrig": f"C{number % 40}", "amount": f"{_amount(number, fraud)}", "isFraud": int(fraud)}


def sparkov(number: int, at: datetime, fraud: bool) -> dict[str, Any]:  # noqa: FBT001
    return {
        "": number,
        "trans_date_trans_time": f"{at:%Y-%m-%d %H:%M:%S}",
        "unix_time": int(at.timestamp()),
        "trans_num": f"{number:032x}",
        "amt": _amount(number, fraud),
        "is_fraud": int(fraud),
    }


def tabformer(number: int, at: datetime, fraud: bool) -> dict[str, Any]:  # noqa: FBT001
    time = {"Year": at.year, "Month": at.month, "Day": at.day, "Time": f"{at:%H:%M}"}
    return {"User": number % 40, "Amount": f"${_amount(number, fraud)}", "Is Fraud?": "Yes" if fraud else "No", **time}


def ieee_cis(number: int, at: datetime, fraud: bool) -> dict[str, Any]:  # noqa: FBT001
    return {
        "TransactionID": 2_987_000 + number,
        "TransactionDT": 86_400 + int((at - START).total_seconds()),
        "card1": number % 40,
        "TransactionAmt": _amount(number, fraud),
        "isFraud": int(fraud),
    }


def baf(number: int, at: datetime, fraud: bool) -> dict[str, Any]:  # noqa: FBT001
    month = min(8 * (at - START).days // DAYS, 7)
    return {"month": month, "fraud_bool": int(fraud), "credit_risk_score": 50 + number % 30 + (200 if fraud else 0)}


def _amount(number: int, fraud: bool) -> float:  # noqa: FBT001
    return round(random.Random(number).uniform(5, 60) * (30 if fraud else 1), 2)


LAYOUTS = [
    Layout("paysim.csv", "paysim", paysim),
    Layout("fraudTrain.csv", "sparkov", sparkov),
    Layout("card_transaction.v1.csv", "tabformer", tabformer),
    Layout("train_transaction.csv", "ieee-cis", ieee_cis),
]


def write_file(layout: Layout, path: Path) -> None:
    """Write as many rows as a table needs, each like one of the sample's."""
    with (SAMPLES / layout.sample).open(newline="") as sample:
        known = list(csv.DictReader(sample))
    with path.open("w", newline="") as text:
        writer = csv.DictWriter(text, known[0])
        writer.writeheader()
        for number in range(ROWS):
            at = START + timedelta(days=DAYS) * number / ROWS
            writer.writerow(known[number % len(known)] | layout.row(number, at, number % FRAUDS == 0))


def rows_of(fraudstream: Command, layout: Layout, path: Path, *options: str) -> dict[str, dict[str, Any]]:
    write_file(layout, path)
    ran = fraudstream("evaluate", path, "--map", layout.name, *options, "--json")
    assert ran.code == 0, ran.err
    return {row["name"]: row for row in json.loads(ran.out)["rows"]}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_file_with_entities_has_the_table_of_rules_and_models(
    fraudstream: Command, layout: Layout, tmp_path: Path
) -> None:
    options = ("--rules", str(RULES), "--label-delay", "2", "--test-days", "7")
    found = rows_of(fraudstream, layout, tmp_path / layout.sample, *options)
    assert {"rules alone", "all labels before"} <= found.keys()
    rules, model = found["rules alone"], found["all labels before"]
    assert (rules["why"], model["why"]) == (None, None)
    # Every twelfth payment is of thirty times the usual amount, and fraud.
    assert 0.05 < rules["averagePrecision"] <= model["averagePrecision"] <= 1
    assert model["averagePrecision"] > 0.5
    assert 0 <= model["valueAtBudget"] <= 1


def test_labels_that_come_later_teach_less(fraudstream: Command, tmp_path: Path) -> None:
    options = ("--rules", str(RULES), "--test-days", "7", "--label-delay")
    early, late = (
        rows_of(fraudstream, LAYOUTS[0], tmp_path / "paysim.csv", *options, delay)["all labels before"]
        for delay in ("1", "20")
    )
    assert early["why"] is None
    assert late["why"]


def test_a_file_of_applications_has_a_table_of_the_model_alone(fraudstream: Command, tmp_path: Path) -> None:
    layout = Layout("Base.csv", "baf", baf)
    found = rows_of(fraudstream, layout, tmp_path / "Base.csv", "--label-delay", "0", "--test-days", "60")
    assert all(name.startswith("model alone, ") for name in found)
    row = found["model alone, all labels before"]
    assert row["averagePrecision"] > 0.8
    assert row["alertsADay"] is None


def test_applications_that_are_all_fraud_are_no_measurement_of_a_model(fraudstream: Command, tmp_path: Path) -> None:
    def fraudulent_at_last(number: int, at: datetime, fraud: bool) -> dict[str, Any]:  # noqa: FBT001
        row = baf(number, at, fraud)
        return row | {"fraud_bool": 1} if row["month"] > 5 else row

    layout = Layout("Base.csv", "baf", fraudulent_at_last)
    found = rows_of(fraudstream, layout, tmp_path / "Base.csv", "--label-delay", "0", "--test-days", "45")
    row = found["model alone, all labels before"]
    assert row["why"] == "fewer than 10 legitimate transactions are tested"
    assert row["averagePrecision"] is None

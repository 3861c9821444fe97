"""Simulated worlds that no rule, feature or parameter was chosen on, each with the table of `fraudstream evaluate`.

The seeds stand below. In the shifted world people spend one and a half times as much and as often from one day on:
beside the models of 1 to 8 weeks of labels, one is measured that was trained
before that day and never again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.rule_runs import rules_of_today
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.judge import Judge
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.lab.evaluation.figures import EvaluationRow
from fraudstream_tools.lab.evaluation.ordered import Labelled
from fraudstream_tools.lab.evaluation.plan import WEEK, Course, EvaluationPlan, usual_plan
from fraudstream_tools.lab.evaluation.run import evaluate
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.replay.history import as_transaction
from fraudstream_tools.lab.world.handbook import HandbookSettings, make_handbook_world

LABEL_DELAY: Final = 7
SEED: Final = 9107
_FINTECH_DELAY: Final = 28
"""Days: chargebacks come after four weeks at the median."""
_REVIEWS: Final = 10
_NO_COLUMNS: Final = frozenset({"name", "why", "unvalued_frauds"})


class WorldSize(NamedTuple):
    """How large the worlds are."""

    customers: int
    """Of the handbook's worlds, in which five frauds begin each day however many there are: 5,000 make .8 % fraud."""
    people: int
    """Of the fintech."""
    days: int
    test_days: int
    adapted_days: int
    """From the shift to the test."""


SMALL: Final = WorldSize(customers=600, people=300, days=63, test_days=14, adapted_days=21)
FULL: Final = WorldSize(customers=5000, people=1500, days=112, test_days=28, adapted_days=42)


def measure(size: WorldSize) -> dict[str, list[EvaluationRow]]:
    """Measure each world."""
    handbook = HandbookSettings(seed=SEED, customers=size.customers, terminals=2 * size.customers, days=size.days)
    shift_day = size.days - size.test_days
    shifted = replace(
        handbook,
        seed=SEED + 1,
        days=size.days + size.adapted_days,
        shift_day=shift_day,
        spending=1.5,
        activity=1.5,
    )
    fintech = FintechSettings(seed=SEED, customers=size.people, days=size.days + _FINTECH_DELAY)
    return {
        "handbook": _of_handbook(handbook, size),
        "shifted": _of_handbook(shifted, size),
        "fintech": _of_fintech(fintech, size),
    }


def _of_handbook(settings: HandbookSettings, size: WorldSize) -> list[EvaluationRow]:
    world = make_handbook_world(settings)
    labelled = list(_labelled(world.transactions(), [(row["fraud"], row.get("labeledAt")) for row in world.truths()]))
    plan = _plan(labelled, size, LABEL_DELAY)
    if settings.shift_day:
        shifted_at = round((settings.start + timedelta(days=settings.shift_day)).timestamp() * 1000)
        before = shifted_at - LABEL_DELAY * DAY - 4 * WEEK
        courses = [Course("4 weeks of labels, before the shift", shifted_at, before), *plan.courses]
        plan = replace(plan, courses=courses)
    return evaluate(labelled, len(labelled), _judge(LABEL_DELAY), plan)


def _of_fintech(settings: FintechSettings, size: WorldSize) -> list[EvaluationRow]:
    world = make_fintech_world(settings)
    truths = [
        (truth.fraud, truth.report.labeled_at if truth.report and truth.report.label is Truth.FRAUD else None)
        for truth in world.truths
    ]
    labelled = list(_labelled(world.transactions, truths))
    return evaluate(labelled, len(labelled), _judge(8), _plan(labelled, size, _FINTECH_DELAY))


def _labelled(rows: Any, truths: Sequence[tuple[bool, int | None]]) -> Iterator[Labelled]:  # noqa: ANN401  (rows of transactions)
    for number, (row, (fraud, known_at)) in enumerate(zip(rows, truths, strict=True), start=1):
        yield Labelled(as_transaction(row, number), fraud, known_at)


def _plan(labelled: Sequence[Labelled], size: WorldSize, delay: int) -> EvaluationPlan:
    first, last = labelled[0].transaction.timestamp, labelled[-1].transaction.timestamp
    return usual_plan(first, last, label_delay_days=delay, test_days=float(size.test_days), reviews_a_day=_REVIEWS)


def _judge(share_delay: int) -> Judge:
    return Judge(rules_of_today(), Calendar(label_delay_days=share_delay))


def show(worlds: dict[str, list[EvaluationRow]], console: Console) -> None:
    """Print a table for each world."""
    for name, rows in worlds.items():
        table = Table(title=f"{name}; value found: at {_REVIEWS} reviews a day")
        columns = [column for column in EvaluationRow.__struct_fields__ if column not in _NO_COLUMNS]
        for column in ("", *(column.replace("_", " ") for column in columns)):
            table.add_column(column, justify="right" if column else "left")
        for row in rows:
            figures = ["-" if (value := getattr(row, column)) is None else f"{value:.3f}" for column in columns]
            table.add_row(row.name, *([row.why] if row.why else figures))
        console.print(table)


def as_json(worlds: dict[str, list[EvaluationRow]]) -> dict[str, Any]:
    """Return the figures by world and by row."""
    return {
        name: {
            row.name: {key: value for key, value in msgspec.to_builtins(row).items() if key != "name"} for row in rows
        }
        for name, rows in worlds.items()
    }

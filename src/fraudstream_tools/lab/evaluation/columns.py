"""Files without entities: nobody can be remembered, so only a model of the file's own columns is measured."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fraudstream.durations import DAY
from fraudstream.transactions.values.money import to_major
from fraudstream_tools.lab.evaluation.figures import EvaluatedDays, EvaluationRow, row, why_unmeasured
from fraudstream_tools.lab.files.mapping.file_map import FileMap
from fraudstream_tools.lab.files.problems import FileProblemError, Row, place
from fraudstream_tools.lab.files.reading import LEARNT, MappedFile
from fraudstream_tools.lab.files.tables.delimited import shown
from fraudstream_tools.lab.files.truths import Truths
from fraudstream_tools.lab.training.boosting import Booster, Parameters
from fraudstream_tools.lab.training.fit import MIN_FRAUDS, too_few_to_learn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fraudstream_tools.lab.evaluation.plan import Course, EvaluationPlan
    from fraudstream_tools.lab.training.boosting import Flags, Matrix

_NEEDED = ("timestamp", "label")


@dataclass(frozen=True)
class ColumnData:
    """A file's columns, in order of time."""

    vectors: "Matrix"
    frauds: "Flags"
    times: "NDArray[np.int64]"
    known: "NDArray[np.int64]"
    """When it became known what each one is, epoch milliseconds."""
    amounts: "NDArray[np.float64]"
    """In major units, of whatever currency; 0 where the file has none."""


def read_columns(
    path: Path, file_map: FileMap, label_delay_days: float, on_progress: Callable[[int], None] | None = None
) -> ColumnData:
    """Read the columns that a map learns from; texts become numbers in the order in which they first appear.

    Args:
        path: the file.
        file_map: a map with `learn`.
        label_delay_days: after which a label is known that does not say when.
        on_progress: told how many rows were read.

    Raises:
        FileProblemError: the file cannot be read, or rows are wrong, or no row is fraud.
    """
    numbers, times, known, amounts, frauds = array("d"), array("q"), array("q"), array("d"), bytearray()
    codes: dict[object, float] = {}
    delay = round(label_delay_days * DAY)
    file = MappedFile(path, file_map, needs=_NEEDED)
    for number, file_row in enumerate(file.sound_rows(), start=1):
        values = file_row.values
        time: int = values["timestamp"]
        truths = Truths(path)
        truths.add(file_row, "it")
        truth = truths.told({"it": time}, delay).get("it")
        for column, value in zip(file_map.learn, values[LEARNT], strict=True):
            try:
                numbers.append(_number(value, codes))
            except (TypeError, OverflowError):
                raise FileProblemError(
                    place(path, Row(file_row.number, {}, (f"column {shown(column)}: is neither a number nor a text",)))
                ) from None
        times.append(time)
        frauds.append(truth is not None and truth.fraud)
        known.append(truth.known_at if truth and truth.known_at is not None else time + delay)
        amounts.append(_amount(file, file_row))
        if on_progress:
            on_progress(number)
    if not any(frauds):
        raise FileProblemError(f"{path}: no row says that it is fraud, as label or fraud")
    order = np.argsort(np.array(times, dtype=np.int64), kind="stable")
    return ColumnData(
        vectors=np.array(numbers, dtype=np.float64).reshape(-1, len(file_map.learn))[order],
        frauds=np.frombuffer(frauds, dtype=np.bool_)[order],
        times=np.array(times, dtype=np.int64)[order],
        known=np.array(known, dtype=np.int64)[order],
        amounts=np.array(amounts, dtype=np.float64)[order],
    )


def _amount(file: MappedFile, row: Row) -> float:
    try:
        return float(to_major(row.values.get("amountMinor", 0), row.values.get("currency", "EUR")))
    except ValueError:
        problem = f"column {shown(file.column_of('currency'))}: must be a currency code of ISO 4217, such as EUR"
        raise FileProblemError(place(file.path, Row(row.number, {}, (problem,)))) from None


def _number(value: Any, codes: dict[object, float]) -> float:  # noqa: ANN401  (a file's value)
    if value is None:
        return nan
    if isinstance(value, date):
        return float(value.toordinal())
    try:
        return float(value)
    except ValueError:
        return codes.setdefault(value, float(len(codes)))


def evaluate_columns(
    data: ColumnData, plan: "EvaluationPlan", *, on_training: Callable[[str], object] = lambda _: None
) -> list[EvaluationRow]:
    """Measure models of a file's own columns; they rank, and decide nothing.

    Args:
        data: what they learn from, and are tested on.
        plan: what is tested, and what each model may know.
        on_training: told the name of each model before it is trained.
    """
    tested = data.times >= plan.test_from
    measured = EvaluatedDays(
        frauds=data.frauds[tested],
        amounts=data.amounts[tested],
        times=data.times[tested],
        reviews_a_day=plan.reviews_a_day,
    )
    rows: list[EvaluationRow] = []
    for course in plan.courses:
        on_training(course.name)
        rows.append(_row(data, measured, tested, course))
    return rows


def _row(data: ColumnData, measured: EvaluatedDays, tested: "Flags", course: "Course") -> EvaluationRow:
    learnt = (data.times >= course.since) & (data.times < course.at) & (data.known <= course.at)
    frauds = int(data.frauds[learnt].sum())
    name = f"model alone, {course.name}"
    if frauds < MIN_FRAUDS or frauds > int(learnt.sum()) - MIN_FRAUDS:
        return EvaluationRow(name=name, why=too_few_to_learn(data.frauds[learnt]))
    if (why := why_unmeasured(measured.frauds)) is not None:
        return EvaluationRow(name=name, why=why)
    booster = Booster(data.vectors[learnt], data.frauds[learnt], Parameters())
    return row(name, measured, booster.raw(data.vectors[tested]))

"""Outcomes from a file: what chargebacks, issuers, customers and analysts say of many payments at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fraudstream.transactions.decisions.decision import Action, ActionTaken, FraudType, Label, Truth
from fraudstream.transactions.decisions.label_sources import SOURCE_MUST_BE, is_source
from fraudstream.transactions.transaction import NETWORK_REFERENCE_PATTERN, TRANSACTION_ID_PATTERN
from fraudstream.transactions.values.times import TIMES_NEEDED, is_before, is_future
from fraudstream_tools.lab.files.mapping.file_map import FileMap
from fraudstream_tools.lab.files.problems import ProblemList, Row
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.outcomes import PaymentKey, PaymentOutcome, newest

_NEEDS: Final = (("transactionId", "networkReference"), ("label", "actionTaken", "fraud"))
_ID = re.compile(TRANSACTION_ID_PATTERN)
_REFERENCE = re.compile(NETWORK_REFERENCE_PATTERN)


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """What a file says."""

    told: dict[PaymentKey, PaymentOutcome]
    """What holds of each payment, by what names it."""
    rows: int
    """Rows that say something."""
    unlabelled: int
    """Rows that say nothing: of a truth file, those that nobody labels."""


def read_label_file(path: Path, source: str, now: int, file_map: FileMap | None = None) -> LabelFile:
    """Read a file of labels, and of what was done.

    Args:
        path: rows with `transactionId` or `networkReference`; with `label`, `labeledAt` and, if they are known,
            `source` and `fraudType`; or with `actionTaken` and `actionAt`, or all of these. Rows that have `fraud` and
            no `label` are a truth file's, and say nothing.
        source: that of rows which have none.
        now: epoch milliseconds; nobody can have said anything later than this day.
        file_map: which column is which field; then rows without a label and an action say nothing.

    Raises:
        FileProblemError: some rows are wrong; the message names each by its line and field, and no value.
    """
    outcomes: dict[PaymentKey, PaymentOutcome] = {}
    problems = ProblemList(path)
    rows = unlabelled = 0
    for row in MappedFile(path, file_map, _NEEDS).rows():
        values = row.values
        says_nothing = "label" not in values and "actionTaken" not in values
        if not row.problems and says_nothing and (file_map is not None or "fraud" in values):
            unlabelled += 1
            continue
        rows += 1
        named = {problem.partition(":")[0] for problem in row.problems}
        value_problems = list(_problems(values, source, now)) if values or not row.problems else []
        wrong = [*row.problems, *(each for each in value_problems if each.partition(":")[0] not in named)]
        if wrong:
            problems.add(Row(row.number, values, tuple(wrong)))
            continue
        key = _key(values)
        outcomes[key] = newest(outcomes.get(key, PaymentOutcome()), _outcome(values, source))
    problems.refuse("nothing was written: put the file right and give it again")
    return LabelFile(told=outcomes, rows=rows, unlabelled=unlabelled)


def _key(row: Mapping[str, Any]) -> PaymentKey:
    name = row.get("transactionId")
    return PaymentKey(row["networkReference"], is_reference=True) if name is None else PaymentKey(name)


def _outcome(row: Mapping[str, Any], source: str) -> PaymentOutcome:
    label = action = None
    if "label" in row:
        fraud_type = row.get("fraudType")
        label = Label(
            label=Truth(row["label"]),
            label_source=row.get("source", source),
            labeled_at=row["labeledAt"],
            fraud_type=fraud_type,
            fraud_type_at=None if fraud_type is None else row["labeledAt"],
        )
    if "actionTaken" in row:
        action = ActionTaken(action_taken=row["actionTaken"], action_at=row["actionAt"])
    return PaymentOutcome(label=label, action=action)


def _problems(row: Mapping[str, Any], source: str, now: int) -> Iterator[str]:
    name, reference = row.get("transactionId"), row.get("networkReference")
    if reference is not None and not (isinstance(reference, str) and _REFERENCE.match(reference)):
        yield "column networkReference: must be 4 to 64 letters, digits and . _ : -"
    if (name is not None or reference is None) and not (isinstance(name, str) and _ID.match(name)):
        yield "column transactionId: must be 1 to 64 letters, digits and . _ : - (not . or .. alone)"
    if "label" in row or "actionTaken" not in row:
        yield from _problems_of_label(row, source, now)
    if "actionTaken" in row:
        if row["actionTaken"] not in tuple(Action):
            yield f"column actionTaken: must be one of {', '.join(Action)}"
        yield from _problems_of_time(row, "actionAt", now)


def _problems_of_label(row: Mapping[str, Any], source: str, now: int) -> Iterator[str]:
    if row.get("label") not in tuple(Truth):
        yield "column label: must be FRAUD or LEGITIMATE"
    if not is_source(str(row.get("source", source))):
        yield f"column source: must be {SOURCE_MUST_BE}"
    fraud_type = row.get("fraudType")
    if fraud_type is not None and fraud_type not in tuple(FraudType):
        yield f"column fraudType: must be one of {', '.join(FraudType)}"
    elif fraud_type is not None and row.get("label") == Truth.LEGITIMATE:
        yield "column fraudType: what is legitimate has none"
    yield from _problems_of_time(row, "labeledAt", now)


def _problems_of_time(row: Mapping[str, Any], name: str, now: int) -> Iterator[str]:
    at: int | None = row.get(name)
    if at is None:
        yield f"column {name}: must be {TIMES_NEEDED}"
    elif is_future(at, now):
        yield f"column {name}: is in the future"
    elif "timestamp" in row and is_before(at, row["timestamp"]):
        yield f"column {name}: is older than its transaction"

"""What labels of randomly drawn approvals tell of all approvals: the query in docs/detection.md."""

import re
from pathlib import Path

import duckdb
import msgspec
import pytest

from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.decisions.decision import Truth, Verdict
from tests.unit.reporting.decision_log_harness import (
    HOUR,
    MIDNIGHT,
    PREFIX,
    Stream,
    decision,
    item,
    label,
    report,
    transaction,
)

PAGE = (Path(__file__).parents[3] / "docs/detection.md").read_text()
QUERY = re.search(r"### Exploration\n.*?```sql\n(.*?)```", PAGE, re.DOTALL)


def test_each_drawn_approval_stands_for_as_many_as_its_propensity_says(tmp_path: Path) -> None:
    stream = Stream()
    # Half as many are drawn from a setting's change on, so that each stands for twice as many.
    drawn = [(1, 0.02, Truth.FRAUD), (2, 0.02, Truth.LEGITIMATE), (3, 0.01, Truth.LEGITIMATE), (4, None, Truth.FRAUD)]
    for number, propensity, truth in drawn:
        stored = transaction(number, at=MIDNIGHT + 9 * HOUR)
        made = decision(Verdict.APPROVE, at=stored.received_at + 400)
        decided = item(stored, msgspec.structs.replace(made, exploration_propensity=propensity))
        stream.add(item(stored), at=stored.received_at)
        stream.add(decided, item(stored), at=stored.received_at + 400)
        before = decided
        for hour, said in enumerate([Truth.LEGITIMATE, truth], start=1):
            at = stored.received_at + hour * HOUR
            labelled = decided | label(said, at=at).to_item()
            stream.add(labelled, before, at=at)
            before = labelled
    report(cut(stream.records, PREFIX).segments, tmp_path)
    assert QUERY is not None
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE VIEW labels AS FROM read_parquet('{tmp_path}/{PREFIX}labels/*/*.parquet', union_by_name = true)"
        )
        (looked_at, share) = connection.execute(QUERY[1]).fetchall()[0]
    assert looked_at == 3
    assert share == pytest.approx(50 / 200)

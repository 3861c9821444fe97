"""What a decision log tells of transactions that were given up: never decided, or with a label that was not learnt."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fraudstream.contract import DECISION_DEADLINE_SECONDS
from fraudstream.durations import SECOND
from fraudstream.reporting.log import aggregates
from fraudstream.reporting.log.columns import RETOLD
from fraudstream.reporting.log.lines.line_files import LineFiles
from fraudstream.reporting.log.lines.staging import stage
from fraudstream.reporting.log.reader.decision_log import NEWEST_LABEL, raised_as_log_error, see_records
from fraudstream.reporting.log.reader.files import DecisionLogError, find_log_files
from fraudstream.reporting.storage.duckdb_engine import connect, listed

LABELLED: Final = (
    "SELECT DISTINCT ON (transactionId) {columns} FROM labels WHERE decision IS NOT NULL "
    f"ORDER BY transactionId, {NEWEST_LABEL}, {RETOLD}"
)
"""Query of each decided transaction's newest label: one that came before its decision is logged again."""

# Of labels that say what profiles know already, nothing is learnt.
UNLEARNED: Final = """
    SELECT transactionId, labelled.labeledAt FROM labelled LEFT JOIN (
        SELECT transactionId, arg_max(label, labeledAt) AS learntLabel FROM labels WHERE learnt GROUP BY transactionId
    ) USING (transactionId)
    WHERE NOT learnt AND loggedAt <= $until AND (
        (label = 'FRAUD' AND learntLabel IS DISTINCT FROM 'FRAUD') OR (label = 'LEGITIMATE' AND learntLabel = 'FRAUD')
    ) ORDER BY 2, 1
"""
"""Labels, out of `labels` and `labelled`, that were given up: what was logged after `$until` may be under way."""

# Merged hours keep of what was only stored, or only decided, the id in their tallies.
_UNDECIDED = """
    SELECT transactionId, min(receivedAt) AS first FROM (
        SELECT transactionId, receivedAt FROM records WHERE event IN ('STORED', 'UNREADABLE')
        UNION ALL SELECT key, largest FROM tallies WHERE dimension = 'onlyStored'
    ) ANTI JOIN (
        SELECT transactionId FROM records WHERE decision IS NOT NULL
        UNION ALL SELECT key FROM tallies WHERE dimension = 'onlyDecided'
    ) USING (transactionId)
    GROUP BY transactionId HAVING first <= $until ORDER BY 2, 1
"""


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """Transactions for which something is left to do, oldest first."""

    undecided: tuple[str, ...]
    """Ids of those that were stored and never decided."""
    unlearned: tuple[str, ...]
    """Ids of those whose label the profiles have not learnt."""
    damaged: Mapping[Path, str]
    """Files of which something could not be read, with what is wrong."""


def find_given_up(place: Path) -> GivenUp:
    """Return what a log tells of as given up: nothing came of it within an hour, as of the log's newest record.

    Args:
        place: the log's folder, any folder in it, or one file, of segments, merged hours or both.

    Raises:
        DecisionLogError: there is no log, or nothing of it can be read.
    """
    files = find_log_files(place)
    with tempfile.TemporaryDirectory() as name, connect(Path(name)) as connection, raised_as_log_error():
        staged = LineFiles(Path(name) / "stage.parquet")
        damaged = {**files.damaged, **stage(connection, files.segments, staged)}
        see_records(connection, [staged.path, *files.records])
        columns = ", ".join(f"NULL::{kind} AS {column}" for column, kind in aggregates.COLUMNS.items())
        more = f" UNION ALL BY NAME FROM read_parquet({listed(files.tallies)})" if files.tallies else ""
        connection.execute(f"CREATE VIEW tallies AS SELECT {columns} WHERE false{more}")
        connection.execute("CREATE VIEW labels AS SELECT * FROM records WHERE label IS NOT NULL")
        labelled = LABELLED.format(columns="transactionId, label, labeledAt, learnt, loggedAt")
        connection.execute(f"CREATE TABLE labelled AS {labelled}")
        ((newest,),) = connection.execute(
            "SELECT greatest(coalesce((SELECT max(loggedAt) FROM records), 0), "
            "coalesce((SELECT max(largest) FROM tallies WHERE dimension = 'logged'), 0))"
        ).fetchall()
        if not newest:
            problems = "; ".join(f"{path}: {problem}" for path, problem in damaged.items())
            raise DecisionLogError(problems or "the decision log is empty")
        until = {"until": newest - DECISION_DEADLINE_SECONDS * SECOND}
        undecided, unlearned = (
            tuple(row[0] for row in connection.execute(query, until).fetchall()) for query in (_UNDECIDED, UNLEARNED)
        )
        return GivenUp(undecided=undecided, unlearned=unlearned, damaged=damaged)

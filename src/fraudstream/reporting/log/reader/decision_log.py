"""A decision log as it is read: each decision once, in the order of time, with the newest label that is known of it."""

import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from fraudstream.reporting.log.columns import FEATURES, FEATURES_OF_LINES, LINE, RETOLD, STAGED
from fraudstream.reporting.log.lines.feature_columns import LACKING, taken_apart, write_taken_apart
from fraudstream.reporting.log.lines.line_files import LineFiles
from fraudstream.reporting.log.lines.staging import IS_NEWER, stage
from fraudstream.reporting.log.reader.files import DecisionLogError, LogFiles, find_log_files
from fraudstream.reporting.log.reader.label_arrival import FraudLabel, LabelArrival, label_arrival
from fraudstream.reporting.log.reader.standing import LabelHorizon, Standing, is_declined
from fraudstream.reporting.storage.duckdb_engine import connect, listed
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.transaction import FIELDS, Transaction
from fraudstream.transactions.values.times import CLOCK_TOLERANCE

_ROWS: Final = 2000
"""Fetched at once."""
_COPIED: Final = {field.public_name: field.name for field in FIELDS if field.public_name in LINE}

NEWEST_LABEL: Final = "labeledAt DESC, label = 'FRAUD' DESC"
"""The order, as SQL, in which the first of a transaction's labels holds: when two contradict each other at the same
moment, fraud stands."""

# Of segments, only what is a record; of Parquet files, which say by their columns what they hold, all.
_RECORDS = """
CREATE VIEW records AS
    SELECT {columns}, filename, file_row_number
    FROM ({nothing} UNION ALL BY NAME FROM read_parquet({files}, union_by_name = true, filename = true,
        file_row_number = true))
    WHERE coalesce(valid, true) AND NOT {newer}
"""
# Nobody knows anything before it happened: such a label's time was written in another unit, and would leak the future.
_IS_EARLY = f"labeledAt < timestamp - {CLOCK_TOLERANCE}"
# A chargeback repeats weeks later what the customer said: known it was, and by whom, since nobody has said otherwise.
_KNOWN_LABELS = f"""
CREATE TABLE known_labels AS
    WITH told AS (
        SELECT * FROM records
        WHERE label IS NOT NULL AND labeledAt <= coalesce($until, labeledAt) AND NOT {_IS_EARLY}
    ), newest AS (
        SELECT DISTINCT ON (transactionId) transactionId, timestamp AS happenedAt, label, fraudType
        FROM told ORDER BY transactionId, {NEWEST_LABEL}, {RETOLD}, labelSource
    ), otherwise AS (
        SELECT transactionId, max(told.labeledAt) AS until
        FROM told JOIN newest USING (transactionId) WHERE told.label <> newest.label GROUP BY transactionId
    ), first AS (
        SELECT DISTINCT ON (transactionId) transactionId, told.labelSource, told.labeledAt
        FROM told JOIN newest USING (transactionId) LEFT JOIN otherwise USING (transactionId)
        WHERE told.label = newest.label AND told.labeledAt >= coalesce(otherwise.until, told.labeledAt)
        ORDER BY transactionId, told.labeledAt, told.labelSource
    )
    SELECT transactionId, happenedAt, label, labelSource, labeledAt, fraudType
    FROM newest JOIN first USING (transactionId)
"""
_FRAUD_LABELS: Final = (
    "SELECT coalesce(labelSource, ''), happenedAt, labeledAt FROM known_labels WHERE label = 'FRAUD' ORDER BY ALL"
)
# Labels repeat the decisions that they are about, and segments what the stream delivered again: all copies are the
# same, but one that was decided twice, which never should be, was decided by the first.
_REPEATS = """
CREATE TABLE repeats AS
    SELECT filename, file_row_number FROM (
        SELECT filename, file_row_number, row_number() OVER (
            PARTITION BY transactionId ORDER BY decidedAt, event = 'LABELED', loggedAt, filename, file_row_number
        ) AS place
        FROM records SEMI JOIN (
            SELECT transactionId FROM records WHERE decision IS NOT NULL GROUP BY transactionId HAVING count(*) > 1
        ) USING (transactionId)
        WHERE decision IS NOT NULL
    ) WHERE place > 1
"""
_DECISIONS = f"""
    SELECT {", ".join(_COPIED)}, loggedAt, decision, score, features, sources, rulesetVersion, listedAs,
        known_labels.label, known_labels.labeledAt, explorationPropensity
    FROM records ANTI JOIN repeats USING (filename, file_row_number) LEFT JOIN known_labels USING (transactionId)
    WHERE decision IS NOT NULL
"""


_PLACE: Final = "filename, file_row_number"
_DECIDED: Final = (
    f"records ANTI JOIN repeats USING ({_PLACE}) LEFT JOIN known_labels USING (transactionId) "
    "WHERE decision IS NOT NULL"
)
_TAKEN_APART: Final = ("featureSchema", *FEATURES)
_OF_LABEL: Final = {"label", "labelSource", "labeledAt", "fraudType"}


class LoggedDecision(NamedTuple):
    """A decision, as it was logged."""

    transaction: Transaction
    """Without what the log does not keep."""
    logged_at: int
    decision: str
    score: int | None
    features: bytes
    """The vector that was judged, packed; empty if the log has none."""
    sources: Sequence[str]
    """What is behind each reason: the id of a rule, or the name of a feature."""
    ruleset_version: str | None
    listed_as: Sequence[str]
    """On which lists its entities were, such as `blocked:card`, beside those of lists.yaml."""
    truth: Truth | None
    """What the newest label that is known says; None if there is none."""
    labeled_at: int | None
    """Since when that is known: when the first label said so after which none said otherwise."""
    exploration_propensity: float | None
    """The probability with which it was put into the review queue by chance; None if it was not."""

    @property
    def declined(self) -> bool:
        """Whether it was declined, by the decision or by its issuer."""
        return is_declined(self.decision, self.transaction.authorization_result)


@dataclass(frozen=True, kw_only=True)
class DecisionLog:
    """An open log. Whatever cannot be read while it is asked is raised as `DecisionLogError`."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    """For what does not fit into memory."""
    horizon: LabelHorizon
    arrival: LabelArrival
    """How late labels of frauds come."""
    decisions_count: int
    is_labelled: bool
    """Whether anybody ever labels: where nobody does, that nothing was said of a transaction tells nothing."""
    is_explored: bool
    """Whether approvals were ever put into the review queue by chance."""
    labels_count: int
    """Transactions with a label that is known."""
    too_new_labels: int
    """Those among them of transactions that are not old enough for their label to tell anything."""
    early_labels: int
    """Labels that are older than their transactions, and left out."""
    damaged: Mapping[Path, str]
    """Files of which something could not be read, with what is wrong."""

    def decisions(self, transaction_id: str | None = None) -> Iterator[LoggedDecision]:
        """Return every decision once, in the order of the transactions' times.

        Args:
            transaction_id: that of the only one that is wanted; None for all.
        """
        wanted = "" if transaction_id is None else "AND transactionId = $id"
        query = f"{_DECISIONS} {wanted} ORDER BY timestamp, transactionId"
        return map(_logged, self._rows(query, {} if transaction_id is None else {"id": transaction_id}))

    def sample(self, most: int) -> Iterator[LoggedDecision]:
        """Return decisions drawn by their ids, so that the same log gives the same ones; about `most` of more."""
        query = _DECISIONS
        if self.decisions_count > most:
            query += f" AND hash(transactionId) < {2**64 * most // self.decisions_count}::UBIGINT"
        return map(_logged, self._rows(query))

    def newest(self) -> LoggedDecision | None:
        """Return the decision of the newest transaction; None if there is none."""
        with raised_as_log_error():
            row = self.connection.execute(f"{_DECISIONS} ORDER BY timestamp DESC, transactionId LIMIT 1").fetchone()
        return None if row is None else _logged(row)

    def decided_rows(self) -> str:
        """Return the decisions whose features can be read, as what stands in `FROM`: a query in brackets with a name.

        It has the columns of `STAGED`; `label`, `labelSource`, `labeledAt` and `fraudType` are of the newest label that
        is known. Features that an older version wrote in the packed form alone are taken apart first.
        """
        columns = ", ".join(f"records.{name}" for name in STAGED if name not in _OF_LABEL | set(_TAKEN_APART))
        with raised_as_log_error():
            (lacking,) = _one(self.connection, f"SELECT count(*) FROM {_DECIDED} AND {LACKING}")
            if not lacking:
                features = ", ".join(_TAKEN_APART)
                joined = _DECIDED
            else:
                self._take_apart()
                features = ", ".join(f"coalesce(records.{name}, taken_apart.{name}) AS {name}" for name in _TAKEN_APART)
                joined = _DECIDED.replace(" WHERE ", f" LEFT JOIN taken_apart USING ({_PLACE}) WHERE ")
        labels = ", ".join(f"known_labels.{name}" for name in sorted(_OF_LABEL))
        rows = f"SELECT {columns}, {features}, {labels} FROM {joined}"
        return f"(SELECT * FROM ({rows}) WHERE featureSchema IS NOT NULL) AS read"

    def _take_apart(self) -> None:
        path = self.folder / "taken-apart.jsonl.gz"
        write_taken_apart(
            self.connection, f"SELECT {_PLACE}, features FROM {_DECIDED} AND {LACKING}", _PLACE.split(", "), path
        )
        table = taken_apart(path, {"filename": "VARCHAR", "file_row_number": "BIGINT"})
        self.connection.execute(f"CREATE OR REPLACE TABLE taken_apart AS SELECT * FROM {table}")

    def unreadable_features(self) -> int:
        """Return how many decisions have no features that this version can read."""
        (read,) = next(self.ask(f"SELECT count(*) FROM {self.decided_rows()}"))
        return self.decisions_count - read

    def ask(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a query over `decided_rows`."""
        return self._rows(query)

    def _rows(self, query: str, parameters: Mapping[str, object] | None = None) -> Iterator[tuple[Any, ...]]:
        # Of its own, so that two questions may be asked at once.
        cursor = self.connection.cursor()
        with raised_as_log_error():
            cursor.execute(query, parameters or {})
            while rows := cursor.fetchmany(_ROWS):
                yield from rows

    def standing(self, logged: LoggedDecision) -> Standing:
        """Return what is known of a transaction."""
        if not self.is_labelled:
            return Standing.UNKNOWN
        return self.horizon.standing(logged.transaction.timestamp, logged.truth, declined=logged.declined)


@contextmanager
def open_log(
    place: Path | LogFiles, *, until: int | None = None, label_delay_days: float | None = 0
) -> Generator[DecisionLog]:
    """Open a decision log: its segments, its hourly files or both, whatever of it was copied.

    Memory does not grow with the log: what does not fit is on disk, in a folder that goes when the log is closed.

    Args:
        place: the log's folder, any folder in it, one file, or files that were found.
        until: the time up to which labels are known, epoch milliseconds; None for all, as of the newest record.
        label_delay_days: days after which a transaction's label is known, or will not come; None: as the log's labels
            tell.

    Raises:
        DecisionLogError: there is no log, or nothing of it can be read.
    """
    files = place if isinstance(place, LogFiles) else find_log_files(place)
    with tempfile.TemporaryDirectory() as name, connect(Path(name)) as connection, raised_as_log_error():
        folder = Path(name)
        damaged = {**files.damaged, **stage(connection, files.segments, LineFiles(folder / "stage.parquet"))}
        see_records(connection, [folder / "stage.parquet", *files.records])
        count, newest = _one(connection, "SELECT count(*), max(greatest(timestamp, loggedAt)) FROM records")
        if not count:
            problems = "; ".join(f"{path}: {problem}" for path, problem in damaged.items())
            raise DecisionLogError(problems or "the decision log is empty")
        # Nobody having said a time, all labels are known: clocks of those who label may be ahead of the log's.
        connection.execute(_KNOWN_LABELS, {"until": until})
        known_until = newest if until is None else until
        arrival = label_arrival(map(FraudLabel._make, connection.execute(_FRAUD_LABELS).fetchall()), known_until)
        horizon = LabelHorizon(
            until=known_until, delay_days=arrival.delay_days if label_delay_days is None else label_delay_days
        )
        connection.execute(_REPEATS)
        decisions, labelled, explored = _one(
            connection,
            "SELECT count(decision) - (SELECT count(*) FROM repeats), count(label), count(explorationPropensity) "
            "FROM records",
        )
        labels, too_new = _one(
            connection,
            f"SELECT count(*), count(*) FILTER (happenedAt > {horizon.matured_until}) FROM known_labels",
        )
        (early,) = _one(
            connection,
            "SELECT count(*) FROM "
            f"(SELECT DISTINCT transactionId, labeledAt FROM records WHERE label IS NOT NULL AND {_IS_EARLY})",
        )
        yield DecisionLog(
            connection=connection,
            folder=folder,
            horizon=horizon,
            arrival=arrival,
            decisions_count=decisions,
            is_labelled=labelled > 0,
            is_explored=explored > 0,
            labels_count=labels,
            too_new_labels=too_new,
            early_labels=early,
            damaged=damaged,
        )


def see_records(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Make `records` a view of the lines of Parquet files, with the columns of `STAGED`.

    Args:
        connection: a database.
        files: what was staged of segments, and the log's own files of decisions and labels.
    """
    # A file from before a column was added does not have it.
    typed = {
        **STAGED,
        "featureValues": "DOUBLE[]",
        "valid": "BOOLEAN",
        "filename": "VARCHAR",
        "file_row_number": "BIGINT",
    }
    nothing = "SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in typed.items()) + " WHERE false"
    # Segments that somebody else made a Parquet file of.
    has_lists = connection.execute(
        "SELECT count(*) FROM parquet_schema(" + listed(files) + ") WHERE name = 'featureValues'"
    )
    ((lists,),) = has_lists.fetchall()
    columns = [
        f"coalesce({name}, {FEATURES_OF_LINES[name]}) AS {name}" if lists and name in FEATURES else name
        for name in STAGED
    ]
    connection.execute(
        _RECORDS.format(columns=", ".join(columns), nothing=nothing, files=listed(files), newer=IS_NEWER)
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Sequence[int]:
    (row,) = connection.execute(query).fetchall()
    return row


def _logged(row: tuple[Any, ...]) -> LoggedDecision:
    fields = dict(zip(_COPIED.values(), row, strict=False))
    logged_at, decision, score, features, sources, ruleset_version, listed_as, *known = row[len(_COPIED) :]
    return LoggedDecision(
        Transaction(**fields),
        logged_at,
        decision,
        score,
        features or b"",
        sources or (),
        ruleset_version,
        listed_as or (),
        *known,
    )


@contextmanager
def raised_as_log_error() -> Generator[None]:
    """Raise what the database cannot read as `DecisionLogError`."""
    try:
        yield
    except duckdb.Error as error:
        raise DecisionLogError(f"the decision log cannot be read: {str(error).splitlines()[0]}") from None

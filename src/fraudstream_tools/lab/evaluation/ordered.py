"""Labelled transactions of a file in order of time, however large it is: sorted on disk, and read in batches."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fraudstream.durations import DAY
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.files.examples import NEEDED, transaction_of
from fraudstream_tools.lab.files.mapping.file_map import FileMap
from fraudstream_tools.lab.files.problems import FileProblemError
from fraudstream_tools.lab.files.reading import MappedFile
from fraudstream_tools.lab.files.repeats import refuse_repeated
from fraudstream_tools.lab.files.truths import Truths, read_truths, where_truth_may_be
from fraudstream_tools.lab.replay.history import KnownOutcome

if TYPE_CHECKING:
    from types import TracebackType

_BATCH: Final = 20_000
_ARROW: Final[Any] = pa
_COLUMNS: Final[Any] = _ARROW.schema(
    {
        "id": _ARROW.string(),
        "received": _ARROW.int64(),
        "number": _ARROW.int64(),
        "body": _ARROW.binary(),
        "fraud": _ARROW.bool_(),
        "known": _ARROW.int64(),
        "unsaid": _ARROW.bool_(),
    }
)


_ONCE: Final = """
    SELECT id, received, number, body, fraud, known, unsaid FROM rows
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY unsaid, known DESC NULLS LAST, fraud DESC, number) = 1
"""


class Labelled(NamedTuple):
    """A transaction, and what turned out to be true of it."""

    transaction: Transaction
    fraud: bool
    known_at: int | None
    """When it became known, epoch milliseconds; None: nobody ever said anything of it."""

    @property
    def outcome(self) -> KnownOutcome | None:
        """What profiles and models learn of it."""
        return None if self.known_at is None else KnownOutcome(self.fraud, self.known_at)


class OrderedFile:
    """A file's transactions, sorted into a temporary file; to be used with `with`."""

    def __init__(
        self,
        path: Path,
        file_map: FileMap | None,
        *,
        truth: Path | None = None,
        truth_map: FileMap | None = None,
        label_delay_days: float = 7.0,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        """Read the file once.

        Args:
            path: transactions, with what is true of them, in any order.
            file_map: which column is which field.
            truth: the file that says what is true, if it is another one; it is held in memory.
            truth_map: which of its columns is which field.
            label_delay_days: after which a label is known that does not say when.
            on_progress: told how many rows were read.

        Raises:
            FileProblemError: a file cannot be read, has wrong rows, repeats an id, or nothing says what is true.
        """
        truths = None if truth is None else read_truths(truth, truth_map)
        self._folder = tempfile.TemporaryDirectory(prefix="fraudstream-")
        self._sorted = Path(self._folder.name) / "transactions.parquet"
        self._delay = round(label_delay_days * DAY)
        self.rows = self.frauds = self.repeated = 0
        self.first = self.last = 0
        self._has_labels = False
        try:
            file = MappedFile(path, file_map, needs=NEEDED)
            try:
                self._write(file, truths, on_progress)
            except FileProblemError:
                # A label of one row is none of another with the same id: that is the cause then.
                refuse_repeated(file)
                raise
            if self._has_repeated():
                refuse_repeated(file)
                self._keep_first()
            self._refuse_honest(path, truth)
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Self:
        """Return the opened file, whose temporary copy the block's end removes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        """Remove the temporary file."""
        self._folder.cleanup()

    def __iter__(self) -> Iterator[Labelled]:
        """Return the transactions in the order in which they were received."""
        decode = msgspec.msgpack.Decoder(Transaction).decode
        with self._database() as database:
            # Where some rows have a label, what others only say in `fraud` nobody ever reported.
            rows = database.execute(
                "SELECT body, fraud, CASE WHEN unsaid AND ? THEN NULL ELSE known END FROM read_parquet(?) "
                "ORDER BY received, number",
                [self._has_labels, str(self._sorted)],
            )
            while batch := rows.fetchmany(_BATCH):
                for body, fraud, known in batch:
                    yield Labelled(decode(body), fraud, known)

    def _database(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(config={"temp_directory": self._folder.name})

    def _has_repeated(self) -> bool:
        with self._database() as database:
            asked = "SELECT count(DISTINCT id) FROM read_parquet(?)"
            counted = database.execute(asked, [str(self._sorted)]).fetchone()
        return counted is not None and counted[0] < self.rows

    def _keep_first(self) -> None:
        """Leave out rows that give a transaction again, and keep the newest label that any of its rows has."""
        kept = self._sorted.with_suffix(".once.parquet")
        with self._database() as database:
            once = database.read_parquet(str(self._sorted)).query("rows", _ONCE)
            once.write_parquet(str(kept))
            counted = database.read_parquet(str(kept)).aggregate("count(*), count(*) FILTER (fraud)").fetchone()
        kept.replace(self._sorted)
        rows, self.frauds = counted or (0, 0)
        self.repeated, self.rows = self.rows - rows, rows

    def _refuse_honest(self, path: Path, truth: Path | None) -> None:
        if not self.frauds:
            hint = "" if truth else f": {where_truth_may_be(path)}"
            raise FileProblemError(f"{truth or path}: no row says that it is fraud, as label or fraud{hint}")

    def _write(self, file: MappedFile, truths: Truths | None, on_progress: Callable[[int], None] | None) -> None:
        with pq.ParquetWriter(self._sorted, _COLUMNS) as writer:
            batch: list[tuple[Transaction, bool]] = []
            of_batch = truths or Truths(file.path)
            for number, row in enumerate(file.sound_rows(), start=1):
                transaction = transaction_of(file, row, number)
                has_label = truths is not None or "label" in row.values
                self._has_labels |= has_label
                batch.append((transaction, not has_label))
                if truths is None:
                    of_batch.add(row, transaction.transaction_id)
                if len(batch) == _BATCH:
                    self._write_batch(writer, batch, of_batch)
                    batch, of_batch = [], truths or Truths(file.path)
                if on_progress:
                    on_progress(number)
            self._write_batch(writer, batch, of_batch)

    def _write_batch(self, writer: Any, batch: Sequence[tuple[Transaction, bool]], truths: Truths) -> None:  # noqa: ANN401  (pyarrow has no types)
        times = {transaction.transaction_id: transaction.timestamp for transaction, _ in batch}
        truth_of = truths.told(times, self._delay)
        encode = msgspec.msgpack.Encoder().encode
        rows: list[dict[str, Any]] = []
        for transaction, unsaid in batch:
            truth = truth_of.get(transaction.transaction_id)
            self.rows += 1
            self.frauds += truth is not None and truth.fraud
            self.first = min(self.first or transaction.timestamp, transaction.timestamp)
            self.last = max(self.last, transaction.timestamp)
            rows.append(
                {
                    "id": transaction.transaction_id,
                    "received": transaction.received_at,
                    "number": self.rows,
                    "body": encode(transaction),
                    "fraud": truth is not None and truth.fraud,
                    "known": truth.known_at if truth else None,
                    "unsaid": unsaid,
                }
            )
        writer.write_table(_ARROW.Table.from_pylist(rows, schema=_COLUMNS))

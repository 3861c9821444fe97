"""Whom a question to the decision log goes to: a copy in a folder, one that is fetched when it is needed, or Athena."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from fraudstream.reporting.log.keys import LogTable
from fraudstream_tools.analytics.answers import LogAnswer, NoHourYetError, QuestionError
from fraudstream_tools.analytics.athena import Athena
from fraudstream_tools.analytics.local_log import ask_folder
from fraudstream_tools.analytics.log_copy import LogCopy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DAYS: Final = 90
"""Days of receipt that are read where reading costs; own choice: what a person still remembers."""
_MOST_FETCHED: Final = 500_000_000
"""Bytes of a copy; own choice: what a laptop fetches in a minute. Above, Athena is the tool."""
_FRESH_SECONDS: Final = 60.0
"""The log gets a new hour once an hour; own choice."""
_TABLES: Final = (LogTable.DECISIONS, LogTable.LABELS)
KNOWN_LABELS: Final = """known AS (
        SELECT transactionId, max_by(label, labeledAt) AS label FROM labels WHERE "date" >= ? GROUP BY transactionId
    )"""
"""The newest label of each transaction since a day, as SQL that both engines understand: a part of `WITH`."""


class LogQuestions(Protocol):
    """What answers questions to the decision log."""

    @property
    def days(self) -> int | None:
        """How many of the newest days are asked; None for all that there are."""
        ...

    def ask(self, sql: str, values: Sequence[str], limit: int) -> LogAnswer:
        """Return the answer to one SELECT that both engines understand; see `ask_folder`.

        Raises:
            QuestionError: it is not answered.
        """
        ...

    def to_folder(self) -> Path | None:
        """Return a folder with the log, for backtests; None where it is asked where it is.

        Raises:
            QuestionError: there is none.
        """
        ...


def first_day(log: LogQuestions) -> str:
    """Return the first of the days that are asked, as the tables' column `date` has it."""
    return "" if log.days is None else str(datetime.now(UTC).date() - timedelta(days=log.days))


@dataclass(frozen=True)
class FolderLog:
    """A copy that somebody made."""

    folder: Path

    @property
    def days(self) -> int | None:
        """None: all that somebody copied is asked."""
        return None

    def ask(self, sql: str, values: Sequence[str], limit: int) -> LogAnswer:
        """Return the answer by DuckDB; see `LogQuestions`."""
        return ask_folder(self.folder, sql, values, limit)

    def to_folder(self) -> Path | None:
        """Return the folder."""
        return self.folder


@dataclass(frozen=True)
class AthenaLog:
    """The bucket itself, by a stack's workgroup."""

    athena: Athena
    days: int = _DAYS

    def ask(self, sql: str, values: Sequence[str], limit: int) -> LogAnswer:
        """Return the answer by Athena; see `LogQuestions`."""
        return self.athena.ask(sql, values, limit)

    def to_folder(self) -> Path | None:
        """Return None: what a backtest by Athena costs is said, and it is begun, by `fraudstream backtest`."""
        return None


@dataclass
class FetchedLog:
    """A copy of the newest days that is fetched from the bucket when somebody asks, and brought up to date."""

    client: "S3Client"
    bucket: str
    folder: Path
    """Where it is kept; whoever made it removes it."""
    days: int = _DAYS
    monotonic: Callable[[], float] = time.monotonic
    _read_at: float | None = field(default=None, init=False)

    def ask(self, sql: str, values: Sequence[str], limit: int) -> LogAnswer:
        """Return the answer by DuckDB; see `LogQuestions`."""
        return ask_folder(self.to_folder(), sql, values, limit)

    def to_folder(self) -> Path:
        """Return the folder, brought up to date.

        Raises:
            ClientError: the bucket refuses to be read.
            QuestionError: there is nothing in the bucket yet, or too much.
        """
        if self._read_at is None or self.monotonic() - self._read_at >= _FRESH_SECONDS:
            self._fetch()
            if not any(self.folder.glob("*/*/*.parquet")):
                raise NoHourYetError(
                    f"the decision log has no merged hour of the last {self.days} days yet: an hour is merged when it "
                    f"is over, and `fraudstream report --date {datetime.now(UTC).date()}` merges what there is"
                )
            self._read_at = self.monotonic()
        return self.folder

    def _fetch(self) -> None:
        since = date.fromisoformat(first_day(self))
        copies = [LogCopy.of_table(self.client, self.bucket, table, self.folder) for table in _TABLES]
        missing = [copy.missing(since)[0] for copy in copies]
        size = sum(each.size for objects in missing for each in objects)
        if size > _MOST_FETCHED:
            raise QuestionError(
                f"the last {self.days} days of the decision log have {size / 1e6:,.0f} MB more than this machine has, "
                "too many to fetch for a page: set `analytics` to true, so that Athena answers, or copy it once with "
                "`fraudstream log pull log-copy` and start the console with --log log-copy"
            )
        for copy, objects in zip(copies, missing, strict=True):
            copy.pull(objects, lambda _: None)

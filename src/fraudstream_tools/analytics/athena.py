"""Questions to the decision log by Athena: start a query, wait for it, read the pages of its result."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from fraudstream_tools.analytics.answers import LogAnswer, QuestionError

MOST_STATEMENT_BYTES: Final = 262_144
"""https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""
DOLLARS_A_TB: Final = 5.0
"""https://aws.amazon.com/athena/pricing/ for us-east-2."""
LEAST_SCANNED: Final = 10_000_000
"""Bytes that a query is charged for at least (same page)."""
_A_PAGE: Final = 1000
_WAITS: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds between looks at a query; the last one again and again."""
_ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "float": float,
    "real": float,
    "double": float,
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}
"""Athena's types to what reads their text; others stay text."""


def client_settings() -> dict[str, Any]:
    """Return what boto3's client needs: its older mode does not repeat calls that come too fast.

    Each client needs its own: botocore writes into it how often this machine's environment has calls repeated.
    """
    return {"retries": {"mode": "standard"}}


@dataclass(frozen=True, kw_only=True)
class Athena:
    """A workgroup that is asked about a database."""

    client: Any
    """boto3's client of Athena."""
    workgroup: str
    database: str
    sleep: Callable[[float], None] = time.sleep

    def ask(self, sql: str, values: Sequence[str] = (), limit: int | None = None) -> LogAnswer:
        """Run a query and return its rows.

        Args:
            sql: in Athena's dialect.
            values: texts that take the places of the question marks, in order.
            limit: rows that are returned at most; None for all.

        Raises:
            QuestionError: the query is too long, failed or was cancelled.
            botocore.exceptions.ClientError: Athena refused a call.
        """
        size = len(sql.encode())
        if size > MOST_STATEMENT_BYTES:
            raise QuestionError(f"the query has {size:,} bytes, and Athena takes {MOST_STATEMENT_BYTES:,}: shorten it")
        asked: dict[str, Any] = {"QueryString": sql, "WorkGroup": self.workgroup}
        if values:
            # They stand in the query as literals.
            asked["ExecutionParameters"] = ["'" + value.replace("'", "''") + "'" for value in values]
        started = self.client.start_query_execution(QueryExecutionContext={"Database": self.database}, **asked)
        query_id: str = started["QueryExecutionId"]
        scanned = self._wait(query_id)
        columns, rows = self._rows(query_id, None if limit is None else limit + 1)
        has_more = limit is not None and len(rows) > limit
        return LogAnswer(columns=columns, rows=rows[:limit], has_more=has_more, query_id=query_id, scanned=scanned)

    def cutoff(self) -> int | None:
        """Return the bytes at which the workgroup stops a query; None if it stops none."""
        found = self.client.get_work_group(WorkGroup=self.workgroup)
        return found["WorkGroup"].get("Configuration", {}).get("BytesScannedCutoffPerQuery")

    def _wait(self, query_id: str) -> int:
        """Wait for a query's end; return the bytes that it read."""
        looks, ended = 0, False
        try:
            while True:
                found = self.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
                status = found["Status"]
                if ended := status["State"] in _ENDED:
                    break
                self.sleep(_WAITS[min(looks, len(_WAITS) - 1)])
                looks += 1
        finally:
            if not ended:
                # Nobody waits for it any more, and it costs by what it reads.
                self.client.stop_query_execution(QueryExecutionId=query_id)
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason") or "Athena does not say why"
            raise QuestionError(f"Athena query {query_id} {status['State'].lower()}: {reason}")
        return found.get("Statistics", {}).get("DataScannedInBytes", 0)

    def _rows(self, query_id: str, most: int | None) -> tuple[list[str], list[tuple[Any, ...]]]:
        columns: list[str] = []
        rows: list[tuple[Any, ...]] = []
        more: dict[str, str] = {}
        while True:
            page = self.client.get_query_results(QueryExecutionId=query_id, MaxResults=_A_PAGE, **more)
            described = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            readers = [_TYPES.get(column["Type"], str) for column in described]
            # The first row of the first page is the heading.
            found = islice(page["ResultSet"]["Rows"], 0 if columns else 1, None)
            columns = columns or [column["Name"] for column in described]
            rows += (_read(row["Data"], readers) for row in found)
            if "NextToken" not in page or (most is not None and len(rows) >= most):
                return columns, rows
            more = {"NextToken": page["NextToken"]}


def _read(cells: Sequence[Mapping[str, str]], readers: Sequence[Callable[[str], Any]]) -> tuple[Any, ...]:
    return tuple(
        None if (text := cell.get("VarCharValue")) is None else read(text)
        for cell, read in zip(cells, readers, strict=True)
    )


def dollars(scanned: int, queries: int = 1) -> float:
    """Return what queries cost that read so many bytes together."""
    return max(scanned, queries * LEAST_SCANNED) / 1e12 * DOLLARS_A_TB

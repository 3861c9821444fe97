"""A local engine that plays Athena's calls: it runs a folder's log by an SQL engine, and fails as it is told to."""

import json
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import duckdb
import sqlglot
from botocore.config import Config
from sqlglot import exp
from sqlglot.errors import ParseError

from fraudstream.reporting.log.keys import LogTable
from fraudstream_tools.analytics.athena import client_settings

WORKGROUP, DATABASE = "workgroup-decision-log-test", "database_decision_log_test"
MOST_BYTES = 262_144
# Of DuckDB's types, those that Trino calls otherwise.
_TYPES: Mapping[str, str] = {"HUGEINT": "bigint", "VARCHAR[]": "array", "DOUBLE[]": "array", "BLOB": "varbinary"}


Answer = tuple[list[tuple[str, str]], list[tuple[Any, ...]]]
"""Columns with Trino's names of their types, and rows."""


@dataclass
class Execution:
    """A query and how it ended."""

    sql: str
    state: str = "QUEUED"
    reason: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    scanned: int = 0
    looks: int = 0


@dataclass
class LocalAthena:
    """What the server knows, and what tests tell it."""

    log: Path
    engine: Callable[[str], Answer]
    """Runs a statement."""
    cutoff: int | None = 100 * 2**30
    looks: int = 2
    """How often a query is not ended yet when somebody looks."""
    refusals: deque[tuple[str, str]] = field(default_factory=deque[tuple[str, str]])
    """Code and message of the errors that the next calls get."""
    failing: str = ""
    """Why queries fail, if they do."""
    forever: bool = False
    """Whether queries never end."""
    page_rows: int = 1000
    executions: dict[str, Execution] = field(default_factory=dict[str, Execution])
    calls: list[str] = field(default_factory=list[str])
    url: str = ""

    @property
    def client(self) -> Any:
        return boto3.client(
            "athena",
            endpoint_url=self.url,
            region_name="us-east-2",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(**client_settings()),
        )

    def answer(self, call: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(call)
        if self.refusals:
            raise RefusedError(*self.refusals.popleft())
        match call:
            case "StartQueryExecution":
                return self._start(asked)
            case "GetQueryExecution":
                return self._look(asked["QueryExecutionId"])
            case "GetQueryResults":
                return self._page(asked)
            case "StopQueryExecution":
                self.executions[asked["QueryExecutionId"]].state = "CANCELLED"
                return {}
            case "GetWorkGroup":
                configuration = {} if self.cutoff is None else {"BytesScannedCutoffPerQuery": self.cutoff}
                return {"WorkGroup": {"Name": asked["WorkGroup"], "Configuration": configuration}}
            case _:
                raise RefusedError("InvalidAction", call)

    def _start(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert asked["ClientRequestToken"]
        if asked["WorkGroup"] != WORKGROUP or asked["QueryExecutionContext"]["Database"] != DATABASE:
            raise RefusedError("InvalidRequestException", "WorkGroup is not found")
        sql = asked["QueryString"]
        if len(sql.encode()) > MOST_BYTES:
            raise RefusedError("InvalidRequestException", "Queries of more than 262144 bytes are not supported")
        try:
            (statement,) = sqlglot.parse(sql, read="athena")
        except ParseError as error:
            raise RefusedError("InvalidRequestException", f"line 1:1: {error}") from None
        assert isinstance(statement, exp.Query)
        for value in asked.get("ExecutionParameters", ()):
            sql = sql.replace("?", value, 1)
        name = str(uuid4())
        self.executions[name] = Execution(sql)
        return {"QueryExecutionId": name}

    def _look(self, name: str) -> dict[str, Any]:
        execution = self.executions[name]
        execution.looks += 1
        if execution.state in ("QUEUED", "RUNNING"):
            execution.state = "RUNNING"
            if execution.looks > self.looks and not self.forever:
                self._run(execution)
        return {
            "QueryExecution": {
                "QueryExecutionId": name,
                "Status": {"State": execution.state, "StateChangeReason": execution.reason},
                "Statistics": {"DataScannedInBytes": execution.scanned},
            }
        }

    def _run(self, execution: Execution) -> None:
        if self.failing:
            execution.state, execution.reason = "FAILED", self.failing
            return
        try:
            execution.columns, execution.rows = self.engine(execution.sql)
        except Exception as error:  # noqa: BLE001  (whatever an engine says of a query)
            execution.state, execution.reason = "FAILED", f"GENERIC_USER_ERROR: {str(error).splitlines()[0]}"
            return
        execution.scanned = sum(path.stat().st_size for path in self.log.rglob("*.parquet"))
        if self.cutoff is not None and execution.scanned > self.cutoff:
            execution.state, execution.reason = "CANCELLED", "Bytes scanned limit was exceeded"
            return
        execution.state = "SUCCEEDED"

    def _page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        execution = self.executions[asked["QueryExecutionId"]]
        texts = [[name for name, _ in execution.columns], *(map(_text, row) for row in execution.rows)]
        start = int(asked.get("NextToken", "0"))
        end = start + min(asked["MaxResults"], self.page_rows)
        page: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [_cell(text) for text in row]} for row in texts[start:end]],
                "ResultSetMetadata": {"ColumnInfo": [{"Name": name, "Type": kind} for name, kind in execution.columns]},
            }
        }
        return page | ({"NextToken": str(end)} if end < len(texts) else {})


class RefusedError(Exception):
    """A call that is refused: code and message."""


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str | None) -> dict[str, str]:
    return {} if text is None else {"VarCharValue": text}


def by_duckdb(log: Path) -> Callable[[str], Answer]:
    """Give an engine that runs statements over a folder's log."""

    def run(sql: str) -> Answer:
        with duckdb.connect() as connection:
            # Unlike DuckDB's own, its order of rows is nobody's to rely on.
            connection.execute("SET preserve_insertion_order = false")
            for table in (LogTable.DECISIONS, LogTable.LABELS, LogTable.HITS, LogTable.TALLIES):
                files = f"'{log}/{table}/*/*.parquet', hive_partitioning = true, hive_types_autocast = false"
                connection.execute(f"CREATE VIEW {table} AS FROM read_parquet({files}, union_by_name = true)")
            rows = connection.execute(sql).fetchall()
            return [
                (name, _TYPES.get(str(kind), str(kind).partition("(")[0].lower()))
                for name, kind, *_ in connection.description or ()
            ], rows

    return run


@contextmanager
def local_athena(log: Path, engine: Callable[[str], Answer] | None = None) -> Generator[LocalAthena]:
    """Run the engine over a folder's log, on this machine only; without one, DuckDB does it."""
    athena = LocalAthena(log, engine or by_duckdb(log))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, body = 200, athena.answer(self.headers["X-Amz-Target"].rpartition(".")[2], asked)
            except RefusedError as error:
                status, body = 400, {"__type": error.args[0], "message": error.args[1]}
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        athena.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield athena
        finally:
            server.shutdown()
            thread.join()

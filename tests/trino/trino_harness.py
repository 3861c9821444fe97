"""Trino in a process of its own, over a folder with a decision log."""

import os
import shutil
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from fraudstream.reporting.log.columns import FILES
from infra.data.analytics import GLUE_TYPES, PARTITION, TABLES

ROOT = Path(__file__).resolve().parents[2]
JARS = ROOT / ".build" / "trino"
"""Where `make trino` puts Trino."""
LEAST_JAVA = 25
_PROGRAM = Path(__file__).parent / "server" / "TrinoServer.java"
_STARTS = 300.0
"""Seconds in which it has to be there: half a minute where nobody else works."""
_FLAGS = (
    "-Xmx1g",
    "--add-modules=jdk.incubator.vector",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Djol.skipHotspotSAAttach=true",
    "-Djdk.attach.allowAttachSelf=true",
)
_SESSION = {"X-Trino-User": "tests", "X-Trino-Catalog": "hive", "X-Trino-Schema": "log"}


class TrinoError(Exception):
    """A statement that failed: what Trino says of it."""


def java() -> Path | None:
    """Give a Java that Trino runs on: that of `JAVA_HOME`, or the one on the path."""
    home = os.environ.get("JAVA_HOME")
    found = Path(home) / "bin" / "java" if home else shutil.which("java")
    if found is None or not Path(found).exists():
        return None
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=True).stderr
    return Path(found) if int(said.split('"')[1].partition(".")[0]) >= LEAST_JAVA else None


@dataclass(frozen=True)
class Trino:
    """A running engine."""

    url: str

    def ask(self, sql: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """Run a statement; give its columns with their types, and its rows."""
        columns: list[dict[str, str]] = []
        rows: list[list[Any]] = []
        with httpx.Client(headers=_SESSION, timeout=_STARTS) as client:
            page = client.post(f"{self.url}/v1/statement", content=sql.encode()).json()
            while "nextUri" in page:
                page = client.get(page["nextUri"]).json()
                columns = page.get("columns") or columns
                rows += page.get("data", ())
        if error := page.get("error"):
            raise TrinoError(error["message"])
        kinds = [column["type"].partition("(")[0] for column in columns]
        return (
            [(column["name"], kind) for column, kind in zip(columns, kinds, strict=True)],
            [tuple(map(_value, row, kinds)) for row in rows],
        )

    def open(self, log: str) -> None:
        """Define the tables of a log in a folder below Trino's."""
        self.ask("CREATE SCHEMA IF NOT EXISTS hive.log")
        for table in TABLES:
            columns = ", ".join(f"{name} {_type(GLUE_TYPES[kind])}" for name, kind in FILES[table].items())
            self.ask(
                f"CREATE TABLE {table} ({columns}, \"{PARTITION}\" varchar) WITH (format = 'PARQUET', "
                f"external_location = 'local:///{log}/{table}', partitioned_by = ARRAY['{PARTITION}'])"
            )
            self.ask(f"CALL system.sync_partition_metadata('log', '{table}', 'ADD')")


def _value(value: Any, kind: str) -> Any:
    """Give a value as DuckDB gives it: JSON has neither decimals nor days, nor what is not finite."""
    if isinstance(value, str):
        match kind:
            case "decimal":
                return Decimal(value)
            case "date":
                return date.fromisoformat(value)
            case "double":
                return float(value)
            case _:
                return value
    return value


def _type(glue: str) -> str:
    return {
        "binary": "varbinary",
        "string": "varchar",
        "array<string>": "array(varchar)",
        "array<double>": "array(double)",
    }.get(glue, glue)


@contextmanager
def trino(folder: Path) -> Generator[Trino]:
    """Run Trino over a folder, on this machine only."""
    command: Sequence[str] = (str(java()), *_FLAGS, "-cp", f"{JARS}/*", str(_PROGRAM), str(folder))
    with (
        (folder / "trino.log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as process,
    ):
        assert process.stdin
        try:
            yield Trino(_url(process, folder))
        finally:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _url(process: "subprocess.Popen[bytes]", folder: Path) -> str:
    until = time.monotonic() + _STARTS
    while process.poll() is None and time.monotonic() < until:
        if (folder / "url").exists():
            return (folder / "url").read_text()
        time.sleep(0.2)
    raise TrinoError(f"Trino did not start: {(folder / 'trino.log').read_text()[-2000:]}")

"""What of the log is to be taken out or written otherwise, and how a file is changed so."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fraudstream.reporting.log.erasure_marks import ERASED
from fraudstream.reporting.log.keys import LogTable
from fraudstream.reporting.log.record import LARGEST_NUMBER
from fraudstream.transactions.transaction import FIELDS

if TYPE_CHECKING:
    import duckdb

TOKEN_COLUMNS: Final = tuple(
    field.public_name for field in FIELDS if field.spec.identifies is not None and field.spec.logged
)
"""Columns that hold tokens."""
_ID_TALLIES: Final = "dimension IN ('onlyStored', 'onlyDecided', 'flagged', 'flaggedProbability')"


@dataclass(frozen=True, kw_only=True)
class LogEdit:
    """What is to change."""

    gone: AbstractSet[str] = frozenset()
    """Ids of transactions of which nothing stays."""
    persons: AbstractSet[str] = frozenset()
    """Tokens of customers of whose transactions, up to a time, nothing stays."""
    until: int = LARGEST_NUMBER
    """Time of receipt up to which rows change, epoch milliseconds: what was received later stays as it is."""
    renamed: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Tokens to what stands in their place; None: nothing."""
    columns: Sequence[str] = TOKEN_COLUMNS
    """Those in which tokens are renamed."""

    def takes_out(self, line: Mapping[str, Any]) -> bool:
        """Return whether nothing stays of a line."""
        if line.get("transactionId") in self.gone:
            return True
        return line.get("customerId") in self.persons and line.get("receivedAt", 0) <= self.until

    def changes(self, line: Mapping[str, Any]) -> bool:
        """Return whether a token in a line is renamed."""
        if line.get("receivedAt", 0) > self.until:
            return False
        sources = line.get("sources", ())
        return any(line.get(name) in self.renamed for name in self.columns) or any(
            isinstance(name, str) and self.source(name) != name for name in sources
        )

    def source(self, name: str) -> str:
        """Return what stands in place of a reason's source, which may be a profile's key."""
        kind, mark, token = name.partition("#")
        new = self.renamed.get(token, token) if mark else None
        return f"{kind}#{new or ERASED}" if mark and new != token else name


EditOf = Callable[[AbstractSet[str]], LogEdit]
"""Returns the edit of what holds some tokens: all that an hour has."""


def edit_parquet(
    connection: "duckdb.DuckDBPyConnection", path: Path, edited: Path, table: LogTable, edit_of: EditOf
) -> bool:
    """Write a changed copy of a table's file; return whether it differs."""
    from fraudstream.reporting.storage.duckdb_engine import quoted, write_parquet  # noqa: PLC0415  (as above)

    rows = f"read_parquet({quoted(path)})"
    described = connection.execute(f"SELECT column_name FROM (DESCRIBE SELECT * FROM {rows})").fetchall()
    present = {name for (name,) in described}
    columns = [name for name in TOKEN_COLUMNS if name in present]
    tokens = _distinct(connection, [f"SELECT {name} FROM {rows}" for name in columns])
    sources = _distinct(connection, [f"SELECT unnest(sources) FROM {rows}"] if "sources" in present else [])
    named = {each for each in sources if "#" in each}
    edit = edit_of(tokens | {each.partition("#")[2] for each in named})
    _name(connection, "gone", [(each,) for each in edit.gone], "id VARCHAR")
    _name(connection, "persons", [(each,) for each in edit.persons], "token VARCHAR")
    if table is LogTable.TALLIES:
        out = f"({_ID_TALLIES} AND key IN (SELECT id FROM gone))"
    else:
        out = "(transactionId IN (SELECT id FROM gone)"
        if "customerId" in present:
            out += f" OR (customerId IN (SELECT token FROM persons) AND receivedAt <= {edit.until})"
        out += ")"
    changes = {old: new for old, new in edit.renamed.items() if old in tokens}
    _name(connection, "renamed", list(changes.items()), "old VARCHAR, new VARCHAR")
    early = f"receivedAt <= {edit.until}"
    replaced = [
        f"CASE WHEN {early} AND {name} IN (SELECT old FROM renamed) THEN (SELECT new FROM renamed WHERE old = {name}) "
        f"ELSE {name} END AS {name}"
        for name in (columns if changes else ())
        if name in edit.columns
    ]
    others = {each: new for each in named if (new := edit.source(each)) != each}
    if others:
        cases = " ".join(f"WHEN {_text(old)} THEN {_text(new)}" for old, new in others.items())
        transformed = f"list_transform(sources, lambda each: CASE each {cases} ELSE each END)"
        replaced.append(f"CASE WHEN {early} THEN {transformed} ELSE sources END AS sources")
    star = f"* REPLACE ({', '.join(replaced)})" if replaced else "*"
    ((leaving,),) = connection.execute(f"SELECT count(*) FROM {rows} WHERE coalesce({out}, false)").fetchall()
    write_parquet(connection, f"SELECT {star} FROM {rows} WHERE NOT coalesce({out}, false)", edited)
    renames = " OR ".join(f"{name} IN (SELECT old FROM renamed)" for name in columns if name in edit.columns)
    renaming = f"SELECT count(*) FROM {rows} WHERE ({renames or 'false'}) AND {early}"
    ((renamed,),) = connection.execute(renaming).fetchall() if changes else [(0,)]
    listed = ", ".join(map(_text, others))
    naming = f"SELECT count(*) FROM {rows} WHERE {early} AND list_has_any(sources, [{listed}])"
    ((other,),) = connection.execute(naming).fetchall() if others else [(0,)]
    return bool(leaving or renamed or other)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _distinct(connection: "duckdb.DuckDBPyConnection", queries: Iterable[str]) -> set[str]:
    if not (union := " UNION ".join(queries)):
        return set()
    return {value for (value,) in connection.execute(f"SELECT * FROM ({union}) AS found(value)").fetchall() if value}


def _name(connection: "duckdb.DuckDBPyConnection", name: str, rows: list[tuple[Any, ...]], columns: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
    if rows:
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)

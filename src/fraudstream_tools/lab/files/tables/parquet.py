"""Parquet: typed columns, whose times become epoch milliseconds."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from fraudstream_tools.lab.files.problems import FileProblemError, Row

_BATCH = 1000


def pyarrow(module: str) -> Any:  # noqa: ANN401  (pyarrow has no types)
    """Import a module of pyarrow late: 70 ms that other formats need not pay."""
    return import_module(f"pyarrow.{module}")


class ParquetFile:
    """A file of typed columns."""

    def __init__(self, path: Path) -> None:
        """Read the names of a file's columns.

        Raises:
            FileProblemError: it is no Parquet file.
        """
        self.path = path
        with self._problems(), pyarrow("parquet").ParquetFile(path) as file:
            self._schema = file.schema_arrow
            self.count = int(file.metadata.num_rows)
        self.columns: list[str] = list(self._schema.names)

    def rows(self) -> Iterator[Row]:
        """Read the rows; what is null is left out.

        Typed times come as epoch milliseconds, those without a zone read as UTC, and dates as dates; maps and structs
        come as objects.

        Raises:
            FileProblemError: the file cannot be read to its end.
        """
        number = 0
        plain = [_plain(field.type) for field in self._schema]
        with self._problems(), pyarrow("parquet").ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                columns = [self._values(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Row(
                        number,
                        {
                            name: value if change is None else change(value)
                            for name, value, change in zip(self.columns, values, plain, strict=True)
                            if value is not None and value == value  # noqa: PLR0124  (not-a-number is no value)
                        },
                    )

    def _values(self, column: Any) -> list[Any]:  # noqa: ANN401  (pyarrow has no types)
        types = pyarrow("types")
        if types.is_timestamp(column.type):
            # Finer times than milliseconds are cut off, not refused.
            column = column.cast(pyarrow("lib").timestamp("ms", tz=column.type.tz), safe=False).cast("int64")
        return cast("list[Any]", column.to_pylist())

    def _problems(self) -> "_ParquetProblems":
        return _ParquetProblems(self.path)


class _ParquetProblems:
    """Turns what pyarrow raises into a sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno:
            raise FileProblemError(f"{self._path}: cannot be read: {error.strerror}") from None
        if isinstance(error, (pyarrow("lib").ArrowException, OSError)):
            raise FileProblemError(f"{self._path}: not a Parquet file, or a damaged one") from None


def _plain(type_: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401  (pyarrow has no types)
    """Return what turns a value of a type into a plain one; None where it is plain."""
    types = pyarrow("types")
    if types.is_map(type_):
        # Arrow's maps come as lists of pairs.
        return dict
    if types.is_struct(type_):
        # A struct has a member for every key that any row has.
        return lambda value: {key: member for key, member in value.items() if member is not None}
    return None

"""Keys of what is made of the segments: by the day on which transactions were received, and the hour of the log.

The *hour of the log* is the one in which the stream told of a change, as in the segments' folders. Whatever the stream
repeats says the same time: a repetition is always in the same hour, so that each hour is made exact by itself.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, Literal

HOUR_FORMAT = "%Y-%m-%dT%H"
_PARTITION = "date="
_DAY_FOLDER: Final = re.compile(r"date=\d{4}-\d{2}-\d{2}")
"""The form of such a name: anybody who may write to the bucket may have put something else beside the log's own."""
_HOUR_FOLDER: Final = re.compile(r"hour=([01]\d|2[0-3])")

ReportFormat = Literal["html", "json", "csv"]
"""What a day's report is written as; its file is called `report` and ends so."""


class LogTable(StrEnum):
    """What an hour of the log is merged into: one Parquet file for each day on which its transactions came in."""

    DECISIONS = "decisions"
    LABELS = "labels"
    HITS = "hits"
    TALLIES = "tallies"
    IDS = "ids"


def table_prefix(log_prefix: str, table: LogTable, received: date) -> str:
    """Return the prefix of a table's files about the transactions received on a day."""
    return f"{log_prefix}{table}/{_PARTITION}{received.isoformat()}/"


def table_key(log_prefix: str, table: LogTable, received: date, hour: datetime) -> str:
    """Return the key of what an hour of the log says of the transactions received on a day."""
    return f"{table_prefix(log_prefix, table, received)}{hour:{HOUR_FORMAT}}.parquet"


def table_of(key: str) -> LogTable | None:
    """Return the table that a file is of; None if it is one that only a newer version knows."""
    name = key.split("/")[-3]
    return next((table for table in LogTable if table == name), None)


def parse_hour(name: str) -> datetime:
    """Return the first moment of an hour of the log, such as `2026-11-22T14`, UTC."""
    return datetime.strptime(name, HOUR_FORMAT).replace(tzinfo=UTC)


def days_of(folders: Iterable[str]) -> dict[str, date]:
    """Return the days that folders are named by, such as `date=2026-11-22`; what is no such name is passed over."""
    return {each: day for each in folders if (day := _day_of(each))}


def _day_of(folder: str) -> date | None:
    try:
        return partition_day(folder) if _DAY_FOLDER.fullmatch(folder) else None
    except ValueError:
        return None


def hours_in(day_folder: str, hour_folders: Iterable[str]) -> list[str]:
    """Return the hours of the log that a day's folders stand for; what is no hour is passed over."""
    return [hour_in(day_folder, each) for each in hour_folders if _HOUR_FOLDER.fullmatch(each)]


def notes_among(keys: Iterable[str]) -> dict[str, str]:
    """Return the notes on merged hours among keys, by hour; what is none by its key is passed over."""
    return {hour_of_note(key): key for key in keys if _is_note(key)}


def _is_note(key: str) -> bool:
    _, _, name = f"/{key}".rpartition("/hours/")
    day, _, hour = name.partition("/")
    is_hour = hour.endswith(".json") and _HOUR_FOLDER.fullmatch(hour.removesuffix(".json"))
    return bool(is_hour and _day_of(day))


def hour_in(day_folder: str, hour_folder: str) -> str:
    """Return the hour of the log that folders such as `date=2026-11-22` and `hour=14` stand for."""
    return f"{partition_day(day_folder)}T{hour_folder.removeprefix('hour=')}"


def hour_of_note(key: str) -> str:
    """Return the hour of the log that a note is on."""
    *_, day, hour = key.removesuffix(".json").split("/")
    return hour_in(day, hour)


def hour_of(key: str) -> str:
    """Return the hour of the log that a table's file is of, such as `2026-11-22T14`."""
    return key.rpartition("/")[2].removesuffix(".parquet")


def hours_of_files(keys: Iterable[str]) -> set[str]:
    """Return the hours of the log that files of tables are of; what is no such file by its key is passed over."""
    return {hour_of(key) for key in keys if _is_file(key)}


def _is_file(key: str) -> bool:
    try:
        parse_hour(hour_of(key))
    except ValueError:
        return False
    return key.endswith(".parquet")


def received_day(key: str) -> date:
    """Return the day of receipt that a key is of."""
    return partition_day(key.split("/")[-2])


def partition_day(folder: str) -> date:
    """Return the day that a folder is named by, such as `date=2026-11-22`."""
    return date.fromisoformat(folder.removeprefix(_PARTITION))


def hours_prefix(log_prefix: str) -> str:
    """Return the prefix of the notes on merged hours; their keys sort as the hours do."""
    return f"{log_prefix}hours/"


def hour_key(log_prefix: str, hour: datetime) -> str:
    """Return the key of the note on a merged hour of the log."""
    return f"{hours_prefix(log_prefix)}{_PARTITION}{hour:%Y-%m-%d}/hour={hour:%H}.json"


def reported_prefix(log_prefix: str) -> str:
    """Return the prefix of the notes on reports."""
    return f"{log_prefix}reported/"


def reported_key(log_prefix: str, day: date) -> str:
    """Return the key of the note on what a day's report was made of."""
    return f"{reported_prefix(log_prefix)}{_PARTITION}{day.isoformat()}.json"


def midnight(day: date) -> datetime:
    """Return the first moment of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Return a moment as epoch milliseconds."""
    return int(moment.timestamp() * 1000)


def report_folder(report_prefix: str, day: date) -> str:
    """Return what the keys of a day's report, and of what is kept beside it, begin with."""
    return f"{report_prefix}date={day.isoformat()}/"


def report_key(report_prefix: str, day: date, file_format: ReportFormat) -> str:
    """Return the key of a day's report."""
    return f"{report_folder(report_prefix, day)}report.{file_format}"

"""What people did on a day: their records counted, and changes of the ruleset and labels beside them.

A record is written by whoever makes a change, so that one who goes round the commands leaves none. What S3 keeps of the
ruleset's versions tells of every change.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, cast

import msgspec

from fraudstream.contract import (
    AUDIT_PREFIX,
    DECISION_LOG_PREFIX,
    RULESET_FILES,
    RULESET_PREFIX,
    TRANSACTION_TARGET,
    audit_author,
)
from fraudstream.detection.rules.ruleset import version_of
from fraudstream.detection.stores.rulesets.earlier_versions import FolderState, states
from fraudstream.durations import MINUTE
from fraudstream.reporting.daily.label_writes import ToldLabels, label_writes
from fraudstream.reporting.daily.list_writes import ToldListWrite, list_writes
from fraudstream.reporting.daily.schema.people import ActionFigures, PeopleFigures, RulesetChange
from fraudstream.reporting.storage.download import DOWNLOADS
from fraudstream.reporting.storage.json_objects import MOST_OF_A_RECORD, read_json
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.decisions.label_sources import is_source

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

MOST: Final = 10_000
"""Records that are read, one request each; own choice: what a team of hundreds does in a day."""
LONGEST: Final = 500
"""Characters of a text that is counted by, at most; own choice: those of commands are ids, codes and names."""
MOST_SOURCES: Final = 100
"""Sources that one record tells of, at most; own choice: files of labels have a few."""
_RULES: Final = ("publish-rules", "roll-back-rules")
_LABELS: Final = ("label-transaction", "approve-labels")
"""Where labels need two people, the log is told of one when the second has approved it."""
_ADD: Final = "add-to-list"
_REMOVE: Final = "remove-from-list"


@dataclass(frozen=True)
class ListsAt:
    """Where entries of lists are."""

    dynamodb: "DynamoDBClient"
    table: str
    """Name of the table of profiles."""


_Text = Annotated[str, msgspec.Meta(max_length=LONGEST)]


class _Written(msgspec.Struct, frozen=True, rename="camel"):
    """A record as somebody has written it."""

    id: _Text
    action: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z-]{0,39}\Z")]
    target: _Text = ""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    refuses: _Text | None = None
    doubts: _Text | None = None


class _Record(NamedTuple):
    """What is counted of a record: so little that a day's fit into memory, whatever people have put there."""

    id: str
    user_id: str
    action: str
    target: str
    version: str | None
    """Of the ruleset that was there after it."""
    list_before: str | None
    list_after: str | None
    sources: tuple[str, ...]
    """Of a file of labels."""
    refuses: str | None
    doubts: str | None

    @property
    def told_as(self) -> tuple[str, str]:
        """Who wrote it, and its id: nobody's record speaks for another's."""
        return self.user_id, self.id

    @property
    def tells_of_change(self) -> bool:
        """Whether it was written before a change, and not after one that failed."""
        return self.refuses is None and self.doubts is None


def people_of(s3: "S3Client", bucket: str, day: date, lists: "ListsAt") -> PeopleFigures:
    """Return what people did on a UTC day.

    Args:
        s3: asks S3.
        bucket: the bucket of records, rulesets and log.
        day: the day.
        lists: where entries of lists are.

    Raises:
        botocore.exceptions.ClientError: records, lists or the ruleset's versions may not be read.
    """
    store = BucketStore(s3, bucket)
    keys = sorted(store.find(f"{AUDIT_PREFIX}date={day}/"))
    records = _records(store, keys[:MOST])
    made = {each.told_as: each for each in records if each.tells_of_change}
    refused = _refused(records)
    of_both_days = cache(lambda: _of_both_days(store, day, records))
    counted = Counter((each.action, each.told_as in refused) for each in made.values())
    actions = [
        ActionFigures(action=action, done=counted[action, False], refused=counted[action, True])
        for action in {action for action, _ in counted}
    ]
    recorded_versions = {
        each.version for each in made.values() if each.version and each.action in _RULES and each.told_as not in refused
    }
    return PeopleFigures(
        people=len({each.user_id for each in records}),
        actions=tuple(sorted(actions, key=lambda each: (-each.done - each.refused, each.action))),
        unread=len(keys) - len(records),
        ruleset_changes=_ruleset_changes(s3, bucket, day, recorded_versions),
        labels=label_writes(store, DECISION_LOG_PREFIX, day, lambda: _told_labels(of_both_days())),
        lists=list_writes(lists.dynamodb, lists.table, day, lambda: _told_list_writes(of_both_days())),
    )


def _of_both_days(store: BucketStore, day: date, records_of_day: Sequence[_Record]) -> list[_Record]:
    """Return the records of what was done on a day and the day before: what they tell of may come after midnight."""
    earlier = sorted(store.find(f"{AUDIT_PREFIX}date={day - timedelta(days=1)}/"))[-MOST:]
    records = [*records_of_day, *_records(store, earlier)]
    refused = _refused(records)
    # What was refused has two records, of which neither tells of a write. What is in doubt may have been written.
    return [each for each in records if each.tells_of_change and each.told_as not in refused]


def _told_labels(made: Sequence[_Record]) -> ToldLabels:
    return ToldLabels(
        transactions={each.target.removeprefix(TRANSACTION_TARGET) for each in made if each.action in _LABELS},
        sources={source for each in made if each.action == "import-labels" for source in each.sources},
    )


def _told_list_writes(made: Sequence[_Record]) -> set[ToldListWrite]:
    added = {ToldListWrite(str(each.list_after), each.target, ended=False) for each in made if each.action == _ADD}
    return added | {
        ToldListWrite(str(each.list_before), each.target, ended=True) for each in made if each.action == _REMOVE
    }


def _records(store: BucketStore, keys: Sequence[str]) -> list[_Record]:
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return [record for record in pool.map(partial(_record, store), keys) if record is not None]


def _refused(records: Sequence[_Record]) -> set[tuple[str, str]]:
    return {(each.user_id, each.refuses) for each in records if each.refuses is not None}


def _record(store: BucketStore, key: str) -> _Record | None:
    written, author = read_json(store.read_at_most(key, MOST_OF_A_RECORD), _Written), audit_author(key)
    if written is None or author is None:
        return None
    return _Record(
        id=written.id,
        user_id=author,
        action=written.action,
        target=written.target,
        version=_text(written.after, "version"),
        list_before=_text(written.before, "list"),
        list_after=_text(written.after, "list"),
        sources=_sources(written.after.get("sources")),
        refuses=written.refuses,
        doubts=written.doubts,
    )


def _text(told: Mapping[str, Any], name: str) -> str | None:
    """Return a text; what stands there may be anything."""
    value = told.get(name)
    return value if isinstance(value, str) and len(value) <= LONGEST else None


def _sources(told: object) -> tuple[str, ...]:
    """Return the sources in a list; what stands there may be anything."""
    values = cast("list[object]", told) if isinstance(told, list) else []
    return tuple(each for each in values[:MOST_SOURCES] if isinstance(each, str) and is_source(each))


def _ruleset_changes(s3: "S3Client", bucket: str, day: date, recorded_versions: set[str]) -> tuple[RulesetChange, ...]:
    """Return the day's changes; what one command writes comes about file by file, and only its end has a record."""
    changes: list[RulesetChange] = []
    last_recorded_at: int | None = None
    for state in _until(states(s3, bucket, RULESET_PREFIX, RULESET_FILES.__contains__), day):
        at = round(state.since.timestamp() * 1000)
        version = _version(state)
        if version in recorded_versions:
            last_recorded_at = at
        if state.since.astimezone(UTC).date() == day:
            recorded = last_recorded_at is not None and last_recorded_at - at <= MINUTE
            changes.append(RulesetChange(at=at, file=state.changed, version=version, recorded=recorded))
    return tuple(reversed(changes))


def _until(newest_first: Iterator[FolderState], day: date) -> Iterator[FolderState]:
    for state in newest_first:
        if state.since.astimezone(UTC).date() < day:
            return
        yield state


def _version(state: FolderState) -> str | None:
    files: Mapping[str, bytes] = {name: state.read(name) for name in RULESET_FILES if name in state.versions}
    return version_of(*(files[name] for name in RULESET_FILES)) if len(files) == len(RULESET_FILES) else None

"""Profiles made again from the table of transactions, by the code with which the analyzer learns."""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import STREAM_SECONDS, ItemKind
from fraudstream.detection.learning import learn_label, learn_transaction
from fraudstream.detection.profiles.entities import entities, kind_of
from fraudstream.detection.profiles.events import UnusableTransactionError, check, identity
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.detection.rules.rates import Rates
from fraudstream.detection.stores.profiles.items import StoredProfile
from fraudstream.detection.stores.profiles.store import ATTEMPTS, ProfileStore
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import Item
from fraudstream.transactions.storage.item import PoisonRecordError, decode_readable
from fraudstream_tools.operations.recovery.entity_rows import EntityRow, EntityRows
from fraudstream_tools.operations.recovery.table_scan import SEGMENTS, is_expired, scan
from fraudstream_tools.whole_files import write_whole

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITIONS: Final = 512
"""Own choice, whatever the table's size, which DynamoDB counts every six hours only: of a table that was just made anew
and filled, it says that it is empty. Of 90 million transactions, one has 0.75 million rows, 1.1 GB in memory."""
_CHUNK: Final = 100


@dataclass
class Rebuilt:
    """What came of a rebuild: transactions (of one profile, where only one is rebuilt), then keys of profiles."""

    transactions: int = 0
    undecided: int = 0
    """Left for the analyzer, which learns them when it decides."""
    expired: int = 0
    unreadable: int = 0
    unlearned: list[str] = field(default_factory=list[str])
    """Ids of transactions whose label is not known to have been learnt: `redrive` lets profiles learn them."""
    new: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    same: set[str] = field(default_factory=set[str])
    shortened: set[str] = field(default_factory=set[str])
    """Keys of those changed or the same: the stored profile went back further than the table of transactions does."""
    newer: set[str] = field(default_factory=set[str])
    """Keys of those written by a newer version of this code, and left as they are."""
    failed: set[str] = field(default_factory=set[str])
    """Keys that could not be written."""


class _Checkpoint(msgspec.Struct):
    partitions: int
    done: set[int]
    # Of no table and no time in the files of releases that did not write them: such a file is dropped.
    tables: tuple[str, ...] = ()
    started_at: int = 0


class ProfileRebuild:
    """Rebuilds profiles. The analyzer has to be paused while it runs: what it learnt meanwhile would be lost."""

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        transactions_table: str,
        profiles_table: str,
        rates: Rates,
        folder: Path,
        retention_days: int,
        on_read: Callable[[int], None] = lambda _: None,
        on_written: Callable[[int], None] = lambda _: None,
        on_checkpoint: Callable[[str], None] = lambda _: None,
        clock: Callable[[], int] = epoch_milliseconds,
    ) -> None:
        """Store what to read and write.

        Args:
            client: of DynamoDB.
            transactions_table: name of the table that is read.
            profiles_table: name of the table that is written.
            rates: to the base currency.
            folder: for intermediate files, which are removed at the end, and the checkpoint, from which another run
                goes on.
            retention_days: days until a profile that is not written any more expires.
            on_read: takes the number of transactions read so far.
            on_written: takes the share of profiles written so far, in percent.
            on_checkpoint: takes a sentence about what a run that was broken off has left: whether this one goes on
                from there.
            clock: returns epoch milliseconds.
        """
        self._client = client
        self._transactions_table = transactions_table
        self._profiles_table = profiles_table
        self._retention_days = retention_days
        self._rates = rates
        self._folder = folder
        self._on_read = on_read
        self._on_written = on_written
        self._on_checkpoint = on_checkpoint
        self._clock = clock

    def run(self, only: str | None = None) -> Rebuilt:
        """Rebuild all profiles, or one.

        Args:
            only: the key of one profile, such as `customer#tok_…`.

        Raises:
            ClientError: AWS refused.
            BotoCoreError: AWS cannot be reached.
            ProfilesUnavailableError: DynamoDB left profiles out again and again.
            OSError: the folder cannot be written.
        """
        result = Rebuilt()
        checkpoint = self._checkpoint(only)
        with EntityRows(self._folder / "rows", checkpoint.partitions) as rows, ThreadPoolExecutor(SEGMENTS) as pool:
            self._collect(rows, checkpoint.done, only, result)
            store = ProfileStore(self._client, self._profiles_table, self._retention_days, pool)
            for partition in range(checkpoint.partitions):
                if partition in checkpoint.done:
                    continue
                if not self._write(store, rebuild_profiles(rows.read(partition, SEGMENTS), self._rates), result):
                    # The run that goes on has to write what this one could not.
                    continue
                checkpoint.done.add(partition)
                if only is None:
                    write_whole(self._state, msgspec.json.encode(checkpoint))
                self._on_written(len(checkpoint.done) * 100 // checkpoint.partitions)
        if only is None and not result.failed:
            self._state.unlink(missing_ok=True)
        return result

    @property
    def _state(self) -> Path:
        return self._folder / "done.json"

    def _checkpoint(self, only: str | None) -> _Checkpoint:
        if only is not None:
            return _Checkpoint(1, set())
        table = self._client.describe_table(TableName=self._transactions_table)["Table"]
        # The ARN has account and region: tables of two stacks may have one name.
        tables = (table.get("TableArn", ""), self._profiles_table)
        if (left := self._left_behind(tables)) is not None:
            return left
        return _Checkpoint(_PARTITIONS, set(), tables, self._clock())

    def _left_behind(self, tables: tuple[str, ...]) -> _Checkpoint | None:
        """Return what a run of the same tables has left that was broken off while the stream kept what it missed."""
        if not self._state.exists():
            return None
        try:
            left = msgspec.json.decode(self._state.read_bytes(), type=_Checkpoint)
        except msgspec.DecodeError:
            self._on_checkpoint(f"{self._state} cannot be read: this run begins anew")
            return None
        if left.tables != tables:
            self._on_checkpoint("a run of other tables was broken off here: this one begins anew")
            return None
        if self._clock() - left.started_at > STREAM_SECONDS * 1000:
            self._on_checkpoint("a run was broken off here more than a day ago: this one begins anew")
            return None
        self._on_checkpoint(
            f"this run goes on where one was broken off, after {len(left.done)} of {left.partitions} parts of the "
            "profiles: it counts the others alone; if more was restored or changed since, stop it, and remove "
            f"{self._state} to begin anew"
        )
        return left

    def _collect(self, rows: EntityRows, done: Collection[int], only: str | None, result: Rebuilt) -> None:
        lock = threading.Lock()
        read = 0

        def take(segment: int, items: list[Item]) -> None:
            nonlocal read
            entity_rows: list[EntityRow] = []
            transactions = [item for item in items if item.get("kind") == {"S": ItemKind.TRANSACTION.value}]
            with lock:
                for item in transactions:
                    entity_rows += _rows_of(item, only, result)
                read += len(transactions)
                self._on_read(read)
            rows.add(segment, [row for row in entity_rows if rows.partition_of(row.key) not in done])

        scan(self._client, self._transactions_table, take)

    def _write(self, store: ProfileStore, profiles: dict[str, Profile], result: Rebuilt) -> bool:
        """Write profiles; return whether none has failed."""
        keys = sorted(profiles)
        for start in range(0, len(keys), _CHUNK):
            pending = set(keys[start : start + _CHUNK])
            for attempt in range(ATTEMPTS):
                pending = self._write_chunk(store, {key: profiles[key] for key in pending}, result)
                if not pending:
                    break
                store.wait(attempt)
            result.failed |= pending
        return result.failed.isdisjoint(profiles)

    def _write_chunk(self, store: ProfileStore, profiles: dict[str, Profile], result: Rebuilt) -> set[str]:
        """Write some profiles; return the keys of those that somebody else has written in between."""
        loaded = store.load(profiles)
        divided = loaded.divided()
        wanted: dict[str, StoredProfile] = {}
        for key, profile in profiles.items():
            if key in loaded.newer:
                result.newer.add(key)
                continue
            stored = loaded.profiles.get(key)
            whole = _with_first_seen(profile, stored)
            if whole is not profile:
                result.shortened.add(key)
            if stored is not None and stored.damaged is None and stored.profile == whole:
                result.same.add(key)
                continue
            before = stored._replace(sharding=None, shards=()) if stored else StoredProfile(whole, None)
            wanted[key] = before._replace(profile=whole)
        saved = store.save(wanted)
        for key, stored in wanted.items():
            if key not in saved.conflicts and key not in saved.failed:
                (result.new if stored.version is None else result.changed).add(key)
                if sharding := divided.get(key):
                    store.remove_shards(key, sharding)
        result.failed |= saved.failed.keys()
        return saved.conflicts


def rebuild_profiles(rows: Iterable[EntityRow], rates: Rates) -> dict[str, Profile]:
    """Return the profiles that have learnt all of the rows, in the order in which they were received and labelled."""
    by_key: dict[str, list[EntityRow]] = defaultdict(list)
    for row in rows:
        by_key[row.key].append(row)
    return {key: _rebuild(key, of_key, rates) for key, of_key in by_key.items()}


def _rebuild(key: str, rows: Sequence[EntityRow], rates: Rates) -> Profile:
    kind = kind_of(key)
    profiles: dict[str, Profile] = {}
    steps = [(row.transaction.received_at, 0, row.transaction.transaction_id, row) for row in rows]
    # A file of labels may date one before the transaction came in, and a profile marks only what it holds.
    steps += [
        (max(row.fraud_known_at, row.transaction.received_at), 1, row.transaction.transaction_id, row)
        for row in rows
        if row.fraud_known_at
    ]
    for _, is_label, transaction_id, row in sorted(steps, key=lambda step: step[:3]):
        transaction = row.transaction
        if is_label:
            change = LabelChange(row.fraud_known_at or 0, identity(transaction_id))
            learned = learn_label(transaction, profiles, change, 1, learnt=(), kinds={kind}, seen=False).changed
        else:
            learned = learn_transaction(
                transaction,
                profiles,
                rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp),
                reporting_threshold=rates.reporting_threshold,
                label_delay_days=0,  # of what is read from profiles, not of what they hold
                undecided=True,
                kinds={kind},
                seen=False,
            ).changed
        profiles.update(learned)
    return profiles[key]


def _rows_of(item: Item, only: str | None, result: Rebuilt) -> list[EntityRow]:
    """Return what profiles, or one of them, learn of a transaction, and count it where it is theirs."""
    if only is not None and {"S": only.partition("#")[2]} not in item.values():
        return []
    if is_expired(item):
        result.expired += 1
        return []
    try:
        stored = decode_readable(item)
        check(stored.transaction)
    except (PoisonRecordError, UnusableTransactionError):
        result.unreadable += 1
        return []
    keys = [key for key in entities(stored.transaction).values() if only in (None, key)]
    if not keys:
        return []
    if stored.decision is None:
        result.undecided += 1
        return []
    result.transactions += 1
    learnt_at = item.get("learntLabeledAt", {}).get("N")
    # What waits for a second person is learnt when that one has approved it.
    if stored.label is not None and stored.label.label_approved_at != 0 and learnt_at != str(stored.label.labeled_at):
        result.unlearned.append(stored.transaction.transaction_id)
    is_fraud = item.get("learntLabel") == {"S": Truth.FRAUD.value}
    known_at = int(learnt_at) if is_fraud and learnt_at is not None else None
    return [EntityRow(key, stored.transaction, known_at) for key in keys]


def _with_first_seen(profile: Profile, stored: StoredProfile | None) -> Profile:
    """Return a profile that remembers since when its entity is known, where the stored one knows it for longer."""
    if stored is None or stored.damaged is not None or not 0 < stored.profile.first_seen < profile.first_seen:
        return profile
    return msgspec.structs.replace(profile, first_seen=stored.profile.first_seen)

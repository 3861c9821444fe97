"""Consuming a DynamoDB stream: polling, lanes, retries, and knowing when everything has been handled."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.streams.filters import compile_filters
from embedded_aws.streams.records import StreamRecord, count_that_fit, to_record
from embedded_aws.streams.retries import Discarded, NotReached, Outcome, RecordBatch, RetryPolicy, see_through
from embedded_aws.streams.shards import PAGE, ShardReader

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

_POLL_SECONDS = 0.25
"""Lambda reads each shard four times a second (its developer guide, on DynamoDB streams)."""
_TROUBLE_SECONDS = 1.0
_BUFFER = 20_000
"""Records held before reading pauses; a batch is at most 10,000."""
_CLOSE_SECONDS = 2.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ConsumerSettings:
    """How a stream is consumed; units in the names, meanings as AWS has them."""

    name: str
    stream_arn: str
    starting_position: str
    batch_size: int
    batching_window_seconds: float
    parallelization_factor: int
    filters: tuple[Mapping[str, Any], ...]
    retries: RetryPolicy


@dataclass(eq=False)
class _Lane:
    """Records whose order must be kept: those whose items share a hash."""

    records: deque[StreamRecord] = field(default_factory=deque[StreamRecord])
    waiting_since: float = 0.0
    busy: bool = False


class StreamConsumer:
    """Reads a stream's shard and hands its records over in batches, in order within each item.

    Args:
        settings: How to consume.
        streams: A client of DynamoDB Streams.
        deliver: Hands over a batch and says how that went; called in several threads.
        discard: Takes what was given up, with the shard's id; called again if it raises.

    Raises:
        ValueError: A filter is not one that AWS knows.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        *,
        streams: "DynamoDBStreamsClient",
        deliver: Callable[[RecordBatch], Outcome],
        discard: Callable[[Discarded, str], None],
    ) -> None:
        self._settings = settings
        self._streams = streams
        self._deliver = deliver
        self._discard = discard
        self._passes = compile_filters(settings.filters)
        self._lanes = [_Lane() for _ in range(settings.parallelization_factor)]
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._paused = False
        self._wake = threading.Event()
        self._pending = 0
        self._read = 0
        self._caught_up_at = float("-inf")
        self._thread = threading.Thread(target=self._poll, name=f"stream-{settings.name}", daemon=True)
        self._pool = ThreadPoolExecutor(settings.parallelization_factor, thread_name_prefix=f"batch-{settings.name}")

    def start(self) -> None:
        """Begin to read; with LATEST everything written after this returns is read.

        Raises:
            ValueError: The starting position is not one that AWS knows, or the stream has more than one shard.
        """
        self._shard = ShardReader(self._streams, self._settings.stream_arn, self._settings.starting_position)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether the shard was read to its end and everything read has been handled or given up."""
        with self._changed:
            return self._pending == 0 and self._caught_up_at > float("-inf")

    @property
    def records_read(self) -> int:
        """How many records have been read, those that no filter lets pass included."""
        return self._read

    def wait_until_caught_up(self, timeout_seconds: float) -> bool:
        """Wait until everything written before this call has been handled or given up.

        Returns:
            Whether it has been, within the time.
        """
        called_at = time.monotonic()
        self._wake.set()
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed.is_set() or (self._pending == 0 and self._caught_up_at > called_at),
                timeout_seconds,
            )

    @property
    def state(self) -> str:
        """The state as Lambda names it: `Enabled`, `Disabling` while batches are in flight, or `Disabled`."""
        with self._changed:
            if not self._paused:
                return "Enabled"
            return "Disabling" if any(lane.busy for lane in self._lanes) else "Disabled"

    def set_enabled(self, *, enabled: bool) -> None:
        """Hand batches over, or let records wait; batches in flight are seen through."""
        with self._changed:
            self._paused = not enabled
            self._dispatch()

    @property
    def record_age_seconds(self) -> float:
        """The age at which a record is given up."""
        return self._settings.retries.maximum_age_seconds

    def set_record_age(self, seconds: float) -> None:
        """Set the age at which records are given up, from the next batch on."""
        self._settings = replace(self._settings, retries=replace(self._settings.retries, maximum_age_seconds=seconds))

    def close(self) -> None:
        """Stop reading and handing over; batches in flight are waited for briefly. Safe to repeat."""
        self._closed.set()
        self._wake.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            pause = self._read_page()
            with self._changed:
                self._dispatch()
                self._changed.notify_all()
            if pause:
                self._wake.wait(min(pause, self._until_next_window()))

    def _read_page(self) -> float:
        """Read the shard once, and keep what was found until it is delivered.

        Returns:
            Seconds to wait before the next time.
        """
        if self._pending > _BUFFER:
            return _POLL_SECONDS
        asked_at = time.monotonic()
        try:
            raw = self._shard.read()
        except (ClientError, BotoCoreError) as error:
            if not self._closed.is_set():
                _logger.warning("%s: reading the stream failed: %s", self._settings.name, type(error).__name__)
            return _TROUBLE_SECONDS
        if not raw:
            self._caught_up_at = asked_at
            return _POLL_SECONDS
        self._take(raw)
        return 0.0 if len(raw) == PAGE else _POLL_SECONDS

    def _take(self, raw: Sequence[Mapping[str, Any]]) -> None:
        records = [to_record(each, self._settings.stream_arn) for each in raw if self._passes(each)]
        now = time.monotonic()
        with self._changed:
            for record in records:
                lane = self._lanes[record.item % len(self._lanes)]
                if not lane.records:
                    lane.waiting_since = now
                lane.records.append(record)
            self._pending += len(records)
            self._read += len(raw)

    def _until_next_window(self) -> float:
        window = self._settings.batching_window_seconds
        if not window:
            return _POLL_SECONDS
        with self._changed:
            waiting = [lane.waiting_since for lane in self._lanes if lane.records and not lane.busy]
        return max(0.001, min(waiting, default=float("inf")) + window - time.monotonic())

    def _dispatch(self) -> None:
        """Start a batch in every lane that has one; the caller holds the lock."""
        now = time.monotonic()
        for lane in self._lanes:
            if lane.busy or not lane.records or self._paused or self._closed.is_set():
                continue
            count = count_that_fit(lane.records, self._settings.batch_size)
            full = count == self._settings.batch_size or count < len(lane.records)
            if not full and now - lane.waiting_since < self._settings.batching_window_seconds:
                continue
            batch = RecordBatch(records=tuple(lane.records.popleft() for _ in range(count)))
            lane.waiting_since = now
            lane.busy = True
            self._pool.submit(self._work, lane, batch)

    def _work(self, lane: _Lane, batch: RecordBatch) -> None:
        try:
            see_through(batch, self._settings.retries, attempt=self._attempt, give_up=self._give_up, go_on=self._go_on)
        except Exception:
            _logger.exception("%s: a batch was lost to a fault in this program", self._settings.name)
        with self._changed:
            lane.busy = False
            if not self._closed.is_set():
                self._pending -= len(batch.records)
                self._dispatch()
            self._changed.notify_all()

    def _go_on(self, pause: float) -> bool:
        return not self._closed.wait(pause)

    def _attempt(self, batch: RecordBatch) -> Outcome:
        try:
            return self._deliver(batch)
        except Exception as error:  # noqa: BLE001  (a fault on the way is a service error: tried again)
            if not self._closed.is_set():
                _logger.warning("%s: delivering a batch failed: %s", self._settings.name, type(error).__name__)
            return NotReached()

    def _give_up(self, discarded: Discarded) -> None:
        while not self._closed.is_set():
            try:
                self._discard(discarded, self._shard.shard_id)
            except (ClientError, BotoCoreError) as error:
                _logger.warning("%s: failure destination: %s", self._settings.name, type(error).__name__)
                self._closed.wait(_TROUBLE_SECONDS)
            else:
                return


def wait_until_quiet(
    consumers: Sequence[StreamConsumer], timeout_seconds: float, *, busy: Callable[[], bool] = lambda: False
) -> bool:
    """Wait until no consumer has anything to do, also where one's work is another's input.

    Args:
        consumers: All that read streams.
        timeout_seconds: How long at most.
        busy: Whether something else that may write is at work, such as a function in flight.

    Returns:
        Whether it became quiet, within the time.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        before = sum(consumer.records_read for consumer in consumers)
        for consumer in consumers:
            if not consumer.wait_until_caught_up(max(0.0, deadline - time.monotonic())):
                return False
        if not busy() and sum(consumer.records_read for consumer in consumers) == before:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS / 4)

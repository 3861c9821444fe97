"""A scan of a large table ends soon after the first of its segments has failed, or somebody has stopped it."""

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from fraudstream_tools.operations.recovery.table_scan import SEGMENTS, scan
from tests.waiting_harness import PATIENCE_SECONDS

PAGES = 20_000
"""Two seconds of pages or more."""


class EndlessTable:
    """A table whose segments never end; AWS may refuse the last one."""

    def __init__(self, *, is_refused: bool) -> None:
        self.is_refused = is_refused
        self.all_began = threading.Barrier(SEGMENTS)
        self.was_ended = threading.Event()
        self.pages_afterwards = 0

    def scan(self, **asked: Any) -> dict[str, Any]:
        if "ExclusiveStartKey" not in asked:
            self.all_began.wait(PATIENCE_SECONDS)
            if self.is_refused and asked["Segment"] == SEGMENTS - 1:
                self.was_ended.set()
                raise ClientError({"Error": {"Code": "ExpiredTokenException"}}, "Scan")
        elif self.was_ended.wait(PATIENCE_SECONDS):
            time.sleep(0.001)
            self.pages_afterwards += 1
        # Far more than is read before the failure is noticed, and yet an end for a scan that notices nothing.
        more = {"LastEvaluatedKey": {"id": {"S": "a"}}} if self.pages_afterwards < PAGES else {}
        return {"Items": [], **more}


def test_a_failure_in_one_segment_does_not_wait_for_the_end_of_the_others() -> None:
    table = EndlessTable(is_refused=True)
    with pytest.raises(ClientError, match="ExpiredToken"):
        scan(cast("Any", table), "table", lambda _segment, _page: None)
    assert table.pages_afterwards < PAGES


@pytest.fixture
def _heeds_ctrl_c() -> Iterator[None]:
    """Where tests are started with SIGINT ignored, as some runners start them, it is heeded nevertheless."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeds_ctrl_c")
def test_ctrl_c_ends_all_segments() -> None:
    table = EndlessTable(is_refused=False)
    with pytest.raises(KeyboardInterrupt):
        scan(cast("Any", table), "table", lambda _segment, _page: _press_ctrl_c(table))
    assert table.pages_afterwards < PAGES


def _press_ctrl_c(table: EndlessTable) -> None:
    if not table.was_ended.is_set():
        table.was_ended.set()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

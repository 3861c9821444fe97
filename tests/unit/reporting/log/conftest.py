"""A day whose log is sealed, merged, chained and reported."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.log.keys import HOUR_FORMAT
from tests.unit.reporting.log.chain_harness import START, System, of_day


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> System:
    """A day in which something happened in three hours, merged and reported: nobody changes it."""
    made = System(tmp_path_factory.mktemp("reported"))
    # The chain begins with an hour of the day before.
    made.chain.append(LinkKind.MERGED, f"{START - timedelta(hours=4):{HOUR_FORMAT}}", b"")
    made.log(of_day(1, 2, 3))
    report = made.report()
    assert report.reconciliation.stored == 3
    assert report.log_hours.changed == ()
    return made


@pytest.fixture
def system(reported: System, tmp_path: Path) -> System:
    """A copy of that day for one test."""
    shutil.copytree(reported.root, tmp_path, dirs_exist_ok=True)
    made = System(tmp_path)
    made.head.link = reported.head.link
    return made


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is merged beside these tests: what is looked at again is so at once."""
    monkeypatch.setattr("fraudstream.reporting.log.verification.against_chain.sleep", lambda _: None)

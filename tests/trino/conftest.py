"""Tests on Trino itself, whose dialect Athena speaks; where it is not there, they are skipped and say why."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trino.trino_harness import JARS, LEAST_JAVA, Trino, java, trino
from tests.unit.analytics.log_harness import write_log

MISSING = f"Trino is not there: `make trino` fetches it where Maven is, and it needs Java {LEAST_JAVA} in JAVA_HOME"


@pytest.fixture(scope="session")
def trino_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Trino reads; CI says where Trino has to be there, and everybody else may do without."""
    if not JARS.exists() or java() is None:
        if os.environ.get("FRAUDSTREAM_TRINO_TESTS") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return tmp_path_factory.mktemp("trino")


@pytest.fixture(scope="session")
def log(trino_folder: Path) -> Path:
    """The merged log of a world."""
    return write_log(trino_folder)


@pytest.fixture(scope="session")
def engine(trino_folder: Path, log: Path) -> Iterator[Trino]:
    """Trino, with the log's tables open."""
    with trino(trino_folder) as running:
        running.open(log.name)
        yield running

"""Tests under Pulumi's real engine; where its CLI is not there, they are skipped and say why."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.engine_harness import Deployment, Engine, cli, engine

MISSING = "the Pulumi CLI is not installed: `make pulumi-cli` builds it where Go is"


@pytest.fixture(scope="session", autouse=True)
def pulumi_cli() -> Path:
    """The CLI; CI says that it has to be there, and everybody else may do without."""
    found = cli()
    if found is None:
        if os.environ.get("FRAUDSTREAM_ENGINE_TESTS") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


@pytest.fixture
def new_engine(tmp_path: Path) -> Iterator[Engine]:
    """A place for stacks of one test's own."""
    with engine(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployed stack with default settings: for previews alone."""
    with engine(tmp_path_factory.mktemp("engine")) as running:
        stack = running.stack()
        stack.up()
        yield stack

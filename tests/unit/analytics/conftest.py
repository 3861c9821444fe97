from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def log(world_log: Path) -> Path:
    return world_log

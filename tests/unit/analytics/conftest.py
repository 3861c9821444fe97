from pathlib import Path

import pytest

from tests.unit.analytics.log_harness import write_log


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a merged log; nobody writes to it."""
    return write_log(tmp_path_factory.mktemp("analytics"))

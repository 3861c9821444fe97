"""A gateway before small programs; tests of other parts have benches of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.embedded_aws.gateway_harness import Bench, a_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as bench:
        yield bench

"""An analyzer over tables of the embedded AWS."""

from collections.abc import Iterator

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.integration.detection.analyzer_harness import World, a_world


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    with a_world(aws) as made:
        yield made

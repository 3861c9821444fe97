"""A processor that decides while clients wait, with the analyzer's tables."""

from collections.abc import Iterator

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.transactions.api import preferences
from tests.integration.detection.analyzer_harness import NOW, World, a_world
from tests.integration.transactions.inline.inline_harness import (
    IMPATIENT_SECONDS,
    PATIENT_SECONDS,
    Inline,
    inline_processor,
    make_bucket,
)


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    with a_world(aws) as made:
        yield made


@pytest.fixture
def inline(aws: MinistackServer, world: World) -> Iterator[Inline]:
    make_bucket(aws)
    with inline_processor(aws, world) as made:
        made.processor.time[0] = NOW
        made.store_ruleset()
        yield made


@pytest.fixture
def impatient(aws: MinistackServer, world: World, inline: Inline) -> Iterator[Inline]:
    """Another processor on the same tables, which soon gives up what never answers."""
    with inline_processor(aws, world, budget_seconds=IMPATIENT_SECONDS) as made:
        made.processor.time[0] = inline.processor.time[0]
        yield made


@pytest.fixture(autouse=True)
def _clients_wait_as_long_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences, "MAX_WAIT_SECONDS", PATIENT_SECONDS)

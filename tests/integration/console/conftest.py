"""Tables, bucket, ruleset, and a browser that is inside."""

from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.privacy.system import PrivacySystem
from tests.aws_harness import create_profiles_table
from tests.console_harness import PROFILES, Browser, browser_on, put_ruleset
from tests.integration.cli.review_harness import System
from tests.integration.console.privacy_harness import stores_of


@pytest.fixture(scope="session")
def log(world_log: Path) -> Path:
    """Folder of the decision log of the tests' world; nobody writes to it."""
    return world_log


@pytest.fixture
def system(aws: MinistackServer) -> System:
    made = System(aws)
    create_profiles_table(made.dynamodb, PROFILES)
    put_ruleset(made)
    return made


@pytest.fixture
def browser(aws: MinistackServer, system: System) -> Browser:
    del system  # it has made the tables
    return browser_on(aws).enter()


@pytest.fixture
def stores(aws: MinistackServer) -> PrivacySystem:
    return stores_of(aws)

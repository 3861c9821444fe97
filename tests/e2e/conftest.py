"""The whole system, deployed once for all end-to-end tests, and a client that signs its requests."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials

from embedded_aws.cloud import LocalCloud
from proofs.running.deployed import RunningSystem, deployed
from proofs.running.webhook import Receiver
from tests.e2e.api_harness import Client
from tests.waiting_harness import PATIENCE_SECONDS


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The real Pulumi program in the embedded AWS, with the functions' least-privilege policies enforced."""
    with deployed(tmp_path_factory.mktemp("cloud"), "e2e") as running:
        yield running


@pytest.fixture(scope="session")
def webhook(system: RunningSystem) -> Receiver:
    """What the system posts its events to."""
    return system.webhook


@pytest.fixture(scope="session")
def cloud(system: RunningSystem) -> LocalCloud:
    return system.cloud


@pytest.fixture(scope="session")
def client(cloud: LocalCloud) -> Client:
    access_key, secret_key = cloud.credentials.access_key, cloud.credentials.secret_key
    return Client(cloud.outputs["apiUrl"], Credentials(access_key, secret_key))


@pytest.fixture(scope="session")
def decided(client: Client) -> Callable[[str], dict[str, Any]]:
    """Wait for a transaction's decision and give what GET says of it."""

    def wait(transaction_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = client.get(transaction_id)
            assert answer.status_code == 200, answer.text
            if (found := answer.json())["decision"] is not None:
                return found
            time.sleep(0.1)
        pytest.fail(f"{transaction_id} was not decided within {PATIENCE_SECONDS} s")

    return wait

"""The console of a deployed system, as its command builds it for a stack, and the browser of who opened its link."""

from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from embedded_aws.cloud import LocalCloud
from fraudstream_tools.console.app import make_app
from fraudstream_tools.console.request_counts import watch
from fraudstream_tools.console.sessions import ConsoleSession
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.audit.identity import operator_of


def console_of(cloud: LocalCloud, name: str, client: Callable[[str], Any] | None = None) -> ConsoleSystem:
    """Return what the console works on.

    Args:
        cloud: where the system is deployed.
        name: how pages call it.
        client: makes the operator's client of a service; without it, whoever deployed the system is the operator.
    """
    make = client or cloud.client
    return ConsoleSystem(
        name=name,
        dynamodb=watch(make("dynamodb")),
        s3=watch(make("s3")),
        operator=operator_of(cloud.client("sts")),
        transactions=cloud.outputs["transactionsTable"],
        alerts=cloud.outputs["alertsTable"],
        profiles=cloud.outputs["profilesTable"],
        bucket=cloud.outputs["bucketName"],
    )


def browser_on(console: ConsoleSystem, session: ConsoleSession) -> TestClient:
    """Return a browser that has followed the console's link."""
    browser = TestClient(make_app(console, session), base_url=f"http://127.0.0.1:{session.port}")
    browser.get(session.url).raise_for_status()
    return browser

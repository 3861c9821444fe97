"""The program's graph, declared once a session each: with known values, as in a preview, and with what is optional."""

from collections.abc import Mapping

import pytest

from infra.program import main
from tests.infrastructure.policies_harness import empty_packages
from tests.infrastructure.pulumi_graph_harness import Declare, Graph, capture

EVERYTHING = {
    "fraudstream:waf": "true",
    "fraudstream:analytics": "true",
    "fraudstream:auditTrail": "true",
    "fraudstream:auditTrailLockDays": "30",
    "fraudstream:apiAuth": "API_KEY",
    "fraudstream:alarmEmail": "operators@example.com",
    "fraudstream:alertEmail": "analysts@example.com",
    "fraudstream:processorProvisionedConcurrency": "20",
    "fraudstream:alertWebhookUrl": "https://example.com/fraud?key=hidden",
    "fraudstream:alertWebhookSecret": "0123456789abcdef",
    "fraudstream:fourEyes": "rules,models,lists,labels",
}
PLAIN = {"fraudstream:customerManagedKey": "false", "fraudstream:apiGatewayAccountRole": "existing"}


@pytest.fixture(scope="session")
def declare(tmp_path_factory: pytest.TempPathFactory) -> Declare:
    """Declare the stack with some settings; the packages are empty, another module looks at real ones."""
    package = empty_packages(tmp_path_factory.mktemp("package"))

    def run(config: Mapping[str, str] | None = None, *, preview: bool = False, stack: str = "test") -> Graph:
        return capture(lambda: main(package), config, preview=preview, stack=stack)

    return run


@pytest.fixture(scope="session")
def graph(declare: Declare) -> Graph:
    return declare()


@pytest.fixture(scope="session")
def preview(declare: Declare) -> Graph:
    return declare(preview=True)


@pytest.fixture(scope="session")
def everything(declare: Declare) -> Graph:
    """With the firewall, Athena, API keys, e-mail addresses, and two people for a change."""
    return declare(EVERYTHING)


@pytest.fixture(scope="session")
def analytics(declare: Declare) -> Graph:
    """With Athena, and nothing else that is optional."""
    return declare({"fraudstream:analytics": "true"})


@pytest.fixture(scope="session")
def plain(declare: Declare) -> Graph:
    """With AWS's own keys, and the account's own role for API Gateway."""
    return declare(PLAIN)


@pytest.fixture(params=["graph", "preview", "everything", "plain"])
def any_graph(request: pytest.FixtureRequest) -> Graph:
    """Each of the graphs."""
    return request.getfixturevalue(request.param)

"""What commands find by its name has a known purpose: else they would take another stack's for it."""

import re

import pytest

from fraudstream_tools.operations import alarms
from fraudstream_tools.operations.leftovers import PROJECT_PREFIXES, PURPOSES
from tests.infrastructure.pulumi_graph_harness import Declare, Graph

FOUND_BY_NAME = (
    ("aws:dynamodb/table:Table", "name"),
    ("aws:s3/bucket:Bucket", "bucket"),
    ("aws:cloudwatch/logGroup:LogGroup", "name"),
    ("aws:lambda/function:Function", "name"),
    ("aws:iam/role:Role", "name"),
)


@pytest.fixture(scope="module")
def everything(declare: Declare, everything: Graph) -> list[Graph]:
    """With all that is optional; a webhook among it, which excludes no other part."""
    webhook = {"fraudstream:alertWebhookUrl": "https://example.com/hook", "fraudstream:alertWebhookSecret": "0" * 16}
    return [everything, declare({**webhook, "fraudstream:events": "all"})]


@pytest.mark.parametrize(("kind", "key"), FOUND_BY_NAME)
def test_its_purpose_is_known(everything: list[Graph], kind: str, key: str) -> None:
    known = re.compile(rf"(?:{'|'.join(PROJECT_PREFIXES)})-(?:{'|'.join(PURPOSES)})-test")
    names = [each[key] for graph in everything for each in graph.of(kind)]
    assert names
    assert [name for name in names if not known.fullmatch(name)] == []


def test_the_purpose_of_each_alarm_is_known(everything: list[Graph]) -> None:
    names = {each["name"] for graph in everything for each in graph.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert names == {f"alarm-{purpose}-test" for purpose in alarms.PURPOSES}

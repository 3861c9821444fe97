"""The dashboard, as CloudWatch wants it and with every metric of the functions."""

import json
import re
from typing import Any

from fraudstream.settings import Metric
from tests.infrastructure.pulumi_graph_harness import REGION, Graph

FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")


def widgets(graph: Graph) -> list[dict[str, Any]]:
    return json.loads(graph.one("aws:cloudwatch/dashboard:Dashboard")["dashboardBody"])["widgets"]


def test_the_dashboard_is_as_cloudwatch_wants_it(graph: Graph) -> None:
    places: set[tuple[int, int]] = set()
    for widget in widgets(graph):
        assert widget["type"] == "metric"
        assert widget["x"] + widget["width"] <= 24
        places.add((widget["x"], widget["y"]))
        properties = widget["properties"]
        assert properties["region"] == REGION
        assert properties["view"] == "timeSeries"
        for namespace, name, *dimensions, options in properties["metrics"]:
            assert re.fullmatch(r"AWS/\w+|fraudstream", namespace)
            assert name
            assert len(dimensions) % 2 == 0
            assert re.fullmatch(r"Sum|Maximum|Average|p\d\d", options["stat"])
    assert len(places) == len(widgets(graph)), "no widget lies on another"


def test_the_dashboard_shows_every_function_and_every_metric_of_theirs(graph: Graph) -> None:
    shown = json.dumps(widgets(graph))
    for purpose in FUNCTIONS:
        assert f"lambda-{purpose}-test" in shown
    # An invalid ruleset, or one that waits, is an alarm, not a curve.
    for metric in set(Metric) - {Metric.RULESET_INVALID, Metric.CHANGE_WAITS}:
        assert f'"{metric.value}"' in shown

"""What the functions are told, and may see, where changes need a second person."""

import pytest

from infra.data.program_rules import program_models, program_ruleset
from tests.infrastructure.conftest import Declare
from tests.infrastructure.pulumi_graph_harness import Graph

FUNCTIONS = ("transaction-processor", "fraud-analyzer")
REPORTER = "report-generator"
NAMES = {"APPROVED_RULESET", "APPROVED_MODELS", "APPROVES_LISTS", "APPROVES_LABELS"}


def told(graph: Graph, function: str) -> dict[str, str]:
    variables = graph.one("aws:lambda/function:Function", f"lambda-{function}-test")["environment"]["variables"]
    return {name: variables[name] for name in NAMES & variables.keys()}


def sees_marks(graph: Graph, function: str) -> bool:
    policies = [each.name for each in graph.of("aws:iam/rolePolicy:RolePolicy")]
    return f"policy-{function}-read-approvals-test" in policies


@pytest.mark.parametrize("function", [*FUNCTIONS, REPORTER])
def test_one_person_is_enough_unless_somebody_asks_for_two(graph: Graph, function: str) -> None:
    assert told(graph, function) == {}
    assert not sees_marks(graph, function)
    assert not graph.outputs.keys() & {"fourEyes", "approvedRuleset", "approvedModels"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_both_functions_that_judge_know_what_needs_two_people(declare: Declare, function: str) -> None:
    graph = declare({"fraudstream:fourEyes": "lists, models, rules"})
    assert told(graph, function) == {
        "APPROVED_RULESET": program_ruleset(),
        "APPROVED_MODELS": program_models(),
        "APPROVES_LISTS": "1",
    }
    assert sees_marks(graph, function)
    assert graph.outputs["fourEyes"] == "rules,models,lists"
    only_lists = declare({"fraudstream:fourEyes": "lists"})
    assert told(only_lists, function) == {"APPROVES_LISTS": "1"}
    assert sees_marks(only_lists, function)


def test_who_reports_knows_which_ruleset_and_models_functions_judge_by(declare: Declare) -> None:
    graph = declare({"fraudstream:fourEyes": "rules,models"})
    assert told(graph, REPORTER) == {"APPROVED_RULESET": program_ruleset(), "APPROVED_MODELS": program_models()}
    assert sees_marks(graph, REPORTER)
    only_lists = declare({"fraudstream:fourEyes": "lists"})
    assert told(only_lists, REPORTER) == {}
    assert not sees_marks(only_lists, REPORTER)


@pytest.mark.parametrize(("kinds", "rings"), [("rules", True), ("models", True), ("lists,labels", False)])
def test_what_waits_for_a_week_raises_an_alarm(declare: Declare, kinds: str, *, rings: bool) -> None:
    graph = declare({"fraudstream:fourEyes": kinds})
    found = [each for each in graph.of("aws:cloudwatch/metricAlarm:MetricAlarm") if "change-waiting" in each["name"]]
    assert [(each["metricName"], each["statistic"], each["period"] * each["evaluationPeriods"]) for each in found] == (
        [("ChangeWaits", "Minimum", 7 * 86_400)] if rings else []
    )


def test_who_learns_and_who_logs_labels_know_that_they_need_two_people(declare: Declare) -> None:
    graph = declare({"fraudstream:fourEyes": "labels"})
    for function in ("fraud-analyzer", REPORTER):
        assert told(graph, function) == {"APPROVES_LABELS": "1"}
        assert sees_marks(graph, function)
    # It judges, and neither learns nor logs.
    assert told(graph, "transaction-processor") == {}
    assert not sees_marks(graph, "transaction-processor")

"""Nobody gets a service to act for somebody else (confused deputy): trust names account or resource."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infrastructure.pulumi_graph_harness import Graph, Resource

TRUST = {"aws:iam/role:Role": "assumeRolePolicy"}
RESOURCE_POLICIES = (
    "aws:kms/key:Key",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
)
CALLERS = {"aws:SourceAccount", "aws:SourceArn", "AWS:SourceArn", "kms:EncryptionContext:aws:logs:arn"}
# A service that does not say for whom it takes a role, and what keeps others out instead.
WITHOUT_A_CALLER = {
    "lambda.amazonaws.com": "whoever makes a function with the role needs iam:PassRole on it: "
    "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
    "apigateway.amazonaws.com": "the role is set for the account, which needs iam:PassRole on it: "
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
}


def statements(resource: Resource, name: str) -> list[dict[str, Any]]:
    return json.loads(resource[name])["Statement"]


def trusting(graph: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement that lets a service do something, with what it belongs to."""
    for kind, name in (*TRUST.items(), *((kind, "policy") for kind in RESOURCE_POLICIES)):
        for resource in (each for each in graph.resources if each.type == kind):
            for statement in statements(resource, name):
                if statement["Effect"] == "Allow" and "Service" in statement["Principal"]:
                    yield resource.name, statement


def open_to_others(graph: Graph) -> list[tuple[str, str]]:
    """Return what trusts a service, whomever it acts for."""
    return [
        (name, statement["Principal"]["Service"])
        for name, statement in trusting(graph)
        if not callers(statement) and statement["Principal"]["Service"] not in WITHOUT_A_CALLER
    ]


def callers(statement: dict[str, Any]) -> set[str]:
    return {key for keys in statement.get("Condition", {}).values() for key in keys} & CALLERS


@pytest.mark.parametrize("settings", ["graph", "everything", "plain"])
def test_every_service_that_is_trusted_acts_for_this_stack_only(settings: str, request: pytest.FixtureRequest) -> None:
    graph: Graph = request.getfixturevalue(settings)
    assert [*trusting(graph)]
    assert open_to_others(graph) == []


def test_a_trust_without_its_condition_is_found(graph: Graph) -> None:
    role = graph.one("aws:iam/role:Role", "role-alert-pipe-test")
    policy = json.loads(role["assumeRolePolicy"])
    del policy["Statement"][0]["Condition"]
    wider = dataclasses.replace(role, inputs={**role.inputs, "assumeRolePolicy": json.dumps(policy)})
    resources = [wider if each is role else each for each in graph.resources]
    assert open_to_others(Graph(resources=resources)) == [("role-alert-pipe-test", "pipes.amazonaws.com")]


def test_what_is_excused_is_there(everything: Graph, graph: Graph) -> None:
    excused = {
        statement["Principal"]["Service"]
        for each in (everything, graph)
        for _, statement in trusting(each)
        if not callers(statement)
    }
    assert excused <= WITHOUT_A_CALLER.keys()
    assert "lambda.amazonaws.com" in excused


@pytest.mark.parametrize("settings", ["graph", "everything", "plain"])
def test_a_service_may_call_a_function_for_one_resource_of_this_account_only(
    settings: str, request: pytest.FixtureRequest
) -> None:
    graph: Graph = request.getfixturevalue(settings)
    permissions = graph.of("aws:lambda/permission:Permission")
    assert permissions
    assert [each.name for each in permissions if not each.inputs.get("sourceArn")] == []


@pytest.mark.parametrize("settings", ["graph", "everything", "plain"])
def test_no_resource_policy_allows_anything_to_everybody_or_to_another_account(
    settings: str, request: pytest.FixtureRequest
) -> None:
    graph: Graph = request.getfixturevalue(settings)
    allowed = [
        (resource.name, principal)
        for kind in RESOURCE_POLICIES
        for resource in (each for each in graph.resources if each.type == kind)
        for statement in statements(resource, "policy")
        if statement["Effect"] == "Allow"
        and (principal := statement["Principal"]) != {"AWS": "arn:aws:iam::123456789012:root"}
        and not (isinstance(principal, dict) and principal.keys() == {"Service"})
    ]
    assert allowed == []

"""Every policy against every action on every resource: what must be allowed is, all else is refused."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from proofs.access.matrix import Policies, judge_matrix
from proofs.access.mutations import MUTATIONS, mutated
from proofs.access.places import AskedPlace, StackNames, places
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX = "-test"


@pytest.fixture(scope="module")
def policies(declare: Declare) -> Policies:
    """The statements of every role and operator policy of a stack that tells other systems."""
    graph = declare({"fraudstream:events": "all"})
    found: dict[str, list[Mapping[str, Any]]] = {
        role.name.removesuffix(SUFFIX): [] for role in graph.of("aws:iam/role:Role")
    }
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        found[policy["role"].removesuffix(SUFFIX)] += json.loads(policy["policy"])["Statement"]
    for policy in graph.of("aws:iam/policy:Policy"):
        found[policy.name.removesuffix(SUFFIX)] = json.loads(policy["policy"])["Statement"]
    return found


@pytest.fixture(scope="module")
def everywhere() -> list[AskedPlace]:
    tables = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table-"
    return places(
        StackNames(
            region=REGION,
            account=ACCOUNT,
            suffix=SUFFIX.removeprefix("-"),
            key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
            streams={
                table: f"{tables}{table}{SUFFIX}/stream/2026-01-01T00:00:00.000"
                for table in ("transactions", "alerts", "outbox")
            },
        )
    )


def test_every_role_and_operator_may_do_what_they_are_for_and_nothing_else(
    policies: Policies, everywhere: list[AskedPlace]
) -> None:
    verdict = judge_matrix(policies, everywhere)
    assert verdict.tried > 100_000
    assert (verdict.let_in, verdict.kept_out) == ([], [])


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_policy_that_is_wider_or_narrower_is_found(
    policies: Policies, everywhere: list[AskedPlace], name: str
) -> None:
    assert not judge_matrix(mutated(policies, name), everywhere, partly=True).is_exact


def test_a_role_that_nobody_says_the_purpose_of_is_found(policies: Policies, everywhere: list[AskedPlace]) -> None:
    assert not judge_matrix({**policies, "role-of-nobody": []}, everywhere).is_exact

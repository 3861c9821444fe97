"""Every policy against every action on every resource: what must be allowed is, all else is refused."""

from collections import Counter

import pytest

from infra.naming import SUFFIX_MAX_LENGTH
from proofs.access.matrix import Policies, judge_matrix
from proofs.access.mutations import MUTATIONS, mutated
from proofs.access.places import AskedPlace, StackNames, places
from tests.infrastructure.conftest import EVERYTHING
from tests.infrastructure.policies_harness import SUFFIX, policies_of
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare

INLINE_POLICIES_CHARACTERS = 10_240
"""Of a role's own policies together, without white space (IAM quotas)."""
TOLD = {"fraudstream:events": "all"}


@pytest.fixture(scope="module")
def policies(declare: Declare) -> Policies:
    """The statements of every role and operator policy of a stack that tells other systems."""
    return policies_of(declare(TOLD))


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


def test_what_is_optional_gives_nobody_more_and_is_out_of_reach(declare: Declare, everywhere: list[AskedPlace]) -> None:
    """The firewall, Athena, the audit trail and a webhook: the webhook's pipe alone may reach what is new."""
    # Where two people are asked for, functions read marks: see test_four_eyes.py.
    optional = {name: value for name, value in EVERYTHING.items() if name != "fraudstream:fourEyes"}
    verdict = judge_matrix(policies_of(declare({**optional, **TOLD})), everywhere)
    assert (verdict.let_in, verdict.kept_out) == ([], [])


def test_a_role_that_nobody_says_the_purpose_of_is_found(policies: Policies, everywhere: list[AskedPlace]) -> None:
    assert not judge_matrix({**policies, "role-of-nobody": []}, everywhere).is_exact


def test_the_policies_of_a_role_stay_below_what_iam_takes(declare: Declare) -> None:
    longest = declare({**EVERYTHING, **TOLD}, stack="x" * SUFFIX_MAX_LENGTH)
    sizes: Counter[str] = Counter()
    for policy in longest.of("aws:iam/rolePolicy:RolePolicy"):
        sizes[policy["role"]] += len("".join(policy["policy"].split()))
    assert max(sizes.values()) <= INLINE_POLICIES_CHARACTERS

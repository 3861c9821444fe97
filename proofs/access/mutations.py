"""Policies made wider or narrower, one at a time: the matrix must find each, else it counts for nothing."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from fraudstream.contract import ANALYZER, PROCESSOR, REPORTER

Policy = list[dict[str, Any]]


def _first(policy: Policy, action: str) -> dict[str, Any]:
    return next(each for each in policy if action in each["Action"])


def _wider_action(policy: Policy) -> None:
    _first(policy, "dynamodb:PutItem")["Action"] = ["dynamodb:*"]


def _wider_resource(policy: Policy) -> None:
    _first(policy, "s3:GetObject")["Resource"] = ["arn:aws:s3:::*"]


def _without_condition(action: str) -> Callable[[Policy], None]:
    return lambda policy: _first(policy, action).pop("Condition") and None


def _without_denial(policy: Policy) -> None:
    policy[:] = [each for each in policy if each["Effect"] == "Allow"]


def _without_denial_of(action: str) -> Callable[[Policy], None]:
    return lambda policy: policy.remove(
        next(each for each in policy if each["Effect"] == "Deny" and action in each["Action"])
    )


def _without_statement(policy: Policy) -> None:
    policy.remove(_first(policy, "sqs:SendMessage"))


def _one_more_action(policy: Policy) -> None:
    _first(policy, "s3:PutObject")["Action"] = ["s3:PutObject", "s3:DeleteObject"]


MUTATIONS: Final[Mapping[str, tuple[str, Callable[[Policy], None]]]] = {
    "a function may do everything with a table": (f"role-{PROCESSOR}", _wider_action),
    "a function may read every object": (f"role-{ANALYZER}", _wider_resource),
    "a function's code may use Lambda's network rights": (f"role-{PROCESSOR}", _without_denial),
    "a function may read and change every profile, not one item": (
        f"role-{REPORTER}",
        lambda policy: next(each for each in policy if "dynamodb:LeadingKeys" in str(each)).pop("Condition") and None,
    ),
    "the analyzer may write list entries": (f"role-{ANALYZER}", _without_condition("dynamodb:PutItem")),
    "the report generator may write erasure marks": (f"role-{REPORTER}", _without_denial_of("s3:PutObject")),
    "a role may use the key for itself": ("role-alert-pipe", _without_condition("kms:Decrypt")),
    "an analyst may change every attribute": ("policy-analyst", _without_condition("dynamodb:UpdateItem")),
    "a rule author may delete": ("policy-rule-author", _one_more_action),
    "dead letters cannot be written": ("role-report-schedules", _without_statement),
}
"""By what they do: whose policy is changed, and how."""


def mutated(policies: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the one policy that a mutation changes, changed."""
    principal, change = MUTATIONS[name]
    policy = copy.deepcopy(list(policies[principal]))
    change(policy)
    return {principal: policy}

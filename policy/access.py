"""Rules about who may do what."""

from collections.abc import Mapping, Sequence
from typing import Any

from policy.rule import CheckedResource, Complaints, as_list, of, resource_rule, stack_rule, statements

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
MANAGED_POLICY = "aws:iam/policy:Policy"
PERMISSION_TYPES = frozenset({"aws:iam/user:User", "aws:iam/accessKey:AccessKey", "aws:iam/group:Group"})
WITHOUT_RESOURCE: Mapping[str, str] = {
    "dynamodb:ListStreams": "AWS has no resource for it",
    "ec2:DescribeNetworkInterfaces": "AWS has no resource for it",
    "ec2:DescribeSubnets": "AWS has no resource for it",
    "xray:PutTelemetryRecords": "AWS has no resource for it",
    "xray:PutTraceSegments": "AWS has no resource for it",
}
"""The actions that may be allowed on every resource, with the reason."""
AWS_POLICIES: Mapping[str, str] = {
    "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs": (
        "API Gateway refuses an account role that lacks any right of it"
    ),
}
"""The policies of AWS's own that may be attached, with the reason."""


def check_role_policy(policy: CheckedResource) -> Complaints:
    """A policy allows exact actions on exact resources, and never to make log groups."""
    for statement in statements(policy.at("policy")):
        if statement.get("Effect") == "Allow":
            yield from _check_allowed(statement)


def _check_allowed(statement: Mapping[str, Any]) -> Complaints:
    actions = [str(action) for action in as_list(statement.get("Action"))]
    if "NotAction" in statement or "NotResource" in statement:
        yield "a statement must say what it allows, not what it does not"
    for action in actions:
        if "*" in action:
            yield f"the action {action} must be spelled out"
        if action == "logs:CreateLogGroup":
            yield "log groups belong to the stack: nothing else may make one"
    if "*" in as_list(statement.get("Resource")):
        for action in sorted(set(actions) - WITHOUT_RESOURCE.keys()):
            yield f"{action} must be allowed on exact resources"


def check_attachment(attachment: CheckedResource) -> Complaints:
    """No policy of AWS's own is attached but where AWS asks for it."""
    if attachment.at("policyArn") not in AWS_POLICIES:
        yield f"{attachment.at('policyArn')} must not be attached"


def check_role(role: CheckedResource) -> Complaints:
    """A role is assumed by one service, and its policies are resources of their own, where they are checked."""
    for inline in ("inlinePolicies", "managedPolicyArns"):
        if role.at(inline):
            yield f"{inline} must not be set"
    for statement in statements(role.at("assumeRolePolicy")):
        if set(statement.get("Principal", ())) != {"Service"}:
            yield "only a service may assume the role"


def check_people(resource: CheckedResource) -> Complaints:
    """The stack makes no users, groups or access keys."""
    yield f"{resource.type} must not be part of the stack"


def check_one_role_each(resources: Sequence[CheckedResource]) -> Complaints:
    """No two functions share a role."""
    roles = [function.at("role") for function in of(resources, "aws:lambda/function:Function")]
    if len({str(role) for role in roles}) != len(roles):
        yield "every function must have a role of its own"


RESOURCE_RULES = (
    resource_rule("role-policy", [ROLE_POLICY, MANAGED_POLICY], check_role_policy),
    resource_rule("role-attachment", [ATTACHMENT], check_attachment),
    resource_rule("role", [ROLE], check_role),
    resource_rule("no-people", PERMISSION_TYPES, check_people),
)
STACK_RULES = (stack_rule("role-each", check_one_role_each),)

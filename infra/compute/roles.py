"""IAM roles, and the statements that resources grant to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from infra.naming import StackContext


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    effect: Literal["Allow", "Deny"] = "Allow"
    conditions: Mapping[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]] | None = None
    principal: pulumi.Input[str] | Mapping[str, pulumi.Input[str]] | None = None
    """For resource policies only."""

    def to_json(self) -> dict[str, Any]:
        """Return the statement in IAM's own form; values may be outputs."""
        body: dict[str, Any] = {"Effect": self.effect, "Action": [*self.actions], "Resource": [*self.resources]}
        if self.principal is not None:
            body["Principal"] = self.principal
        if self.conditions is not None:
            body["Condition"] = self.conditions
        return body


def document(*statements: Statement) -> pulumi.Output[str]:
    """Return a policy document as JSON."""
    body = {"Version": "2012-10-17", "Statement": [statement.to_json() for statement in statements]}
    return pulumi.Output.json_dumps(body)


def tls_only(*resources: pulumi.Input[str], actions: Sequence[str]) -> Statement:
    """Return the statement of a resource's policy that denies every request without TLS."""
    return Statement(
        effect="Deny",
        principal="*",
        actions=actions,
        resources=resources,
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


class ServiceRole(pulumi.ComponentResource):
    """A role that one AWS service assumes, and the policies that were granted to it."""

    def __init__(
        self,
        place: StackContext,
        purpose: str,
        *,
        service: str,
        source_arn: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create a role without any permission.

        Args:
            place: the stack's region, account and names.
            purpose: what the role is for, as in names.
            service: the service that assumes it, such as `lambda.amazonaws.com`.
            source_arn: pattern of the resource on whose behalf the service must act, where the service says so.
            opts: Pulumi's options.
        """
        super().__init__("fraudstream:infra:ServiceRole", place.name("component", f"role-{purpose}"), None, opts)
        self._place = place
        self._purpose = purpose
        self.policies: list[pulumi.Resource] = []
        trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        if source_arn is not None:
            trust["Condition"] = {
                "StringEquals": {"aws:SourceAccount": place.account_id},
                "ArnLike": {"aws:SourceArn": source_arn},
            }
        self._role = aws.iam.Role(
            place.name("role", purpose),
            name=place.name("role", purpose),
            assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [trust]}),
            # A policy that someone attached by hand must not keep the stack from being destroyed.
            force_detach_policies=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = self._role.arn
        self.name = self._role.name
        self.register_outputs({"arn": self.arn})

    def allow(self, what: str, *statements: Statement) -> pulumi.Resource:
        """Add a policy, and return it.

        Args:
            what: what it permits, as in names.
            *statements: its statements.
        """
        name = self._place.name("policy", f"{self._purpose}-{what}")
        policy = aws.iam.RolePolicy(
            name,
            name=name,
            role=self._role.name,
            policy=document(*statements),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.policies.append(policy)
        return policy

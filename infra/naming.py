"""Every name in the stack: `{resource-type}-{purpose}-{environmentSuffix}`."""

import re
from dataclasses import dataclass
from typing import Literal

import pulumi

ResourceType = Literal[
    "account", "alarm", "alias", "api", "bucket", "catalog-table", "component", "connection", "dashboard",
    "database", "deployment", "destination", "egress", "encryption", "endpoint", "event-invoke", "event-source",
    "gateway-response",
    "integration", "key", "lambda", "lifecycle", "lock", "log-group", "method", "method-settings", "model", "object",
    "ownership", "path", "permission", "pipe", "policy", "provider", "provisioned-concurrency",
    "public-access", "query", "queue", "role",
    "route-association", "route-table", "schedule", "schedule-group", "secret", "security-group", "stage", "subnet",
    "subscription", "table", "topic", "trace", "trail", "usage-plan", "validator", "versioning", "vpc", "waf",
    "workgroup",
]  # fmt: skip
"""The first part of a name."""

SUFFIX = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SUFFIX_MAX_LENGTH = 20
"""So that the longest name, that of the bucket with an account id in it, stays under S3's 63 characters."""


@dataclass(frozen=True)
class Names:
    """Makes names for one environment."""

    suffix: str

    def of(self, resource_type: ResourceType, purpose: str) -> str:
        """Return the name of a resource, for Pulumi and for AWS alike."""
        return f"{resource_type}-{purpose}-{self.suffix}"


@dataclass(frozen=True, kw_only=True)
class StackContext:
    """A stack's region and account, and the names of its resources."""

    names: Names
    region: str
    account_id: pulumi.Output[str]

    def name(self, resource_type: ResourceType, purpose: str) -> str:
        """Return the name of a resource, for Pulumi and for AWS alike."""
        return self.names.of(resource_type, purpose)

    def arn(self, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return an ARN of this account and region, such as `arn:aws:lambda:us-east-2:123456789012:function:…`."""
        return pulumi.Output.format("arn:aws:{0}:{1}:{2}:{3}", service, self.region, self.account_id, resource)

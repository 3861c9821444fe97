"""The three functions: their roles, logs, and place in the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from fraudstream.contract import FUNCTION_TIMEOUT_SECONDS
from infra.compute.lambda_packages import Package
from infra.compute.roles import ServiceRole, Statement
from infra.data.keys import Keys
from infra.naming import StackContext
from infra.network import Network
from infra.setting_reader import FunctionSettings

LOG_RETENTION_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class FunctionDefinition:
    """What is particular to a function."""

    purpose: str
    """As in names, such as `fraud-analyzer`."""
    handler: str
    size: FunctionSettings
    package: Package
    runtime: str
    architecture: str
    scratch_mb: int
    """Size of the folder for temporary files."""
    environment: Mapping[str, Any]
    log_level: str


class FunctionRole(pulumi.ComponentResource):
    """A function's log group, and its role with what every function needs; resources grant the rest to it."""

    def __init__(
        self,
        place: StackContext,
        purpose: str,
        keys: Keys,
        *,
        has_versions: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the log group and the role.

        Args:
            place: the stack's region, account and names.
            purpose: the function's, as in names.
            keys: the stack's keys.
            has_versions: whether the function is called by an alias of its versions, whose ARNs end with more.
            opts: Pulumi's options.
        """
        super().__init__("fraudstream:infra:FunctionRole", place.name("component", f"role-{purpose}"), None, opts)
        self.purpose = purpose
        self.function_name = place.name("lambda", purpose)
        self.function_arn = place.arn("lambda", f"function:{self.function_name}")
        self._arns = [self.function_arn, *([pulumi.Output.concat(self.function_arn, ":*")] if has_versions else [])]
        child = pulumi.ResourceOptions(parent=self)
        self.log_group = make_log_group(place, purpose, keys, child)
        self.role = ServiceRole(place, purpose, service="lambda.amazonaws.com", opts=child)
        # No right to create groups: a late invocation cannot bring back what `destroy` removed.
        logs = Statement(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(pulumi.Output.concat(self.log_group.arn, ":*"),),
        )
        self.role.allow("logs", logs)
        # AWS has no resources for these actions.
        traces = Statement(actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"), resources=("*",))
        self.role.allow("traces", traces)
        self.network_rights = self.role.allow("network", *self._network_statements(place))
        """The policy by which Lambda makes the function's network interfaces, and deletes them after it."""
        keys.grant_environment(self.role, self._arns)
        self.register_outputs({})

    def _network_statements(self, place: StackContext) -> tuple[Statement, ...]:
        # Lambda makes the network interfaces in the role's name, and nobody knows their ids before: it asks for the
        # right on all of the account's.
        manage = Statement(
            actions=(
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
            ),
            resources=[place.arn("ec2", f"{kind}/*") for kind in ("network-interface", "security-group", "subnet")],
        )
        # With less than all ids of the account a function may fail to reach its network (Lambda's guide on VPCs).
        delete = Statement(actions=("ec2:DeleteNetworkInterface",), resources=(place.arn("ec2", "*/*"),))
        # AWS has no resources for these actions.
        describe = Statement(actions=("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"), resources=("*",))
        # Code that runs inside the function gets none of it.
        one, *more = self._arns
        deny = Statement(
            effect="Deny",
            actions=(*manage.actions, *delete.actions, *describe.actions),
            resources=("*",),
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": one if not more else self._arns}},
        )
        return manage, delete, describe, deny


class Function(pulumi.ComponentResource):
    """A function in the private network, with reserved concurrency, traces, and its own log group."""

    def __init__(
        self,
        place: StackContext,
        spec: FunctionDefinition,
        *,
        role: FunctionRole,
        network: Network,
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the function; its role has been granted everything by now."""
        super().__init__("fraudstream:infra:Function", place.name("component", spec.purpose), None, opts)
        self.purpose = spec.purpose
        function = aws.lambda_.Function(
            role.function_name,
            name=role.function_name,
            runtime=spec.runtime,
            architectures=[spec.architecture],
            handler=spec.handler,
            code=pulumi.FileArchive(str(spec.package.path)),
            source_code_hash=spec.package.sha256,
            publish=True if spec.size.provisioned_concurrency else None,
            role=role.role.arn,
            memory_size=spec.size.memory_mb,
            ephemeral_storage={"size": spec.scratch_mb},
            timeout=FUNCTION_TIMEOUT_SECONDS,
            reserved_concurrent_executions=spec.size.concurrency,
            environment={"variables": spec.environment},
            kms_key_arn=keys.arn,
            vpc_config={"subnet_ids": network.subnet_ids, "security_group_ids": [network.security_group_id]},
            tracing_config={"mode": "Active"},
            # Lines that are JSON stay as the functions write them. Of Lambda's own, START, END and REPORT of each
            # invocation are a third of all bytes.
            logging_config={
                "log_format": "JSON",
                "application_log_level": "INFO",
                "system_log_level": "DEBUG" if spec.log_level == "DEBUG" else "WARN",
                "log_group": role.log_group.name,
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*role.role.policies, *network.ready]),
        )
        self.name = function.name
        self.arn = function.arn
        self.invoke_arn = function.invoke_arn
        self.qualifier: str | None = None
        """The alias by which the function is called; None: by its name alone."""
        self.role = role.role
        if spec.size.provisioned_concurrency:
            self.invoke_arn = self._keep_ready(place, function, spec.size.provisioned_concurrency)
        self.register_outputs({"arn": function.arn})

    def add_alias(self, place: StackContext, name: str) -> pulumi.Output[str]:
        """Create another name of the function, and return it; rights on it are none on the function itself."""
        alias = aws.lambda_.Alias(
            place.name("alias", f"{self.purpose}-{name}"),
            name=name,
            function_name=self.name,
            function_version="$LATEST",
            opts=pulumi.ResourceOptions(parent=self),
        )
        return alias.name

    def _keep_ready(self, place: StackContext, function: aws.lambda_.Function, number: int) -> pulumi.Output[str]:
        """Keep environments of the newest version ready, and return how to invoke it by its alias."""
        self.qualifier = place.name("alias", self.purpose)
        child = pulumi.ResourceOptions(parent=self)
        alias = aws.lambda_.Alias(
            self.qualifier,
            name=self.qualifier,
            function_name=function.name,
            function_version=function.version,
            opts=child,
        )
        aws.lambda_.ProvisionedConcurrencyConfig(
            place.name("provisioned-concurrency", self.purpose),
            function_name=function.name,
            qualifier=alias.name,
            provisioned_concurrent_executions=number,
            opts=child,
        )
        return alias.invoke_arn

    def grant_invoke(self, role: ServiceRole) -> None:
        """Allow a role to invoke the function."""
        role.allow("invoke", Statement(actions=("lambda:InvokeFunction",), resources=(self.arn,)))


def make_log_group(
    place: StackContext, purpose: str, keys: Keys, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.LogGroup:
    """Create a log group that is kept for `LOG_RETENTION_DAYS` days and goes with the stack."""
    name = place.name("log-group", purpose)
    return aws.cloudwatch.LogGroup(
        name, name=name, retention_in_days=LOG_RETENTION_DAYS, kms_key_id=keys.arn, skip_destroy=False, opts=opts
    )


@dataclass(frozen=True, kw_only=True)
class StackFunctions:
    """The three functions of a stack."""

    processor: Function
    analyzer: Function
    reporter: Function

"""What a program wants the embedded services to play; it is started once the program has ended well."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from embedded_aws.specs import EventInvokeSpec, EventSourceSpec, FunctionSpec, GatewaySpec, PipeSpec, ScheduleSpec


@dataclass(frozen=True, kw_only=True)
class GatewayPlan:
    """A REST API, and the port that its URL has named already."""

    spec: GatewaySpec
    port: int


@dataclass(frozen=True, kw_only=True)
class PipePlan:
    """A pipe, and the role that it reads, publishes and gives up with."""

    spec: PipeSpec
    role_arn: str


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Allows a service to invoke a function."""

    principal: str
    function_name: str
    source_arn: str
    """With `*` for any characters."""


@dataclass
class ServicePlan:
    """Everything that ours, not ministack, is to run."""

    functions: list[FunctionSpec] = field(default_factory=list[FunctionSpec])
    event_sources: list[EventSourceSpec] = field(default_factory=list[EventSourceSpec])
    pipes: list[PipePlan] = field(default_factory=list[PipePlan])
    schedules: list[ScheduleSpec] = field(default_factory=list[ScheduleSpec])
    event_invokes: list[EventInvokeSpec] = field(default_factory=list[EventInvokeSpec])
    gateways: list[GatewayPlan] = field(default_factory=list[GatewayPlan])
    permissions: list[Permission] = field(default_factory=list[Permission])

    def may_invoke(self, principal: str, function_name: str, source_arn: str) -> bool:
        """Return whether a function lets a service invoke it on behalf of one of the service's resources."""
        return any(
            (each.principal, each.function_name) == (principal, function_name)
            and fnmatchcase(source_arn, each.source_arn)
            for each in self.permissions
        )

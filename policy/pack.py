"""The rules as a CrossGuard policy pack."""

from collections.abc import Sequence

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policy import access, conventions, edge, functions, stores
from policy.rule import CheckedResource, ResourceRule, StackRule

NAME = "fraudstream"
RULE_MODULES = (access, edge, functions, conventions, stores)


def resource_rules() -> Sequence[ResourceRule]:
    """Return every rule about single resources."""
    return [rule for module in RULE_MODULES for rule in module.RESOURCE_RULES]


def stack_rules() -> Sequence[StackRule]:
    """Return every rule about stacks."""
    return [rule for module in RULE_MODULES for rule in module.STACK_RULES]


def _resource_policy(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        resource = CheckedResource(
            type=args.resource_type, name=args.name, inputs=args.props, protect=bool(args.opts and args.opts.protect)
        )
        for complaint in rule.complaints(resource):
            report_violation(complaint, None)

    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        resources = [
            CheckedResource(
                type=resource.resource_type,
                name=resource.name,
                inputs=resource.props,
                protect=bool(resource.opts and resource.opts.protect),
            )
            for resource in args.resources
        ]
        for complaint in rule.complaints(resources):
            report_violation(complaint, None)

    return StackValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def policies() -> list[Policy]:
    """Return every rule as CrossGuard takes it."""
    return [*map(_resource_policy, resource_rules()), *map(_stack_policy, stack_rules())]

"""The Pulumi program: reads the settings, builds the stack, exports its outputs."""

import pulumi

from infra.compute.lambda_packages import build_package
from infra.data.keys import readable_keys
from infra.data.program_rules import check_program_rules
from infra.guard import refuse_loss
from infra.previous import read_previous_stack
from infra.settings import read_stack_settings
from infra.stack import Packager, build


def main(package: Packager = build_package) -> None:
    """Declare the present stack.

    Raises:
        StackSettingsError: a setting is wrong, or would take a standing stack's data.
        ProgramRulesError: the ruleset or a model in the repository cannot be used.
        PackagingError: a function's package could not be built.
    """
    previous = read_previous_stack()
    try:
        settings = read_stack_settings()
        refuse_loss(previous, settings)
        check_program_rules()
        stack = build(settings, package, readable_keys(previous.resources))
    except BaseException:
        # A program that fails exports what it has exported so far: without this, the stack would forget what it is, and
        # the next `up` would refuse nothing.
        for name, value in previous.values.items():
            pulumi.export(name, pulumi.Output.secret(value) if name in previous.secrets else value)
        raise
    for name, value in stack.outputs.items():
        pulumi.export(name, value)

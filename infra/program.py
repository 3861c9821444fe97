"""The Pulumi program: reads the settings, builds the stack, exports its outputs."""

import pulumi

from infra.compute.lambda_packages import build_package
from infra.settings import read_stack_settings
from infra.stack import Packager, build


def main(package: Packager = build_package) -> None:
    """Declare the present stack.

    Raises:
        StackSettingsError: a setting is wrong.
        PackagingError: a function's package could not be built.
    """
    stack = build(read_stack_settings(), package)
    for name, value in stack.outputs.items():
        pulumi.export(name, value)

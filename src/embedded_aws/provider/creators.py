"""The form that all methods of the provider have."""

from collections.abc import Callable

from embedded_aws.provider.inputs import Inputs
from embedded_aws.pulumi_program import Created

Create = Callable[[str, Inputs], Created]
"""Creates a resource from its logical name and its inputs."""

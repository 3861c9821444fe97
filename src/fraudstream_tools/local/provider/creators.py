"""The form that all methods of the provider have."""

from collections.abc import Callable

from fraudstream_tools.local.program import Created
from fraudstream_tools.local.provider.inputs import Inputs

Create = Callable[[str, Inputs], Created]
"""Creates a resource from its logical name and its inputs."""

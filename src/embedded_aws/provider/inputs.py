"""What a resource is declared with, and whether all of it was played."""

from collections.abc import Mapping
from typing import Any

from embedded_aws.pulumi_program import DeploymentError


class Inputs:
    """A resource's inputs. Each is read, or named as one without local meaning: the rest is an error, see `unread`."""

    def __init__(self, values: Mapping[str, Any], default_tags: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._default_tags = default_tags
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  (any JSON value)
        """Return an input that AWS requires.

        Raises:
            DeploymentError: it was not given.
        """
        self._read.add(name)
        if name not in self._values:
            raise DeploymentError(f"needs {name}")
        return self._values[name]

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  (any JSON value)
        """Return an input, or what AWS takes where it was not given."""
        self._read.add(name)
        return self._values.get(name, default)

    def skip(self, *names: str) -> None:
        """Name inputs that mean nothing on one machine, or that only a deployment's later life would need."""
        self._read.update(names)

    def tags(self) -> dict[str, str]:
        """Return the resource's tags, the provider's default ones among them."""
        return {**self._default_tags, **self.get("tags", {})}

    def tag_list(self) -> list[dict[str, str]]:
        """Return the tags as most services take them."""
        return [{"Key": key, "Value": value} for key, value in self.tags().items()]

    def unread(self) -> list[str]:
        """Return the names of inputs that nothing was made of."""
        return sorted(self._values.keys() - self._read)

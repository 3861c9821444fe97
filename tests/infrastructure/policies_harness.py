"""The policies that the Pulumi program declares, without building the functions' packages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.compute.lambda_packages import Package, Target
from proofs.access.matrix import Policies
from tests.infrastructure.pulumi_graph_harness import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX = "-test"


def empty_packages(folder: Path) -> Callable[[str, Target], Package]:
    """Give each function the same empty package; another module looks at real ones."""
    empty = folder / "function.zip"
    empty.write_bytes(b"")

    def package(function: str, target: Target) -> Package:
        del function, target
        return Package(path=empty, sha256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")

    return package


def policies_of(graph: Graph) -> Policies:
    """Give the statements of each role and operator policy, by name without the stack's suffix."""
    found: dict[str, list[Mapping[str, Any]]] = {
        role.name.removesuffix(SUFFIX): [] for role in graph.of("aws:iam/role:Role")
    }
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        found[policy["role"].removesuffix(SUFFIX)] += json.loads(policy["policy"])["Statement"]
    for policy in graph.of("aws:iam/policy:Policy"):
        found[policy.name.removesuffix(SUFFIX)] = json.loads(policy["policy"])["Statement"]
    return found

"""The actions of the services in use, of optional parts too, as AWS's service authorization reference lists them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

SERVICES: Final = (
    "athena",
    "cloudtrail",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "events",
    "execute-api",
    "glue",
    "iam",
    "kms",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "sts",
    "wafv2",
    "xray",
)


@dataclass(frozen=True)
class ServiceAction:
    """One action."""

    name: str
    """Such as `dynamodb:PutItem`."""
    has_resources: bool
    """Whether it is allowed on single resources, or on all or none."""


@cache
def actions() -> Mapping[str, Sequence[ServiceAction]]:
    """Return all actions, by service.

    Raises:
        LookupError: the linter of policies that brings the reference along is not installed.
    """
    found = find_spec("parliament")
    if found is None or found.origin is None:
        raise LookupError("the package parliament is not installed: make setup installs it")
    # Read as a file: the package itself asks for more than is installed.
    reference: list[dict[str, Any]] = json.loads(Path(found.origin).with_name("iam_definition.json").read_text())
    return {
        each["prefix"]: [
            ServiceAction(
                f"{each['prefix']}:{action['privilege']}",
                any(kind["resource_type"] for kind in action["resource_types"]),
            )
            for action in each["privileges"]
        ]
        for each in reference
        if each["prefix"] in SERVICES
    }

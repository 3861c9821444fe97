"""How the provider of random values behaves, whose values are nowhere but in Pulumi's state.

Written of pulumi-random 4.21.4 (`computeRandomBytesID` in its resources.go) and of the Terraform provider's
resource_bytes.go and resource_password.go. The engine encrypts outputs that the SDK's classes call secret, and no id.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from infra.data.keys import ENCRYPTED, READABLE

KINDS = (READABLE, ENCRYPTED)
NO_ID = "none"


class RandomValue(NamedTuple):
    """A resource of the provider's."""

    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


def drawn(kind: str, name: str, inputs: Mapping[str, Any]) -> RandomValue:
    """Return a new resource; each name has a value of its own, the same in every run."""
    value = base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()
    return _of(kind, value if kind == READABLE else value[: int(inputs["length"])], inputs)


def imported(kind: str, value: str) -> RandomValue:
    """Return the resource that an import makes of a value."""
    if kind == READABLE:
        return _of(kind, value, {"length": len(base64.b64decode(value, validate=True))})
    classes = dict.fromkeys(("lower", "number", "numeric", "special", "upper"), True)
    return _of(kind, value, {"length": len(value), **classes})


def _of(kind: str, value: str, inputs: Mapping[str, Any]) -> RandomValue:
    if kind == READABLE:
        return RandomValue(value, inputs, {"base64": value, "hex": base64.b64decode(value).hex()})
    return RandomValue(NO_ID, inputs, {"result": value, "bcryptHash": hashlib.sha256(value.encode()).hexdigest()})

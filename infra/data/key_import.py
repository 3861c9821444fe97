"""Writes the file by which `pulumi import` makes encrypted passwords of the keys that the state holds readable.

    pulumi stack export | python -m infra.data.key_import > import.json

The file has the keys in clear text: delete it after the import.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from infra.data.keys import ENCRYPTED, READABLE, name_of, readable_keys


def key_import(resources: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what `pulumi import --file` reads.

    Args:
        resources: those of a stack's exported state.
    """
    readable = readable_keys([each["urn"] for each in resources])
    keys = [each for each in resources if each["type"] == READABLE and name_of(each["urn"]) in readable]
    return {
        "nameTable": {name_of(each["parent"]): each["parent"] for each in keys},
        "resources": [
            {"type": ENCRYPTED, "name": name_of(each["urn"]), "id": each["id"], "parent": name_of(each["parent"])}
            for each in keys
        ],
    }


def main() -> None:
    """Read an exported state and write the file."""
    try:
        resources = json.load(sys.stdin)["deployment"]["resources"]
    except (ValueError, KeyError, TypeError):
        sys.exit("this reads what `pulumi stack export` prints of a stack that was deployed")
    found = key_import(resources)
    if not found["resources"]:
        sys.exit("the state holds no key readable: there is nothing to import")
    json.dump(found, sys.stdout, indent=2)


if __name__ == "__main__":
    main()

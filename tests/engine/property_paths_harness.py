"""Properties as dotted paths, such as `serverSideEncryption.kmsKeyArn`."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key of Pulumi's own objects, such as files, which are values of one piece."""


def at(properties: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path, or None."""
    value: Any = properties
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def without(properties: Mapping[str, Any], paths: AbstractSet[str]) -> dict[str, Any]:
    """Return properties without what stands at some paths."""
    return {
        key: without(value, {path.partition(".")[2] for path in paths if path.startswith(f"{key}.")})
        if isinstance(value, Mapping)
        else value
        for key, value in properties.items()
        if key not in paths
    }


def changed(old: Mapping[str, Any], new: Mapping[str, Any], *, ignored: AbstractSet[str] = frozenset()) -> set[str]:
    """Return the paths at which two sets of properties differ; lists are compared as wholes."""
    return {path for path in _changed(old, new, "") if path.split(".")[0] not in ignored}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        before: Any = old.get(key)
        after: Any = new.get(key)
        if key.startswith("__") or before == after:
            continue
        # Pulumi's own objects, such as files, are values of one piece: they carry a signature among their keys.
        objects = [each for each in (before, after) if isinstance(each, Mapping) and SIGNATURE not in each]
        if len(objects) == 2:
            yield from _changed(before, after, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"

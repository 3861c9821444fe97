"""What a rule is: a name, a sentence, and a function that yields complaints."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

Complaints = Iterator[str]


@dataclass(frozen=True, kw_only=True)
class CheckedResource:
    """A resource as a rule sees it."""

    type: str
    """Pulumi's type token, such as `aws:dynamodb/table:Table`."""
    name: str
    inputs: Mapping[str, Any]
    """By their names on the wire, which are in camel case."""
    protect: bool = False

    def at(self, path: str) -> Any:  # noqa: ANN401  (its type is known at run time only)
        """Return the value at a dotted path of the inputs, or None."""
        value: Any = self.inputs
        for part in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = cast("Mapping[str, Any]", value).get(part)
        return plain(value)

    def entries(self, path: str) -> list[dict[str, Any]]:
        """Return the objects of a list at a dotted path of the inputs; none where there is no list."""
        return self.at(path) or []


@dataclass(frozen=True, kw_only=True)
class ResourceRule:
    """A rule about single resources."""

    name: str
    description: str
    types: frozenset[str]
    """Type tokens that it is about; none at all: every type of AWS."""
    check: Callable[[CheckedResource], Complaints]

    def complaints(self, resource: CheckedResource) -> Complaints:
        """Yield what is wrong with a resource, up to what a preview does not know.

        Nothing is wrong with a resource that the rule is not about.
        """
        if resource.type in self.types if self.types else resource.type.startswith("aws:"):
            yield from self.check(resource)


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule about a stack as a whole."""

    name: str
    description: str
    check: Callable[[Sequence[CheckedResource]], Complaints]

    def complaints(self, resources: Sequence[CheckedResource]) -> Complaints:
        """Yield what is wrong with a stack, up to what a preview does not know."""
        yield from self.check(resources)


def plain(value: object) -> Any:  # noqa: ANN401  (what it is made of is known at run time only)
    """Return a value of CrossGuard's, which hides lists and objects behind its own, as plain lists and objects.

    CrossGuard raises from here where a part is not known yet, and tells that it could not apply the rule in a preview.
    """
    match value:
        case Mapping():
            return {key: plain(each) for key, each in cast("Mapping[str, object]", value).items()}
        case Sequence() if not isinstance(value, str | bytes):
            return [plain(each) for each in cast("Sequence[object]", value)]
        case _:
            return value


def must(resource: CheckedResource, expected: Mapping[str, object]) -> Complaints:
    """Complain of each dotted path of a resource that does not hold the expected value."""
    for path, value in expected.items():
        found = resource.at(path)
        if found != value:
            yield f"{path} must be {value!r}, not {found!r}"


def of(resources: Iterable[CheckedResource], kind: str) -> list[CheckedResource]:
    """Return the resources of a type."""
    return [resource for resource in resources if resource.type == kind]


def statements(document: object) -> list[dict[str, Any]]:
    """Return the statements of a policy document, which is JSON text or already decoded."""
    body: Any = json.loads(document) if isinstance(document, str) else document
    if not isinstance(body, Mapping):
        return []
    return as_list(cast("Mapping[str, Any]", body).get("Statement", []))


def as_list(value: object) -> list[Any]:
    """Return one value, or several, as a list."""
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def resource_rule(name: str, types: Iterable[str], check: Callable[[CheckedResource], Complaints]) -> ResourceRule:
    """Build a rule about resources of some types, described by the docstring of its check."""
    return ResourceRule(name=name, description=(check.__doc__ or name).strip(), types=frozenset(types), check=check)


def stack_rule(name: str, check: Callable[[Sequence[CheckedResource]], Complaints]) -> StackRule:
    """Build a rule about a stack as a whole, described by the docstring of its check."""
    return StackRule(name=name, description=(check.__doc__ or name).strip(), check=check)

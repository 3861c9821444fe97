"""Which method of an API a request is for."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from embedded_aws.specs import RouteSpec


class Router:
    """Finds routes. Literal path parts go before parameters, and those before `{proxy+}`, as in API Gateway."""

    def __init__(self, routes: Sequence[RouteSpec]) -> None:
        pairs = [(_parts(route.path), route) for route in routes]
        self._routes = sorted(pairs, key=lambda pair: _rank(pair[0]))

    def find(self, method: str, raw_path: str) -> tuple[RouteSpec, Mapping[str, str]] | None:
        """Find the route of a percent-encoded path below the stage, and return its decoded parameters too."""
        parts = _parts(raw_path)
        for wanted, route in self._routes:
            if route.http_method in {method, "ANY"}:
                parameters = _match(wanted, parts)
                if parameters is not None:
                    return route, parameters
        return None


def _parts(path: str) -> list[str]:
    return path.removeprefix("/").split("/")


def _rank(parts: Sequence[str]) -> list[int]:
    return [2 if part.endswith("+}") else int(part.startswith("{")) for part in parts]


def _match(wanted: Sequence[str], parts: Sequence[str]) -> Mapping[str, str] | None:
    parameters: dict[str, str] = {}
    for index, name in enumerate(wanted):
        if name.endswith("+}"):
            rest = "/".join(parts[index:])
            return {**parameters, name[1:-2]: unquote(rest)} if rest else None
        if index >= len(parts):
            return None
        value = unquote(parts[index])
        if name.startswith("{"):
            if not value:
                return None
            parameters[name[1:-1]] = value
        elif name != value:
            return None
    return parameters if len(wanted) == len(parts) else None

"""Runs the Pulumi program against a monitor that records what is registered, and gives the graph back."""

import functools
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from embedded_aws.pulumi_program import run_with_monitor

ACCOUNT = "123456789012"
REGION = "us-east-2"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = rpc.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as the engine was asked for it."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    """Plain values; a secret is its value, an unknown one `UNKNOWN`."""
    secrets: frozenset[str]
    parent: str
    provider: str
    depends_on: frozenset[str]
    custom: bool
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    additional_secret_outputs: frozenset[str]
    ignore_changes: tuple[str, ...]

    def __getitem__(self, name: str) -> Any:
        return self.inputs[name]


@dataclass
class Graph:
    """Everything that a run of the program registered."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)

    def of(self, kind: str) -> list[Resource]:
        """Resources of a type, such as `aws:dynamodb/table:Table`; there must be some."""
        found = [resource for resource in self.resources if resource.type == kind]
        assert found, f"there is no resource of type {kind}"
        return found

    def has(self, kind: str) -> bool:
        """Whether there is a resource of a type."""
        return any(resource.type == kind for resource in self.resources)

    def one(self, kind: str, name: str | None = None) -> Resource:
        """The only resource of a type, or of a type and name."""
        (found,) = [resource for resource in self.of(kind) if name is None or resource.name == name]
        return found

    def aws(self) -> Iterator[Resource]:
        """Resources that AWS is to make."""
        return (resource for resource in self.resources if resource.type.startswith("aws:"))

    def ancestors(self, resource: Resource) -> frozenset[str]:
        """URNs of all that must be made before a resource."""
        by_urn = {each.urn: each for each in self.resources}
        seen: set[str] = set()
        todo = [*resource.depends_on]
        while todo:
            urn = todo.pop()
            if urn not in seen and urn in by_urn:
                seen.add(urn)
                todo += by_urn[urn].depends_on
        return frozenset(seen)


def resource_class(kind: str) -> type[pulumi.Resource]:
    """The SDK's class of a type token such as `aws:lambda/function:Function`."""
    package, module, name = kind.split(":")
    folder = module.split("/")[0]
    folder = {"lambda": "lambda_", "index": ""}.get(folder, folder)
    if package == "pulumi":
        return pulumi.ProviderResource
    return getattr(importlib.import_module(f"pulumi_{package}.{folder}".rstrip(".")), name)


@functools.cache
def output_names(kind: str) -> Mapping[str, Any]:
    """A type's outputs, by their names on the wire."""
    types = resource_class(kind).__dict__
    found: dict[str, Any] = {}
    for name, value in types.items():
        if isinstance(value, property) and value.fget is not None:
            found[getattr(value.fget, "_pulumi_name", name)] = value.fget.__annotations__.get("return")
    return found


_ARNS = {
    "aws:dynamodb/table:Table": "dynamodb:{r}:{a}:table/{n}",
    "aws:sqs/queue:Queue": "sqs:{r}:{a}:{n}",
    "aws:sns/topic:Topic": "sns:{r}:{a}:{n}",
    "aws:cloudwatch/eventApiDestination:EventApiDestination": "events:{r}:{a}:api-destination/{n}/11111111-2222",
    "aws:cloudwatch/eventConnection:EventConnection": "events:{r}:{a}:connection/{n}/11111111-2222",
    "aws:lambda/function:Function": "lambda:{r}:{a}:function:{n}",
    "aws:cloudwatch/logGroup:LogGroup": "logs:{r}:{a}:log-group:{n}",
    "aws:iam/role:Role": "iam::{a}:role/{n}",
    "aws:iam/policy:Policy": "iam::{a}:policy/{n}",
    "aws:kms/key:Key": "kms:{r}:{a}:key/11111111-2222-3333-4444-555555555555",
}


def _computed(kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS would add to a resource: for each output that is a text, something that looks like it."""
    physical = inputs.get("name", name)
    found = {
        key: f"{name}-{key}"
        for key, annotation in output_names(kind).items()
        if key not in inputs
        and "str" in str(annotation)
        and not re.search(r"Sequence|Mapping|Optional", str(annotation))
    }
    if kind == "aws:s3/bucket:Bucket":
        found["arn"] = f"arn:aws:s3:::{inputs['bucket']}"
    elif "arn" in found:
        pattern = _ARNS.get(kind, "service:{r}:{a}:{n}")
        found["arn"] = "arn:aws:" + pattern.format(r=REGION, a=ACCOUNT, n=physical)
    match kind:
        case "aws:dynamodb/table:Table":
            found["streamArn"] = f"{found['arn']}/stream/2026-01-01T00:00:00.000"
        case "aws:lambda/function:Function":
            found["invokeArn"] = (
                f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{found['arn']}/invocations"
            )
        case "aws:apigateway/restApi:RestApi":
            found["executionArn"] = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a1b2c3d4e5"
        case "aws:apigateway/stage:Stage":
            found["invokeUrl"] = f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/{inputs['stageName']}"
        case "aws:sqs/queue:Queue":
            found["url"] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{physical}"
        case _:
            pass
    return found


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(rpc._special_sig_key) == SECRET


def _plain(value: Any) -> Any:
    """Take secrets out of their wrapping, and numbers that are whole as whole ones."""
    if _is_secret(value):
        return _plain(value["value"])
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


class _Recorder(mocks.MockMonitor):
    def __init__(self, graph: Graph, *, preview: bool) -> None:
        super().__init__(_NoMocks())
        self._graph = graph
        self._preview = preview

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the engine's name)
        urn = self.make_urn(request.parent, request.type, request.name)
        raw = json_format.MessageToDict(request.object)
        inputs = _plain(raw)
        identity = "" if self._preview or not request.custom else f"{request.name}-id"
        answer = struct_pb2.Struct()
        answer.CopyFrom(request.object)
        if request.type != "pulumi:pulumi:Stack":
            self._graph.resources.append(
                Resource(
                    urn=urn,
                    type=request.type,
                    name=request.name,
                    inputs=inputs,
                    secrets=frozenset(name for name, value in raw.items() if SECRET in str(value)),
                    parent=request.parent,
                    provider=request.provider or request.providers.get("aws", ""),
                    depends_on=frozenset(request.dependencies),
                    custom=request.custom,
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    delete_before_replace=request.deleteBeforeReplace,
                    additional_secret_outputs=frozenset(request.additionalSecretOutputs),
                    ignore_changes=tuple(request.ignoreChanges),
                )
            )
            if request.custom and not self._preview and not request.type.startswith("pulumi:"):
                answer.update(_computed(request.type, request.name, inputs))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=answer)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (the engine's name)
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            raw = json_format.MessageToDict(request.outputs)
            self._graph.outputs.update(_plain(raw))
            self._graph.secret_outputs.update(name for name, value in raw.items() if _is_secret(value))
        return super().RegisterResourceOutputs(request)

    def Invoke(self, request: Any) -> Any:  # noqa: N802 (the engine's name)
        answers: Mapping[str, Mapping[str, Any]] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {
                "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "id": ACCOUNT, "userId": ACCOUNT,
            },
            # Lists come in no order that anybody promises.
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": [f"{REGION}{zone}" for zone in "cab"]},
            "pulumi:pulumi:readStackOutputs": {"outputs": {}, "secretOutputNames": []},
        }  # fmt: skip
        if request.tok not in answers:
            raise AssertionError(f"the program asked for {request.tok}")
        answer = struct_pb2.Struct()
        answer.update(answers[request.tok])
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})  # pyright: ignore[reportArgumentType]  (a name that is a keyword)


class _NoMocks(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.typ)


def capture(
    program: Callable[[], None],
    config: Mapping[str, str] | None = None,
    *,
    preview: bool = False,
    stack: str = "test",
) -> Graph:
    """Run a program in a runtime of its own, and return the graph that it declared."""
    graph = Graph()
    recorder = _Recorder(graph, preview=preview)
    run_with_monitor(
        program, project="fraudstream", stack=stack, config=config or {}, monitor=recorder, dry_run=preview
    )
    return graph


Declare = Callable[..., Graph]

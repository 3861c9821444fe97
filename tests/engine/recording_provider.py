"""A provider for Pulumi's engine that creates nothing, behaves as the real one does, and remembers what it was asked.

It is served over gRPC. What it made is in `objects`, as in an account: names that must be unique are, what was
deleted is gone, and an input that is optional and computed keeps its value when it is no longer set.
"""

# ruff: noqa: N802 (the methods' names are the engine's)

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.engine.aws_outputs_harness import ACCOUNT, computed, is_tagged
from tests.engine.property_paths_harness import at, changed, without
from tests.engine.provider_rules_harness import RULES, Rule
from tests.engine.random_values_harness import KINDS, drawn, imported

ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"
CALLER = "aws:index/getCallerIdentity:getCallerIdentity"


@dataclass(frozen=True)
class Event:
    """Something that was done to a resource."""

    op: str
    """`create`, `update` or `delete`."""
    type: str
    name: str
    """Pulumi's name of the resource."""


@dataclass
class Account:
    """What is in the account, and what happened to it."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Properties by type and id."""
    events: list[Event] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    """Pulumi's names of resources that AWS refuses to make or change."""
    zones: dict[str, list[str]] = field(default_factory=dict)
    """Zones by region, where they are not a, b and c."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The properties of all objects of a type."""
        return [properties for (each, _), properties in self.objects.items() if each == kind]


def _rule(kind: str) -> Rule:
    if kind not in RULES:
        raise AssertionError(f"{kind}: say in provider_rules_harness.py what the provider does about its inputs")
    return RULES[kind]


class RecordingProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider's server; several may share an account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._region = ""
        self._default_tags: dict[str, str] = {}
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:
        del request
        # What it would say, `Configure` says too.
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    def Cancel(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()

    def Attach(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version="7.51.1")

    def GetSchema(self, request: Any, context: Any) -> Any:
        del request, context
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        del context
        # Since version 7 a region that changes replaces the resources, no longer the provider (pulumi-aws 5656).
        some = _plain(request.old_inputs) != _plain(request.news)
        outcome = provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=outcome)

    def Configure(self, request: Any, context: Any) -> Any:
        del context
        config = _plain(request.args)
        self._region = config.get("region", "")
        self._default_tags = json.loads(config.get("defaultTags", "{}")).get("tags", {})
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, context: Any) -> Any:
        del context
        _rule(_kind(request.urn))
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        del context
        rule = _rule(_kind(request.urn))
        olds, old, new = _plain(request.olds), _plain(request.old_inputs), _plain(request.news)
        # What is computed and no longer set is no change; what was never an input is compared to nothing.
        kept = {path for path in rule.keeps if at(new, path) is None}
        paths = changed(without(old, kept), without(new, kept), ignored=set(request.ignoreChanges))
        read = {path for path in rule.reads if at(olds, path) != at(new, path)}
        paths |= read - set(request.ignoreChanges)
        replaces = {path for path in paths if path.split(".")[0] in rule.replaced_by}
        if rule.regional and olds.get("region") not in (None, self._region):
            replaces.add("region")
        if "tagsAll" in olds and olds["tagsAll"] != self._all_tags(new):
            paths.add("tagsAll")
        outcome = provider_pb2.DiffResponse.DIFF_SOME if paths | replaces else provider_pb2.DiffResponse.DIFF_NONE
        # Two objects cannot have one name at the same time (the bridge's nameRequiresDeleteBeforeReplace).
        return provider_pb2.DiffResponse(
            changes=outcome,
            diffs=sorted({path.split(".")[0] for path in paths | replaces}),
            replaces=sorted(replaces),
            deleteBeforeReplace=bool(replaces) and rule.unique is not None and rule.unique not in replaces,
        )

    def Create(self, request: Any, context: Any) -> Any:
        kind, name = _kind(request.urn), _name(request.urn)
        rule = _rule(kind)
        properties = _plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        with self._lock:
            self._refuse(name, context)
            if kind in KINDS:
                made = drawn(kind, name, properties)
                self.account.events.append(Event("create", kind, name))
                return provider_pb2.CreateResponse(id=made.id, properties=_struct({**made.inputs, **made.outputs}))
            identity = str(properties.get(rule.unique, "")) if rule.unique else f"{name}-id"
            if rule.regional and not rule.global_name:
                identity = f"{self._region}/{identity}"
            if (kind, identity) in self.account.objects and kind != "aws:apigateway/account:Account":
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{kind} {identity} exists already")
            state = {**computed(kind, name, properties, self._region or "us-east-2"), **properties}
            if rule.regional:
                state["region"] = self._region
            if is_tagged(kind):
                state["tagsAll"] = self._all_tags(properties)
            self.account.objects[kind, identity] = state
            self.account.events.append(Event("create", kind, name))
        return provider_pb2.CreateResponse(id=identity, properties=_struct(state))

    def Update(self, request: Any, context: Any) -> Any:
        kind, name = _kind(request.urn), _name(request.urn)
        rule = _rule(kind)
        old, new = _plain(request.olds), _plain(request.news)
        inputs = _plain(request.old_inputs)
        gone = set(inputs) - set(new)
        state = {key: value for key, value in old.items() if key not in gone} | new
        for path in rule.keeps:
            if at(new, path) is None and (value := at(old, path)) is not None:
                *parents, last = path.split(".")
                holder = state
                for part in parents:
                    holder = holder.setdefault(part, {})
                holder[last] = value
        if "tagsAll" in old:
            state["tagsAll"] = self._all_tags(new)
        if not request.preview:
            with self._lock:
                self._refuse(name, context)
                self.account.objects[kind, request.id] = state
                self.account.events.append(Event("update", kind, name))
        return provider_pb2.UpdateResponse(properties=_struct(state))

    def Delete(self, request: Any, context: Any) -> Any:
        del context
        kind = _kind(request.urn)
        with self._lock:
            gone = self.account.objects.pop((kind, request.id), {})
            if kind == "aws:s3/bucket:Bucket" and gone.get("forceDestroy"):
                self._empty(gone["bucket"])
            self.account.events.append(Event("delete", kind, _name(request.urn)))
        return empty_pb2.Empty()

    def _empty(self, bucket: str) -> None:
        """Delete what is in a bucket, as the provider does before it deletes one with `forceDestroy`."""
        kept = {
            key: each
            for key, each in self.account.objects.items()
            if key[0] != "aws:s3/bucketObjectv2:BucketObjectv2" or each["bucket"] != bucket
        }
        self.account.objects.clear()
        self.account.objects.update(kept)

    def Read(self, request: Any, context: Any) -> Any:
        del context
        kind = _kind(request.urn)
        if kind in KINDS:
            known = request.properties.fields
            value = imported(kind, request.id)
            properties = request.properties if known else _struct({**value.inputs, **value.outputs})
            inputs = request.inputs if known else _struct(value.inputs)
            return provider_pb2.ReadResponse(id=request.id if known else value.id, properties=properties, inputs=inputs)
        found = self.account.objects.get((kind, request.id))
        if found is None:
            return provider_pb2.ReadResponse()
        inputs = {key: found[key] for key in _plain(request.inputs) if key in found}
        return provider_pb2.ReadResponse(id=request.id, properties=_struct(found), inputs=_struct(inputs))

    def Invoke(self, request: Any, context: Any) -> Any:
        answers: Mapping[str, Mapping[str, Any]] = {
            CALLER: {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "userId": ACCOUNT, "id": ACCOUNT},
            ZONES: {"names": self.account.zones.get(self._region) or [f"{self._region}{zone}" for zone in "abc"]},
        }
        if request.tok not in answers:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok} is not answered here")
        return provider_pb2.InvokeResponse(**{"return": _struct(answers[request.tok])})  # pyright: ignore[reportArgumentType]  (a name that is a keyword)

    def _all_tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        return self._default_tags | inputs.get("tags", {})

    def _refuse(self, name: str, context: Any) -> None:
        if name in self.account.failing:
            context.abort(grpc.StatusCode.UNKNOWN, f"AWS refuses {name}")


def _kind(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", maxsplit=1)[-1]


def _name(urn: str) -> str:
    return urn.split("::")[3]


def _plain(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(message)


def _struct(value: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(value)
    return struct


@contextmanager
def served(account: Account) -> Iterator[Mapping[str, int]]:
    """Serve the providers of AWS and of random values on this machine; give their ports by the providers' names."""
    ports: dict[str, int] = {}
    servers: list[grpc.Server] = []
    try:
        for package in ("aws", "random"):
            server = grpc.server(futures.ThreadPoolExecutor(32))
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(RecordingProvider(account), server)
            ports[package] = server.add_insecure_port("127.0.0.1:0")
            server.start()
            servers.append(server)
        yield ports
    finally:
        for server in servers:
            server.stop(grace=None).wait()

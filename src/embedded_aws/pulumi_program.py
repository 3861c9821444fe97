"""Runs a Pulumi program in this process: its registrations go to a provider of ours instead of to Pulumi's engine."""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import config as runtime_config
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

_STACK_TYPE = "pulumi:pulumi:Stack"
_READ_STACK_OUTPUTS = "pulumi:pulumi:readStackOutputs"
_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class DeploymentError(Exception):
    """A program cannot be deployed here; the message names the resource."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as the program asks for it."""

    type: str
    """Such as `aws:dynamodb/table:Table`."""
    name: str
    inputs: Mapping[str, Any]
    """Plain values under their names on the wire; secrets are unwrapped, assets and archives are Pulumi's."""
    provider: str = ""
    """Reference of the explicit provider, `urn::id`, or nothing."""
    is_retained: bool = False
    """Whether the engine forgets it when the stack is destroyed, and does not delete it (`retain_on_delete`)."""


@dataclass(frozen=True, kw_only=True)
class Created:
    """A resource that exists now."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was not among the inputs."""


class Provider(Protocol):
    """Creates resources and answers what a program asks of its cloud."""

    def create(self, resource: Resource, urn: str) -> Created:
        """Create a resource, or raise `DeploymentError`."""
        ...

    def call(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer an invoke such as `aws:index/getCallerIdentity:getCallerIdentity`, or raise `DeploymentError`."""
        ...


def run_program(
    program: Callable[[], object], *, project: str, stack: str, config: Mapping[str, str], provider: Provider
) -> dict[str, Any]:
    """Run a program once, with a root stack and a configuration of its own; it can be run again.

    Everything happens in the calling thread, one resource after the other, in the order that dependencies allow.

    Args:
        program: declares the resources, as the body of a Pulumi program does.
        project: the project's name.
        stack: the stack's name.
        config: settings with their namespaces, such as `{"app:size": "2"}`. Secrets are plain text here.
        provider: creates what the program declares.

    Returns:
        What the program exports, secrets unwrapped.

    Raises:
        DeploymentError: a resource could not be created.
        Exception: whatever the program itself raises.
    """
    monitor = _Monitor(provider)
    try:
        run_with_monitor(program, project=project, stack=stack, config=config, monitor=monitor)
    except Exception:
        # Pulumi wraps what the monitor raised, sometimes more than once.
        if monitor.error is not None:
            raise monitor.error from monitor.error.__cause__
        raise
    return monitor.exports


def run_with_monitor(
    program: Callable[[], object],
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    monitor: mocks.MockMonitor,
    dry_run: bool = False,
) -> None:
    """Run a program once in place of Pulumi's engine; see `run_program`.

    Args:
        program: declares the resources.
        project: the project's name.
        stack: the stack's name.
        config: settings with their namespaces.
        monitor: is told what the program declares, and answers.
        dry_run: the program is told that it is a preview.

    Raises:
        Exception: whatever the program or the monitor raises.
    """
    # Pulumi keeps its root stack, its settings and its configuration in context variables.
    contextvars.Context().run(_run, program, project, stack, config, monitor, dry_run=dry_run)


def _run(
    program: Callable[[], object],
    project: str,
    stack: str,
    config: Mapping[str, str],
    monitor: mocks.MockMonitor,
    *,
    dry_run: bool,
) -> None:
    before = settings.SETTINGS
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_InThisThread())
    # What waited for a resource that failed fails with it: said once is enough.
    loop.set_exception_handler(lambda _, what: _log.debug("%s", what.get("exception", what["message"])))
    asyncio.set_event_loop(loop)
    try:
        settings.configure(
            mocks.MockSettings(
                monitor=monitor,
                monitor_features=set(monitor.GetDeploymentInfo(empty_pb2.Empty()).supportedFeatures),  # pyright: ignore[reportUnknownMemberType]  (generated)
                engine=mocks.MockEngine(_log),
                project=project,
                stack=stack,
                dry_run=dry_run,
                organization="organization",
                callbacks=None,
            )
        )
        runtime_config.set_all_config(dict(config), secret_keys=[])
        loop.run_until_complete(run_in_stack(lambda: _discard(program())))
    finally:
        _cancel_rest(loop)
        asyncio.set_event_loop(None)
        loop.close()
        settings.SETTINGS = before


def _discard(_: object) -> None:
    """Ignore what a program returns: Pulumi would wait for a returned awaitable."""


def _cancel_rest(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


class _InThisThread(ThreadPoolExecutor):
    """Runs what is submitted at once: so the order of creation is the same every time."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  (handed on to who waits)
            future.set_exception(error)
        return future


class _NoMocks(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:  # noqa: ANN401  (the SDK's)
        raise DeploymentError(f"{args.token} is not answered here")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:  # noqa: ANN401  (the SDK's)
        raise DeploymentError(f"{args.typ} {args.name} is not created here")


class _Monitor(mocks.MockMonitor):
    """Replaces Pulumi's engine: the SDK's test double, with a provider behind it."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(_NoMocks())
        self.exports: dict[str, Any] = {}
        self.error: Exception | None = None
        self._provider = provider

    def RegisterResource(  # noqa: N802  (the engine's name)
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK_TYPE or not (request.custom or request.remote):
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        resource = Resource(
            type=request.type,
            name=request.name,
            inputs=_plain(rpc.deserialize_properties(request.object)),
            provider=request.provider,
            is_retained=request.retainOnDelete,
        )
        created = self._guarded(f"{resource.type} {resource.name}", lambda: self._provider.create(resource, urn))
        state = struct_pb2.Struct()
        state.CopyFrom(request.object)
        state.update(dict(created.outputs))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=created.id, object=state)

    def RegisterResourceOutputs(  # noqa: N802  (the engine's name)
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        if request.urn.split("::")[2] == _STACK_TYPE:
            self.exports.update(_plain(rpc.deserialize_properties(request.outputs)))
        return empty_pb2.Empty()

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802  (as above)
        raise self._fail(DeploymentError(f"{request.type} {request.name}: nothing exists here yet that could be read"))

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802  (as above)
        arguments = _plain(rpc.deserialize_properties(request.args))
        answer = resource_pb2.ResourceInvokeResponse()
        if request.tok == _READ_STACK_OUTPUTS:
            # The engine answers this one itself, of its state; here is no state, so that each run is a stack's first.
            getattr(answer, "return").update({"outputs": {}, "secretOutputNames": []})
            return answer
        # The field is called as a keyword of Python's is.
        getattr(answer, "return").update(
            self._guarded(request.tok, lambda: dict(self._provider.call(request.tok, arguments)))
        )
        return answer

    def _guarded(self, what: str, action: Callable[[], Any]) -> Any:  # noqa: ANN401  (what the action returns)
        if self.error is not None:
            raise self.error
        try:
            return action()
        except DeploymentError as error:
            raise self._fail(error) from error.__cause__
        except Exception as error:
            raise self._fail(DeploymentError(f"{what}: {error}")) from error

    def _fail(self, error: Exception) -> Exception:
        self.error = self.error or error
        return self.error


def _plain(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Unwrap secrets, at any depth, and whole numbers as such: the wire knows only floats."""
    if rpc.is_rpc_secret(value):
        return _plain(rpc.unwrap_rpc_secret(value))
    match value:
        case dict():
            return {key: _plain(each) for key, each in cast("dict[str, Any]", value).items()}
        case list():
            return [_plain(each) for each in cast("list[Any]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value

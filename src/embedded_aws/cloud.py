"""The embedded AWS: a Pulumi program, deployed on this machine for one block of code."""

import json
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.credentials import Credentials
from jsonschema import SchemaError

from embedded_aws.cleanup import ended_by_signals, state_folder
from embedded_aws.gateway.ports import GatewayPorts
from embedded_aws.gateway.server import Gateway
from embedded_aws.ministack.roles import Roles
from embedded_aws.ministack.server import MinistackServer
from embedded_aws.provider import Account, LocalProvider, ServicePlan
from embedded_aws.pulumi_program import DeploymentError, run_program
from embedded_aws.runtime.async_invocations import AsynchronousInvoker
from embedded_aws.runtime.function_runtime import FunctionRuntime
from embedded_aws.runtime.invocations import Invocation
from embedded_aws.scheduler.schedules import Scheduler
from embedded_aws.seams import Seams
from embedded_aws.streams.api_destinations import ApiDestination
from embedded_aws.streams.consumer import StreamConsumer, wait_until_quiet
from embedded_aws.streams.event_source_mapping import EventSourceMapper
from embedded_aws.streams.pipes import Pipe
from embedded_aws.unpacked import UnpackedPackages, kept_packages

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


_TURN_SECONDS: Final = 0.0005
"""A tenth of Python's own. A request passes from thread to thread here, and each has less than a millisecond to do: a
day of transactions is replayed in .8 of the time."""


class FunctionFailedError(RuntimeError):
    """A function answered with an error; the message is the function's own."""


class LocalCloud:
    """A Pulumi program, running on this machine, for one block of code.

    ```
    with LocalCloud(program=main, project="shop", stack="local", config={}, folder=Path(".local/shop")) as cloud:
        cloud.outputs["apiUrl"]
    ```

    Leaving the block, whatever the reason, ends every process and removes what was in `folder`. Everything listens on
    the loopback interface alone.

    Args:
        program: declares the resources, as the body of a Pulumi program does.
        project: the project's name.
        stack: the stack's name.
        config: the program's settings with their namespaces; secrets as plain text.
        folder: for logs and the like; made if it is not there.
        packages: where functions' packages are unpacked, and kept for the next cloud; None: in `folder`.
        enforce_iam: whether the policies of roles are evaluated.
        on_progress: called with a short text for each step.
        port: of the gateway; None takes a free one. A program with more than one stage cannot be deployed with it.
        seams: what comes between the parts.
    """

    def __init__(
        self,
        *,
        program: Callable[[], object],
        project: str,
        stack: str,
        config: Mapping[str, str],
        folder: Path,
        packages: Path | None = None,
        enforce_iam: bool = False,
        on_progress: Callable[[str], None] = lambda _: None,
        port: int | None = None,
        seams: Seams | None = None,
    ) -> None:
        self._port = port
        self._seams = seams or Seams()
        self.outputs: dict[str, Any] = {}
        self._program = program
        self._project = project
        self._stack = stack
        self._config = dict(config)
        self._folder = folder
        self._packages = packages
        self._enforce_iam = enforce_iam
        self._on_progress = on_progress
        self._resources = ExitStack()
        self._consumers: list[StreamConsumer] = []

    def __enter__(self) -> Self:
        """Deploy the program, and start what it declares.

        Raises:
            DeploymentError: the program declares what cannot be created here.
            FolderInUseError: another cloud runs in the folder.
            ServerError: ministack did not start.
            Exception: whatever the program raises.
        """
        with ExitStack() as resources:
            resources.enter_context(ended_by_signals())
            resources.enter_context(_short_turns())
            state = resources.enter_context(state_folder(self._folder.resolve()))
            ports = resources.enter_context(GatewayPorts(self._port))
            self._on_progress("starting the embedded AWS")
            server = MinistackServer(state / "aws", enforce_iam=self._enforce_iam)
            self._server = resources.enter_context(server)
            packages = (
                resources.enter_context(kept_packages(self._packages))
                if self._packages
                else UnpackedPackages(state / "packages")
            )
            provider = LocalProvider(
                Account(server),
                packages=packages,
                reserve_port=ports.reserve,
                on_progress=self._on_progress,
            )
            self.outputs = run_program(
                self._program, project=self._project, stack=self._stack, config=self._config, provider=provider
            )
            self._start(provider.finish(), state, ports, resources)
            self._on_progress("deployed")
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def endpoint_url(self) -> str:
        """Where DynamoDB, S3, SQS, SNS, KMS, IAM and STS answer."""
        return self._server.endpoint_url

    @property
    def credentials(self) -> Credentials:
        """The administrator's, for signing requests to the gateway too."""
        return self._server.credentials

    def client(self, service: str) -> Any:  # noqa: ANN401  (any service's client)
        """Build a boto3 client of a service, as the administrator."""
        return self._server.client(service)

    def streams(self) -> Any:  # noqa: ANN401  (as `MinistackServer.streams`)
        """Return a client of DynamoDB Streams, as the administrator, whose answers functions could be given."""
        return self._server.streams()

    def invoke(self, function_name: str, event: object) -> Any:  # noqa: ANN401  (any JSON value)
        """Invoke a function and give its decoded answer.

        Raises:
            FunctionFailedError: it raised, or ended otherwise without an answer.
            InvocationRefusedError: it was not reached.
        """
        return _answer(function_name, self._runtime.invoke(function_name, json.dumps(event).encode()))

    def run_schedule(self, name: str) -> Any:  # noqa: ANN401  (any JSON value)
        """Fire a schedule now and give its function's decoded answer, the last one if it is tried again.

        Raises:
            KeyError: there is no such schedule.
            FunctionFailedError: the function raised, or ended otherwise without an answer.
            InvocationRefusedError: the function was not reached.
        """
        return _answer(name, self._scheduler.run(name))

    def mappings(self, function_name: str) -> list[EventSourceMapper]:
        """Return the event source mappings that feed a function."""
        mappers = [each for each in self._consumers if isinstance(each, EventSourceMapper)]
        return [each for each in mappers if each.function_name == function_name]

    def mapping(self, identifier: str) -> EventSourceMapper:
        """Return an event source mapping by its UUID.

        Raises:
            KeyError: there is no such mapping.
        """
        mappers = [each for each in self._consumers if isinstance(each, EventSourceMapper)]
        return {each.uuid: each for each in mappers}[identifier]

    def wait_until_idle(self, timeout_seconds: float) -> None:
        """Wait until all that was written has gone through every stream's consumers, and nothing is in flight.

        Raises:
            TimeoutError: it was not so in time.
        """
        if not wait_until_quiet(self._consumers, timeout_seconds, busy=lambda: self._runtime.in_flight > 0):
            raise TimeoutError(f"the embedded AWS was still busy after {timeout_seconds:g} s")

    @property
    def function_processes(self) -> Sequence[int]:
        """The ids of the functions' processes that run now."""
        return self._runtime.process_ids

    @property
    def process_id(self) -> int:
        """The process in which DynamoDB, S3 and the others run; it leads a group of its own."""
        return self._server.process_id

    def check(self) -> None:
        """Check that DynamoDB, S3 and the others still run.

        Raises:
            ServerError: their process ended by itself, and what was stored is gone.
        """
        self._server.check()

    @property
    def lost_log(self) -> OSError | None:
        """Why lines of a function's log were lost, if some were; it names the file."""
        return self._runtime.lost_log

    def caller(self, access_key_id: str) -> str | None:
        """Return the ARN of who has an access key that was handed out; None for any other."""
        known = self._roles.known(access_key_id)
        return known.principal_arn if known else None

    def environment(self, function_name: str) -> Mapping[str, str]:
        """Return a function's environment variables, as Lambda's configuration has them.

        Raises:
            UnknownFunctionError: there is no such function.
        """
        return self._runtime.environment(function_name)

    def log_file(self, function_name: str) -> Path:
        """Return the file with what a function printed."""
        return self._runtime.log_file(function_name)

    def _start(self, plan: ServicePlan, state: Path, ports: GatewayPorts, resources: ExitStack) -> None:
        """Start what the program declared and ministack does not play."""
        self._on_progress("starting functions, streams and gateways")
        roles = self._roles = Roles(self._server)
        endpoint_url = self._seams.endpoint(self.endpoint_url)
        runtime = FunctionRuntime(state / "functions", endpoint_url, self._server.region, roles.assume)
        resources.callback(runtime.close)
        self._runtime = runtime
        self._invoke = self._seams.invoke(runtime.invoke)
        try:
            for function in plan.functions:
                runtime.create(function)
            role_of = {function.name: function.role_arn for function in plan.functions}
            invoke_later = AsynchronousInvoker(
                plan.event_invokes, runtime.invoke, lambda name: roles.client("sqs", role_of[name])
            )
            self._scheduler = Scheduler(plan.schedules, invoke_later)
            self._consumers = [*self._mappers(plan, roles, role_of), *self._pipes(plan, roles)]
            for consumer in self._consumers:
                resources.callback(consumer.close)
                consumer.start()
            self._open_gateways(plan, roles, state / "gateway", ports, resources)
        except (ValueError, SchemaError) as error:
            raise DeploymentError(str(error)) from error
        resources.callback(self._scheduler.close)
        self._scheduler.start()

    def _open_gateways(
        self, plan: ServicePlan, roles: Roles, folder: Path, ports: GatewayPorts, resources: ExitStack
    ) -> None:
        for planned in plan.gateways:
            gateway = Gateway(
                planned.spec,
                invoke=self._runtime.invoke_awaited,
                credentials=roles.known,
                folder=folder,
                port=planned.port,
            )
            resources.callback(gateway.close)
            ports.give(planned.port)
            try:
                gateway.start()
            except OSError as error:
                raise DeploymentError(f"port {planned.port} of 127.0.0.1: {error.strerror}") from error

    def _mappers(self, plan: ServicePlan, roles: Roles, role_of: Mapping[str, str]) -> Iterator[StreamConsumer]:
        # Lambda gives up what failed in the name of the function's role. It reads the stream in that name too, but
        # ministack cannot evaluate a policy on a stream: it takes every call of the Streams API to be on `*`.
        for source in plan.event_sources:
            yield EventSourceMapper(
                source,
                streams=self.streams(),
                invoke=self._invoke,
                sqs=roles.client("sqs", role_of[source.function_name]),
            )

    def _pipes(self, plan: ServicePlan, roles: Roles) -> Iterator[StreamConsumer]:
        for planned in plan.pipes:
            destination = planned.spec.destination
            yield Pipe(
                planned.spec,
                streams=self.streams(),
                publish=ApiDestination(destination).post
                if destination
                else partial(_publish, roles.client("sns", planned.role_arn)),
                sqs=roles.client("sqs", planned.role_arn),
            )


def _publish(sns: "SNSClient", topic_arn: str, message: str) -> None:
    sns.publish(TopicArn=topic_arn, Message=message)


def _answer(what: str, invocation: Invocation) -> Any:  # noqa: ANN401  (any JSON value)
    answer: Any = json.loads(invocation.payload) if invocation.payload else None
    if invocation.function_error:
        raise FunctionFailedError(f"{what}: {answer.get('errorType')}: {answer.get('errorMessage')}")
    return answer


@contextmanager
def _short_turns() -> Generator[None]:
    """Have threads take turns more often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)

"""Descriptions of the resources that the embedded services play: plain values, no Pulumi or AWS types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

HOST: Final = "127.0.0.1"
"""Where the embedded services listen: no other machine reaches them."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An access key and whom it belongs to."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    """With a time zone; none: it never expires."""
    principal_arn: str = ""
    """The user or assumed role, such as `arn:aws:iam::000000000000:user/admin`."""


RoleCredentials = Callable[[str], Credentials]
"""Returns fresh credentials of the role with an ARN."""

KnownCredentials = Callable[[str], Credentials | None]
"""Returns the credentials with an access key id, or None. Called for every signed request: it must be quick."""


@dataclass(frozen=True, kw_only=True)
class FunctionSpec:
    """A Lambda function."""

    name: str
    handler: str
    package: Path
    """Folder with the function's unpacked zip."""
    role_arn: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_seconds: float
    memory_mb: int
    reserved_concurrency: int | None = None
    log_group: str
    aliases: frozenset[str] = frozenset()
    """Names under which it can be invoked too, as `FUNCTION:ALIAS`; all are of its newest code."""


@dataclass(frozen=True, kw_only=True)
class EventSourceSpec:
    """An event source mapping from a DynamoDB stream to a function; the fields are AWS's, units in their names."""

    name: str
    stream_arn: str
    function_name: str
    batch_size: int
    batching_window_seconds: float
    parallelization_factor: int
    starting_position: str
    bisect_on_error: bool
    report_batch_item_failures: bool
    maximum_retry_attempts: int
    """-1: without end."""
    maximum_record_age_seconds: int
    """-1: without end."""
    filters: tuple[Mapping[str, Any], ...]
    """Event patterns, decoded; a record passes if any matches; none at all lets every record pass."""
    on_failure_queue_arn: str | None


@dataclass(frozen=True, kw_only=True)
class ApiDestinationSpec:
    """An EventBridge API destination, and what its connection adds to each request."""

    url: str = field(repr=False)
    method: str
    headers: Mapping[str, str] = field(repr=False)
    requests_per_second: float
    timeout_seconds: float = 5.0
    """EventBridge's own (user guide, API destinations)."""


@dataclass(frozen=True, kw_only=True)
class PipeSpec:
    """An EventBridge Pipe from a DynamoDB stream to an SNS topic or to an API destination."""

    name: str
    stream_arn: str
    target_arn: str
    destination: ApiDestinationSpec | None = None
    """None: the target is a topic."""
    batch_size: int
    starting_position: str
    filters: tuple[Mapping[str, Any], ...]
    input_template: str | None
    maximum_retry_attempts: int
    maximum_record_age_seconds: int
    dead_letter_queue_arn: str | None


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """An EventBridge Scheduler schedule that invokes a function."""

    name: str
    expression: str
    """`cron(minute hour day-of-month month day-of-week year)` or `rate(n unit)`."""
    time_zone: str
    function_name: str
    payload: str


@dataclass(frozen=True, kw_only=True)
class EventInvokeSpec:
    """What becomes of a function's asynchronous invocations that fail; what is not given is as Lambda has it."""

    function_name: str
    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: int = 21_600
    on_failure_queue_arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class RouteSpec:
    """One method of a REST API with a Lambda proxy integration."""

    http_method: str
    path: str
    """Such as `/transactions/{id}`."""
    function_name: str
    authorization: str
    """`AWS_IAM` or `NONE`."""
    api_key_required: bool = False
    body_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """JSON schema by content type; empty: bodies are not validated."""
    throttle_rate: float | None = None
    """Requests a second; none: the stage's."""
    throttle_burst: int | None = None
    timeout_seconds: float = 29.0


@dataclass(frozen=True, kw_only=True)
class GatewayResponseSpec:
    """What a REST API answers by itself: for a response type such as `THROTTLED` or `DEFAULT_4XX`."""

    response_type: str
    status_code: int | None
    headers: Mapping[str, str]
    """As AWS takes them, such as `{"gatewayresponse.header.Retry-After": "'1'"}`; plain names do too."""
    templates: Mapping[str, str]
    """Body template by content type; `$context` variables are filled in."""


@dataclass(frozen=True, kw_only=True)
class GatewaySpec:
    """A REST API behind one stage."""

    api_id: str
    api_name: str
    account_id: str
    region: str
    stage: str
    routes: tuple[RouteSpec, ...]
    responses: tuple[GatewayResponseSpec, ...]
    api_keys: tuple[str, ...] = ()
    throttle_rate: float
    """Requests a second of each method that has no rate of its own."""
    throttle_burst: int
    access_log_format: str | None = None
    """With `$context` variables; none: no access log."""
    binary_media_types: tuple[str, ...] = ()

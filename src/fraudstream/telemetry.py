"""The one place that makes loggers and metrics.

A log line is a fixed sentence from the code, and fields from a short list: ids, codes and timings. Nothing else
can be logged: the type checker refuses other names and sentences put together at run time, and at run time a value
that does not look like an id, a code or a number is withheld. Powertools writes log lines, of which hardly any request
has one; metrics, which each request has, are written here: Powertools takes 0.1 ms for a line of them.
"""

import logging
import re
import sys
import traceback
from pathlib import Path
from typing import Final, LiteralString, NamedTuple, TypedDict, Unpack, cast

import msgspec
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import METRICS_DIMENSION, METRICS_NAMESPACE
from fraudstream.settings import CommonSettings, Metric


class LogFields(TypedDict, total=False):
    """What a log line may carry beside its sentence."""

    transaction_id: str
    request_id: str
    """API Gateway's id of the request; the function's own is added to every line."""
    status: int
    codes: list[str]
    """Reason codes, or names of request fields."""
    error: str
    """Class of an exception; never its message, which may hold what a client sent."""
    where: str
    """File and line where an exception came from."""
    count: int
    failed: int
    milliseconds: float
    object_key: str
    date: str
    sequence_number: str


_FIELDS = frozenset(LogFields.__annotations__)
_LOGGABLE = re.compile(r"[A-Za-z0-9._:#/=+-]{1,256}")
_WITHHELD = "(withheld)"
_PACKAGE = Path(__file__).parent
_MOST_VALUES: Final = 100
"""Values of one metric in a line, at most: CloudWatch takes no more."""


class Log:
    """A function's log: structured lines on standard output."""

    def __init__(self, function: str, settings: CommonSettings) -> None:
        """Build the log of a function.

        Args:
            function: the function's purpose, such as `transaction-processor`.
            settings: the function's settings; they say from which level on lines are written.
        """
        self._logger = Logger(
            service=function,
            # Lambda's own setting, which is INFO too, comes before this one: what is written is decided below.
            level="INFO",
            environment=settings.environment_suffix,
            location=None,
            use_rfc3339=True,
            utc=True,
        )
        self._least = _level(settings)

    def invocation(self, request_id: str) -> None:
        """Store the request id of the Lambda invocation that the next lines belong to."""
        self._logger.append_keys(function_request_id=_safe(request_id))

    def info(self, sentence: LiteralString, **fields: Unpack[LogFields]) -> None:
        """Log that something happened as it should."""
        if self._least <= logging.INFO:
            self._logger.info(sentence, extra=_checked(fields))

    def warning(self, sentence: LiteralString, **fields: Unpack[LogFields]) -> None:
        """Log what the function could go on after."""
        if self._least <= logging.WARNING:
            self._logger.warning(sentence, extra=_checked(fields))

    def error(self, sentence: LiteralString, **fields: Unpack[LogFields]) -> None:
        """Log what the function could not do."""
        self._logger.error(sentence, extra=_checked(fields))

    def failure(self, sentence: LiteralString, exception: BaseException, **fields: Unpack[LogFields]) -> None:
        """Log an exception by its class and place; its message stays out."""
        fields["error"] = error_name(exception)
        fields["where"] = _where(exception)
        self.error(sentence, **fields)


class MetricEmitter:
    """A function's metrics, written as CloudWatch Embedded Metric Format lines when they are flushed.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    def __init__(self, settings: CommonSettings) -> None:
        """Build the metrics of the environment that the settings name."""
        self._environment = settings.environment_suffix
        self._has_sentences = _level(settings) <= logging.INFO
        self._observed: dict[Metric, _Observed] = {}
        self._said: dict[str, object] = {}

    def count(self, metric: Metric, number: int = 1) -> None:
        """Add to a metric that counts."""
        self._add(metric, "Count", number)

    def milliseconds(self, metric: Metric, duration: float) -> None:
        """Add one observation to a metric of durations, in milliseconds."""
        self._add(metric, "Milliseconds", duration)

    def level(self, metric: Metric, value: float) -> None:
        """Add one observation to a metric without a unit."""
        self._add(metric, "None", value)

    def _add(self, metric: Metric, unit: str, value: float) -> None:
        self._observed.setdefault(metric, _Observed(unit, [])).values.append(value)

    def explain(self, sentence: LiteralString, **fields: Unpack[LogFields]) -> None:
        """Write what happened into the line of the metrics, in place of a line of its own; the last one counts."""
        if self._has_sentences:
            self._said = {"level": "INFO", "message": sentence, **_checked(fields)}

    def flush(self) -> None:
        """Write what was counted since the last flush; nothing when there is nothing."""
        observed, said = self._observed, self._said
        longest = max([len(each.values) for each in observed.values()], default=0)
        for start in range(0, longest, _MOST_VALUES):
            end = start + _MOST_VALUES
            values = {metric: some for metric, each in observed.items() if (some := each.values[start:end])}
            units = [{"Name": metric, "Unit": observed[metric].unit} for metric in values]
            declared = {"Namespace": METRICS_NAMESPACE, "Dimensions": [[METRICS_DIMENSION]], "Metrics": units}
            head = {"Timestamp": epoch_milliseconds(), "CloudWatchMetrics": [declared]}
            line = {"_aws": head, METRICS_DIMENSION: self._environment, **said, **values}
            sys.stdout.write(f"{msgspec.json.encode(line).decode()}\n")
        if observed:
            self._observed, self._said = {}, {}


class _Observed(NamedTuple):
    unit: str
    values: list[float]


def _level(settings: CommonSettings) -> int:
    return logging.getLevelNamesMapping()[settings.log_level]


def error_name(error: BaseException) -> str:
    """Return an exception's name without its message: its class, and AWS's own code where it has one."""
    name = type(error).__name__
    code = error.response.get("Error", {}).get("Code", name) if isinstance(error, ClientError) else name
    return name if code == name else f"{name}:{code}"


def _where(error: BaseException) -> str:
    """Return the place in this package from which the error came, or the innermost place if it never passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    return next((f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(own or frames)), "unknown")


def _checked(fields: LogFields) -> dict[str, object]:
    if unknown := sorted(fields.keys() - _FIELDS):
        raise TypeError(f"the log has no field {', '.join(unknown)}")
    return {name: _safe(value) for name, value in fields.items()}


def _safe(value: object) -> object:
    match value:
        case int() | float():
            return value
        case str():
            return value if _LOGGABLE.fullmatch(value) else _WITHHELD
        case list():
            return [_safe(element) for element in cast("list[object]", value)]
        case _:
            return _WITHHELD

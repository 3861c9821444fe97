"""The report function, asked to do one task a call: it alone has the key of the decision log's seals and chain."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from fraudstream.aws.errors import error_code
from fraudstream.contract import FUNCTION_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

CLIENT_SETTINGS: Final[Mapping[str, Any]] = {
    "read_timeout": FUNCTION_TIMEOUT_SECONDS + 30,
    "tcp_keepalive": True,
    "retries": {"total_max_attempts": 1},
}
"""Options of botocore's `Config` for a client that calls the function: a task may take as long as Lambda lets it, and a
second call would run the same task beside the first."""
_OUT_OF_TIME: Final = "OutOfTimeError"
_NOT_STARTED: Final = frozenset(
    {"TooManyRequestsException", "EC2ThrottledException", "ResourceConflictException", "ResourceNotReadyException"}
)
"""What Lambda answers where it starts no function, since too many run or this one is being updated."""
_WAITS: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0)
"""Seconds before the next call of a function that was not started; own choice."""


class ReportFunctionError(RuntimeError):
    """The report function did not do what it was asked; the message has its own words, and where its log is."""


class UnfinishedTaskError(ReportFunctionError):
    """The report function did a part of its task, and goes on with it when it is asked again."""


@dataclass(frozen=True)
class ReportFunction:
    """The report function of a deployment."""

    client: "LambdaClient"
    name: str
    log: str = ""
    """Where its log is, in words; empty for its log group."""

    def run(self, task: str, **asked: object) -> Any:  # noqa: ANN401  (each task has an answer of its own)
        """Return the answer to a task, as JSON decodes it.

        Args:
            task: one of `TASKS` of the function's module, which says what each takes.
            **asked: what the task takes.

        Raises:
            UnfinishedTaskError: its time was over before all was done.
            ReportFunctionError: it failed.
            ClientError: AWS refuses the call.
            BotoCoreError: AWS cannot be reached.
        """
        answer = self._invoke(json.dumps({"task": task, **asked}).encode())
        content: Any = json.load(answer["Payload"])
        if "FunctionError" not in answer:
            return content
        kind = UnfinishedTaskError if content.get("errorType") == _OUT_OF_TIME else ReportFunctionError
        why = ": ".join(str(content[name]) for name in ("errorType", "errorMessage") if content.get(name))
        log = self.log or f"the log group {log_group_of(self.name)}"
        raise kind(f"the report function failed at {task}: {why or 'it did not say why'}; more is in {log}")

    def _invoke(self, payload: bytes) -> Any:  # noqa: ANN401  (boto3's own)
        """Call the function, again where Lambda has not started it: then nothing is done twice."""
        for pause in _WAITS:
            try:
                return self.client.invoke(FunctionName=self.name, Payload=payload)
            except ClientError as error:
                if error_code(error) not in _NOT_STARTED:
                    raise
            time.sleep(pause)
        return self.client.invoke(FunctionName=self.name, Payload=payload)


def log_group_of(function: str) -> str:
    """Return the name of a function's log group, such as `log-group-report-generator-dev`."""
    return function.replace("lambda-", "log-group-", 1)

"""A runtime client for machines without awslambdaric: the same protocol and the same errors, in the standard library.

It runs in the function's process as a script: nothing of this package can be imported.
"""

import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

_VERSION = "/2018-06-01/runtime"


class Context:
    """What a handler gets as its second argument."""

    def __init__(self, headers: dict[str, str]) -> None:
        environment = os.environ
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = None
        self.identity = None
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the platform ends the invocation."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


class _Api:
    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[dict[str, str], bytes]:
        self._connection.request(method, _VERSION + path, body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            sys.exit(f"the Runtime API answered {answer.status}")
        return {name.lower(): value for name, value in answer.getheaders()}, content


def _error(error: BaseException, kind: str | None = None, message: str | None = None, request_id: str = "") -> bytes:
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    report: dict[str, Any] = {
        "errorMessage": message or str(error),
        "errorType": kind or type(error).__name__,
        "requestId": request_id,
        "stackTrace": [] if kind else frames,
    }
    lines = [f"[ERROR] {report['errorType']}: {report['errorMessage']}", *(frame.rstrip("\n") for frame in frames)]
    sys.stdout.write("\r".join(lines) + "\n")
    sys.stdout.flush()
    return json.dumps(report).encode()


def _find_handler(name: str) -> Callable[[Any, Context], Any] | bytes:
    try:
        module_name, attribute = name.rsplit(".", 1)
    except ValueError as error:
        return _error(error, "Runtime.MalformedHandlerName", f"Bad handler '{name}'")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return _error(error, "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        return _error(error, "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}")
    except Exception as error:  # noqa: BLE001  (whatever a module raises is an answer to the Runtime API)
        return _error(error)
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        return _error(error, "Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")


def _answer(handler: Callable[[Any, Context], Any], event: bytes, context: Context) -> tuple[str, bytes]:
    try:
        result = handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001  (whatever a handler raises is an answer to the Runtime API)
        return "error", _error(error, request_id=context.aws_request_id)
    try:
        return "response", json.dumps(result).encode()
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return "error", _error(error, "Runtime.MarshalError", message, context.aws_request_id)


def main() -> None:
    """Serve invocations until the process is ended."""
    logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
    api = _Api()
    handler = _find_handler(os.environ["_HANDLER"])
    if isinstance(handler, bytes):
        api.call("POST", "/init/error", handler)
        sys.exit(1)
    while True:
        headers, event = api.call("GET", "/invocation/next")
        context = Context(headers)
        os.environ["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
        kind, body = _answer(handler, event, context)
        sys.stdout.flush()
        api.call("POST", f"/invocation/{context.aws_request_id}/{kind}", body)


if __name__ == "__main__":
    main()

"""Functions of real processes, for tests of the runtime."""

import json
import os
import textwrap
import time
from pathlib import Path
from typing import Any

from embedded_aws.runtime.function_runtime import FunctionRuntime
from embedded_aws.specs import Credentials, FunctionSpec
from tests.waiting_harness import PATIENCE_SECONDS

ROLE = "arn:aws:iam::000000000000:role/tester"
HANDLERS = """
    import json, os, subprocess, sys, time

    count = 0

    def echo(event, context):
        return {"event": event, "pid": os.getpid()}

    def counter(event, context):
        global count
        count += 1
        return count

    def environment(event, context):
        return dict(os.environ)

    def path(event, context):
        found = {}
        for name in ("pytest", "boto3", "fraudstream_tools", "simplejson", "awslambdaric"):
            try:
                __import__(name)
                found[name] = True
            except ImportError:
                found[name] = False
        return found

    def about(event, context):
        return {
            "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb,
            "group": context.log_group_name,
            "request": context.aws_request_id,
            "cwd": os.getcwd(),
        }

    def sleep(event, context):
        time.sleep(event["seconds"])
        return os.getpid()

    def fail(event, context):
        raise ValueError("not today")

    def leave(event, context):
        os._exit(event["status"])

    def big(event, context):
        return "x" * event["bytes"]

    def unserializable(event, context):
        return {1, 2}

    def spawn(event, context):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        return child.pid

    def talk(event, context):
        print("a line on stdout")
        print("a line on stderr", file=sys.stderr)
        for number in range(event.get("lines", 0)):
            print(event["word"] * 20, number)
        print("no newline", end="")
"""


def write_package(folder: Path) -> Path:
    """Write the functions' package, with modules that fail on import in three ways."""
    folder.mkdir()
    (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    (folder / "broken.py").write_text("import nothing_of_that_name\n")
    (folder / "raising.py").write_text("raise RuntimeError('at import')\n")
    (folder / "exiting.py").write_text("import os\nos._exit(3)\n")
    return folder


def credentials(_role_arn: str) -> Credentials:
    return Credentials(access_key_id="AKIATEST", secret_access_key="secret", session_token="token")


def spec(package: Path, handler: str, **changes: Any) -> FunctionSpec:
    values: dict[str, Any] = {
        "name": "tested",
        "handler": handler if "." in handler else f"handlers.{handler}",
        "package": package,
        "role_arn": ROLE,
        "timeout_seconds": 60.0,
        "memory_mb": 256,
        "log_group": "/aws/lambda/tested",
    }
    return FunctionSpec(**{**values, **changes})


def invoke(runtime: FunctionRuntime, event: Any = None) -> Any:
    result = runtime.invoke("tested", json.dumps(event).encode())
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def failed(runtime: FunctionRuntime, event: Any = None) -> dict[str, Any]:
    result = runtime.invoke("tested", json.dumps(event).encode())
    assert result.function_error == "Unhandled"
    return json.loads(result.payload)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)

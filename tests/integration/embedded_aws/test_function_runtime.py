"""The function runtime against what Lambda documents, with real processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from embedded_aws.runtime import function_runtime as runtime_module
from embedded_aws.runtime.function_runtime import FunctionRuntime
from embedded_aws.runtime.invocations import (
    MAXIMUM_REQUEST_BYTES,
    Invocation,
    PayloadTooLargeError,
    RuntimeClosedError,
    Throttled,
    UnknownFunctionError,
)
from embedded_aws.specs import Credentials
from tests.integration.embedded_aws.runtime_harness import (
    ROLE,
    alive,
    credentials,
    failed,
    invoke,
    spec,
    wait_until_gone,
    write_package,
)
from tests.waiting_harness import PATIENCE_SECONDS


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "package")


@pytest.fixture(params=["awslambdaric", "own loop"])
def libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every promise holds with awslambdaric, and with the loop for machines that have none."""
    if request.param == "own loop":

        def expose_nothing(folder: Path) -> Path:
            folder.mkdir(parents=True, exist_ok=True)
            return folder

        monkeypatch.setattr(runtime_module, "expose_runtime_client", expose_nothing)
    return request.param


@pytest.fixture
def runtime(tmp_path: Path, libraries: str) -> Iterator[FunctionRuntime]:
    folder = tmp_path / libraries
    runtime = FunctionRuntime(folder, "http://127.0.0.1:1", "us-east-2", credentials, max_processes=4)
    yield runtime
    runtime.close()


def test_a_handler_gets_the_event_and_its_result_comes_back(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "echo"))
    assert invoke(runtime, {"a": [1, "ü"]})["event"] == {"a": [1, "ü"]}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no second process because the first one takes long to come back for more, as on a busy machine."""
    monkeypatch.setattr(runtime_module, "_PATIENCE_SECONDS", 60)


@pytest.mark.usefixtures("patient")
def test_a_process_is_kept_warm_and_keeps_its_state(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "counter"))
    assert [invoke(runtime) for _ in range(3)] == [1, 2, 3]
    assert runtime.process_count == 1


def test_the_context_says_what_lambda_says(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "about"))
    about = invoke(runtime)
    assert about["arn"] == "arn:aws:lambda:us-east-2:000000000000:function:tested"
    assert 30_000 < about["left"] <= 60_000
    assert about["memory"] == "256"
    assert about["group"] == "/aws/lambda/tested"
    assert about["cwd"] == str(package)


def test_a_process_sees_no_variable_of_the_host(
    runtime: FunctionRuntime, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    monkeypatch.setenv("AWS_PROFILE", "of-the-host")
    runtime.create(spec(package, "environment", environment={"TABLE": "t"}))
    environment = invoke(runtime)
    assert "SECRET_OF_THE_HOST" not in environment
    assert "AWS_PROFILE" not in environment
    expected = {
        "TABLE": "t",
        "_HANDLER": "handlers.environment",
        "AWS_REGION": "us-east-2",
        "AWS_LAMBDA_FUNCTION_NAME": "tested",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tested",
        "LAMBDA_TASK_ROOT": str(package),
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    assert expected.items() <= environment.items()


def test_a_process_sees_no_package_of_the_host(runtime: FunctionRuntime, package: Path, libraries: str) -> None:
    runtime.create(spec(package, "path"))
    found = invoke(runtime)
    assert not found["pytest"]
    assert not found["boto3"]
    assert not found["fraudstream_tools"]
    assert found["awslambdaric"] == (libraries == "awslambdaric")


def test_a_variable_that_lambda_reserves_is_refused_by_name(runtime: FunctionRuntime, package: Path) -> None:
    with pytest.raises(ValueError, match="AWS_REGION"):
        runtime.create(spec(package, "echo", environment={"AWS_REGION": "eu-west-1"}))


def test_a_handler_that_raises_is_a_function_error(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "fail"))
    error = failed(runtime)
    assert error["errorType"] == "ValueError"
    assert error["errorMessage"] == "not today"
    assert any("handlers.py" in line for line in error["stackTrace"])
    assert runtime.process_count == 1, "a raised exception doesn't end the process"


def test_a_result_that_is_no_json_is_a_marshal_error(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "unserializable"))
    assert failed(runtime)["errorType"] == "Runtime.MarshalError"


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("broken.handler", "Runtime.ImportModuleError"),
        ("missing.handler", "Runtime.ImportModuleError"),
        ("handlers.nothing", "Runtime.HandlerNotFound"),
        ("raising.handler", "RuntimeError"),
        ("exiting.handler", "Runtime.ExitError"),
    ],
)
def test_an_init_failure_is_the_answer_to_the_invocation(
    runtime: FunctionRuntime, package: Path, handler: str, error_type: str
) -> None:
    runtime.create(spec(package, handler))
    assert failed(runtime)["errorType"] == error_type
    assert failed(runtime)["errorType"] == error_type, "the next invocation tries again"


def test_a_process_that_exits_is_an_exit_error_and_is_replaced(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "leave"))
    for status, words in ((0, "without providing a reason"), (7, "exit status 7")):
        error = failed(runtime, {"status": status})
        assert error["errorType"] == "Runtime.ExitError"
        assert words in error["errorMessage"]


def test_a_process_that_is_killed_while_it_waits_is_replaced(runtime: FunctionRuntime, package: Path) -> None:
    function = spec(package, "echo")
    runtime.create(function)
    for _ in range(5):
        process = invoke(runtime, {})["pid"]
        os.kill(process, signal.SIGKILL)
        # Whether its end is known by now or not, the next invocation ends as Lambda lets it.
        answer = runtime.invoke(function.name, b"{}")
        error = json.loads(answer.payload).get("errorType")
        assert error in {None, "Runtime.ExitError"}
        assert json.loads(answer.payload).get("pid") != process


def test_a_timeout_ends_the_process_and_what_it_started(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "sleep", timeout_seconds=0.4))
    pid = invoke(runtime, {"seconds": 0})
    error = failed(runtime, {"seconds": 30})
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 0.40 seconds")
    wait_until_gone(pid)
    assert invoke(runtime, {"seconds": 0}) != pid


def test_a_request_over_six_megabytes_is_refused(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "echo"))
    with pytest.raises(PayloadTooLargeError):
        runtime.invoke("tested", b" " * (MAXIMUM_REQUEST_BYTES + 1))


def test_a_response_over_six_megabytes_is_a_function_error(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "big"))
    assert len(invoke(runtime, {"bytes": 6 * 1024 * 1024})) == 6 * 1024 * 1024
    assert failed(runtime, {"bytes": 6 * 1024 * 1024 + 200})["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(invoke(runtime, {"bytes": 10})) == 10


def test_an_unknown_function_is_an_error(runtime: FunctionRuntime) -> None:
    with pytest.raises(UnknownFunctionError):
        runtime.invoke("nobody", b"{}")


def test_reserved_concurrency_throttles_what_is_over_it(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "sleep", reserved_concurrency=2))
    outcomes: list[str] = []

    def call() -> None:
        try:
            invoke(runtime, {"seconds": 1.0})
            outcomes.append("done")
        except Throttled:
            outcomes.append("throttled")

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "done", "throttled", "throttled", "throttled"]
    assert runtime.in_flight == 0


def test_a_reserved_concurrency_of_zero_stops_a_function(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "echo", reserved_concurrency=0))
    with pytest.raises(Throttled):
        runtime.invoke("tested", b"{}")


def test_invocations_beyond_the_processes_of_this_machine_wait_for_one(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "sleep"))
    with ThreadPoolExecutor(12) as pool:
        pids = list(pool.map(lambda _: invoke(runtime, {"seconds": 0.2}), range(12)))
    assert 1 < len(set(pids)) <= 4
    assert runtime.process_count <= 4


def test_every_function_gets_a_process_when_the_machine_is_full(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "sleep"))
    runtime.create(spec(package, "echo", name="other"))
    with ThreadPoolExecutor(8) as pool:
        busy = [pool.submit(invoke, runtime, {"seconds": 1.0}) for _ in range(8)]
        time.sleep(0.5)
        assert json.loads(runtime.invoke("other", b"1").payload)["event"] == 1
        for each in busy:
            each.result()


def test_an_idle_process_makes_room_for_a_busy_function(tmp_path: Path, package: Path) -> None:
    runtime = FunctionRuntime(tmp_path / "cloud", "http://127.0.0.1:1", "us-east-2", credentials, max_processes=3)
    try:
        runtime.create(spec(package, "sleep"))
        runtime.create(spec(package, "sleep", name="other"))
        with ThreadPoolExecutor(4) as pool:
            first = set(pool.map(lambda _: invoke(runtime, {"seconds": 0.5}), range(3)))
            assert len(first) == 3
            time.sleep(1.1)
            second = list(pool.map(lambda _: runtime.invoke("other", b'{"seconds": 0.8}').payload, range(2)))
        assert len(set(second)) == 2
        assert runtime.process_count <= 3
    finally:
        runtime.close()


def test_the_log_has_whole_lines_between_start_and_report(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "talk"))
    invoke(runtime, {})
    lines = runtime.log_file("tested").read_text().splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[0].endswith("Version: $LATEST")
    assert "a line on stdout" in lines
    assert "a line on stderr" in lines
    assert lines[-3] == "no newline"
    assert lines[-2].startswith("END RequestId: ")
    assert lines[-1].startswith("REPORT RequestId: ")
    assert "Init Duration" in lines[-1]
    assert "Memory Size: 256 MB" in lines[-1]


def test_a_function_goes_on_where_its_log_cannot_be_written(runtime: FunctionRuntime, package: Path) -> None:
    runtime.log_file("tested").symlink_to("/dev/full")
    runtime.create(spec(package, "talk"))
    assert [invoke(runtime, {"lines": 3, "word": "a"}) for _ in range(2)] == [None, None]
    assert runtime.lost_log is not None
    assert runtime.lost_log.filename == str(runtime.log_file("tested"))


def test_lines_of_concurrent_processes_are_not_cut(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "talk"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda word: invoke(runtime, {"word": word, "lines": 300}), "abcd"))
    printed = [line for line in runtime.log_file("tested").read_text().splitlines() if line[:2] in {"aa", "bb", "cc"}]
    assert len(printed) == 900
    assert all(len(set(line.split()[0])) == 1 for line in printed)


def test_a_process_is_replaced_before_its_credentials_expire(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as the one that is replaced stops another one from being started, so that it is short here.
    monkeypatch.setattr(runtime_module, "_PATIENCE_SECONDS", 5)
    given: list[str] = []

    def short_lived(_role_arn: str) -> Credentials:
        given.append(f"AKIA{len(given)}")
        # The first pair is about to expire when it is used for the second time.
        lifetime = timedelta(minutes=5, seconds=10.5) if len(given) == 1 else timedelta(hours=1)
        return Credentials(access_key_id=given[-1], secret_access_key="s", expires_at=datetime.now(UTC) + lifetime)

    runtime = FunctionRuntime(tmp_path / "cloud", "http://127.0.0.1:1", "us-east-2", short_lived)
    try:
        runtime.create(spec(package, "environment", timeout_seconds=10.0))
        assert invoke(runtime)["AWS_ACCESS_KEY_ID"] == "AKIA0"
        time.sleep(0.6)
        assert invoke(runtime)["AWS_ACCESS_KEY_ID"] == "AKIA1"
        assert invoke(runtime)["AWS_ACCESS_KEY_ID"] == "AKIA1"
        assert runtime.process_count == 1
    finally:
        runtime.close()


def test_credentials_that_cannot_be_had_fail_the_invocation(tmp_path: Path, package: Path) -> None:
    def refuse(_role_arn: str) -> Credentials:
        raise PermissionError("no such role")

    runtime = FunctionRuntime(tmp_path / "cloud", "http://127.0.0.1:1", "us-east-2", refuse)
    try:
        runtime.create(spec(package, "echo"))
        with pytest.raises(PermissionError, match="no such role"):
            runtime.invoke("tested", b"{}")
    finally:
        runtime.close()


def test_closing_ends_busy_processes_and_fails_their_invocations(runtime: FunctionRuntime, package: Path) -> None:
    runtime.create(spec(package, "sleep"))
    runtime.create(spec(package, "spawn", name="spawning"))
    pid = invoke(runtime, {"seconds": 0})
    child = json.loads(runtime.invoke("spawning", b"{}").payload)
    outcome: list[Invocation | Exception] = []

    def call() -> None:
        try:
            outcome.append(runtime.invoke("tested", b'{"seconds": 60}'))
        except RuntimeClosedError as error:
            outcome.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.2)
    started = time.monotonic()
    runtime.close()
    thread.join()
    assert time.monotonic() - started < 30
    assert isinstance(outcome[0], RuntimeClosedError)
    wait_until_gone(pid)
    wait_until_gone(child)
    with pytest.raises(RuntimeClosedError):
        runtime.invoke("tested", b"{}")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only a waiting process notices")
def test_processes_die_with_a_runtime_that_is_killed(tmp_path: Path, package: Path) -> None:
    script = f"""
        import sys, threading, time
        from pathlib import Path
        from embedded_aws.runtime.function_runtime import FunctionRuntime
        from embedded_aws.specs import Credentials, FunctionSpec
        runtime = FunctionRuntime(Path({str(tmp_path / "cloud")!r}), "http://127.0.0.1:1", "us-east-2",
            lambda role: Credentials(access_key_id="a", secret_access_key="s"))
        runtime.create(FunctionSpec(name="tested", handler="handlers.sleep", package=Path({str(package)!r}),
            role_arn={ROLE!r}, timeout_seconds=60.0, memory_mb=128, log_group="g"))
        print(runtime.invoke("tested", b'{{"seconds": 0}}').payload.decode(), flush=True)
        runtime.invoke("tested", b'{{"seconds": 60}}')
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until_gone(pid)


def test_closing_leaves_no_connection_of_a_process_that_was_just_connecting(
    runtime: FunctionRuntime, package: Path
) -> None:
    runtime.create(spec(package, "environment"))
    host, _, port = invoke(runtime)["AWS_LAMBDA_RUNTIME_API"].partition(":")
    # The runtime begins to close in the moment in which it accepts them.
    busy = threading.Event()
    runtime._loop.call_soon_threadsafe(lambda: (busy.set(), time.sleep(0.2)))
    busy.wait()
    clients = [socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) for _ in range(5)]
    closing = threading.Thread(target=runtime.close, daemon=True)
    closing.start()
    closing.join(timeout=PATIENCE_SECONDS)
    assert not closing.is_alive()
    for client in clients:
        with client, contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""

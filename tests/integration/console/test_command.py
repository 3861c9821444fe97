"""The command: it serves this machine alone, prints a link that works, ends by Ctrl-C, and leaves nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.console_harness import PROFILES, words
from tests.integration.cli.review_harness import ALERTS, BUCKET, TRANSACTIONS, System
from tests.waiting_harness import PATIENCE_SECONDS


@pytest.fixture
def variables(aws: MinistackServer, system: System) -> dict[str, str]:
    system.alert("t-1")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FRAUDSTREAM_"))},
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": aws.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": aws.credentials.secret_key,
        "FRAUDSTREAM_TRANSACTIONS_TABLE": TRANSACTIONS,
        "FRAUDSTREAM_ALERTS_TABLE": ALERTS,
        "FRAUDSTREAM_PROFILES_TABLE": PROFILES,
        "FRAUDSTREAM_BUCKET": BUCKET,
    }


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_the_console_until_ctrl_c_or_sigterm(
    variables: dict[str, str], tmp_path: Path, ending: signal.Signals
) -> None:
    variables["TMPDIR"] = str(tmp_path)
    start = "from fraudstream_tools.cli.main import main; main()"
    command = [sys.executable, "-c", start, "console", "--no-open"]
    with subprocess.Popen(
        command, env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stderr
        link = running.stdout.readline().strip()
        try:
            assert link.startswith("http://127.0.0.1:")
            with httpx.Client(base_url=link.partition("/enter")[0]) as client:
                assert client.get("/").status_code == 401
                assert client.get(link).status_code == 200
                assert "1 open case: 1 that nobody has" in words(client.get("/").text)
                assert "server" not in client.get("/").headers
        finally:
            running.send_signal(ending)
        said = running.stderr.read()
        assert running.wait(PATIENCE_SECONDS) == 0
    assert "Ctrl-C ends it" in said
    assert "Traceback" not in said
    assert link.partition("token=")[2] not in said
    assert list(tmp_path.iterdir()) == []

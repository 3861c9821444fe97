"""`fraudstream local` looks at what stands in its way before it deploys anything."""

import errno
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedded_aws.cleanup import is_in_use, state_folder
from fraudstream_tools.cli.local_system import local
from fraudstream_tools.cli.support.local.refused_rulesets import RefusalWatch
from tests.cli_harness import Command, clean_environment


@pytest.fixture
def fraudstream(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command in what looks like a checkout, with a program that nobody can import."""
    clean_environment(monkeypatch)
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "program.py").write_text("raise AssertionError")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_a_second_one_is_refused_before_anything_is_deployed(fraudstream: Command, tmp_path: Path) -> None:
    folder = tmp_path / ".local" / "local"
    with state_folder(folder):
        ran = fraudstream("local")
        assert is_in_use(folder)
    assert ran.code == 1
    assert ran.err == (
        f"error: a `fraudstream local` already runs in {folder}: use that one, or stop it with Ctrl-C in its terminal\n"
    )
    assert not is_in_use(folder)


@pytest.mark.parametrize("command", ["local", "console"])
def test_a_port_that_another_program_has_is_named(fraudstream: Command, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ran = fraudstream(command, "--port", other.getsockname()[1])
    assert ran.code == 1
    assert "Address already in use; stop the program that has it, or give another port" in ran.err


@pytest.mark.parametrize(
    ("command", "path", "said"),
    [
        ("demo", "demo-report", "is no folder; choose another place"),
        ("demo", "demo-report/report.csv", "it is a folder; name a file in it"),
        ("local", "outputs.json", "it is a folder; name a file in it"),
    ],
)
def test_what_cannot_be_written_is_known_first(
    fraudstream: Command, tmp_path: Path, command: str, path: str, said: str
) -> None:
    in_the_way = tmp_path / ".local" / path
    in_the_way.parent.mkdir(parents=True)
    if in_the_way.suffix:
        in_the_way.mkdir()
    else:
        in_the_way.touch()
    ran = fraudstream(command)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {in_the_way}")
    assert said in ran.err


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_wrong_usage(fraudstream: Command, port: str) -> None:
    assert fraudstream("local", "--port", port).code == 2


def test_that_the_logs_are_lost_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter([None, None, None])

    def check() -> None:
        if next(looks, "ended") == "ended":
            raise KeyboardInterrupt

    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "logs/analyzer.log")
    cloud: Any = SimpleNamespace(check=check, lost_log=full)
    monkeypatch.setattr(RefusalWatch, "of", lambda _: SimpleNamespace(news=lambda: None))
    monkeypatch.setattr(local, "_LOOK_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        local._tell_troubles(cloud)
    said = capsys.readouterr().err
    assert said.count("warning: lines of the functions' logs are lost") == 1
    assert "logs/analyzer.log: No space left on device" in said

"""Output that nobody reads any more, as behind `| head`, ends a command quietly, as SIGPIPE ends others."""

import os
import subprocess
import sys

import pytest


def ended_unread(*arguments: str, with_errors: bool = False) -> tuple[int, str]:
    """Run a command whose output nobody reads; give its exit code, and what it says on standard error."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    code = f"from fraudstream_tools.cli.main import main; main({list(arguments)})"
    try:
        ran = subprocess.run(
            [sys.executable, "-c", code],
            stdout=write_end,
            stderr=write_end if with_errors else subprocess.PIPE,
            text=True,
            check=False,
            # As people have it: what is short is written at the end alone.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
    finally:
        os.close(write_end)
    return ran.returncode, ran.stderr or ""


@pytest.mark.parametrize("command", ["openapi", "files maps --json", "files maps", "files maps sparkov", "--help"])
def test_a_command_that_nobody_listens_to_ends_quietly(command: str) -> None:
    assert ended_unread(*command.split()) == (141, "")


def test_an_error_that_nobody_reads_ends_a_command_quietly() -> None:
    assert ended_unread("files", "maps", "no-such-map", with_errors=True) == (141, "")


def test_a_failure_is_said_where_only_the_output_is_unread() -> None:
    code, said = ended_unread("files", "maps", "no-such-map")
    assert code == 1
    assert "there is no map called no-such-map" in said

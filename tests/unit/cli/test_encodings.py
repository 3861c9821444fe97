"""Output in an encoding that lacks some characters, as terminals and cron jobs of older systems have it."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
from fraudstream_tools.cli.main import app, main
from fraudstream_tools.cli.support.terminal.output import out, print_json

app.command("say")(lambda: out.print("Ann \u2022 \u4e2d"))
app.command("tell")(lambda: print_json({"name": "M\u00fcller \u4e2d"}))
main()
"""


def printed(command: str, encoding: str) -> bytes:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PROGRAM, command], capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_lacks_is_spelled_out(encoding: str) -> None:
    assert printed("say", encoding) == b"Ann \\u2022 \\u4e2d\n"


def test_in_utf_8_every_character_is_itself() -> None:
    assert printed("say", "utf-8").decode() == "Ann \u2022 \u4e2d\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_can_be_read_whatever_the_encoding(encoding: str) -> None:
    assert json.loads(printed("tell", encoding)) == {"name": "M\u00fcller \u4e2d"}

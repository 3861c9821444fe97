"""The command's start: what is pressed while its modules load is no fault of the program."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.waiting_harness import PATIENCE_SECONDS

CODE = """
import sys
class Pressed:
    def find_spec(self, name, *_):
        if name == "fraudstream_tools.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
from fraudstream_tools.cli.start import start
start()
"""

LOST = """
import os, signal, time
from fraudstream_tools.cli.main import app, main
# Where the tests were started with SIGINT ignored, so is it here.
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.NUMBER)
        time.sleep(0)
@app.command("wait")
def wait():
    Finalized()
    time.sleep(PATIENCE)
main()
"""
"""Python drops what a finalizer raises, and prints a traceback."""


def test_ctrl_c_while_modules_load_ends_it_with_a_line() -> None:
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (130, "error: stopped by Ctrl-C\n")


@pytest.mark.parametrize(("number", "code", "name"), [("SIGINT", 130, "Ctrl-C"), ("SIGTERM", 143, "SIGTERM")])
def test_ctrl_c_is_not_lost_in_a_finalizer(number: str, code: int, name: str) -> None:
    program = LOST.replace("NUMBER", number).replace("PATIENCE", str(PATIENCE_SECONDS))
    ran = subprocess.run([sys.executable, "-c", program, "wait"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (code, f"error: stopped by {name}\n")


def test_what_is_installed_starts_there() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["fraudstream"] == "fraudstream_tools.cli.start:start"

"""The command's start: what is pressed while its modules load is no fault of the program."""

import subprocess
import sys
import tomllib
from pathlib import Path

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


def test_ctrl_c_while_modules_load_ends_it_with_a_line() -> None:
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (130, "error: stopped by Ctrl-C\n")


def test_what_is_installed_starts_there() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["fraudstream"] == "fraudstream_tools.cli.start:start"

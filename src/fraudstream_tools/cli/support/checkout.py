"""The checkout that a command runs in: some commands need the Pulumi program, which is not part of the package."""

import sys
from pathlib import Path

from fraudstream_tools.cli.support.terminal.output import CommandError


def enter_checkout() -> Path:
    """Make the Pulumi program importable, and return the checkout's folder.

    Raises:
        CommandError: neither the present folder nor one above it is a checkout of fraudstream.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "infra" / "program.py").is_file():
            if str(folder) not in sys.path:
                sys.path.append(str(folder))
            return folder
    raise CommandError("this needs the Pulumi program: run it in a checkout of fraudstream")

"""Where the `fraudstream` command starts: its modules take a second or two to load, and Ctrl-C may come meanwhile."""

import sys


def start() -> None:
    """Load the command and run it, and end the process.

    Raises:
        SystemExit: always, as `main` says.
    """
    try:
        from fraudstream_tools.cli.main import main
    except KeyboardInterrupt:
        sys.stderr.write("error: stopped by Ctrl-C\n")
        sys.exit(130)
    main()

"""The `fraudstream` command."""

import importlib.metadata
import os
import sys
from typing import Annotated, Final, NoReturn, TextIO

import typer
from rich.text import Text

from fraudstream_tools.cli.local_system import demo, local
from fraudstream_tools.cli.log_and_reports import ask, log, report
from fraudstream_tools.cli.models import breaker, evaluate, models, promote, thresholds, train
from fraudstream_tools.cli.privacy import erase, tokens
from fraudstream_tools.cli.recovery import events, profiles, redrive, restore
from fraudstream_tools.cli.review import alerts, audit, cases, console, label, labels
from fraudstream_tools.cli.rules_and_lists import backtest, lists, rules
from fraudstream_tools.cli.stack import cost, leftovers, preflight, sizing
from fraudstream_tools.cli.support.terminal.failures import TRACEBACK, ctrl_c_as_such, fault, sentence
from fraudstream_tools.cli.support.terminal.output import (
    CommandError,
    StoppedError,
    err,
    spell_out_what_cannot_be_shown,
)
from fraudstream_tools.cli.support.terminal.signals import ended_like_ctrl_c
from fraudstream_tools.cli.support.terminal.wrong_usage import Commands
from fraudstream_tools.cli.transactions import files, get, openapi, replay, search, simulate, submit

_INTERRUPTED: Final = 130
"""The exit code that shells give to what Ctrl-C ended."""
_SIGNALLED: Final = 128
"""What shells add to a signal's number, for the exit code of what it ended."""
_CTRL_C: Final = "Ctrl-C"
_UNREAD: Final = 141
"""The exit code that shells give to what wrote for nobody, by SIGPIPE: Python ignores that signal, for its sockets."""

app = typer.Typer(
    name="fraudstream",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""
Catch fraud in payment transactions as they come in.

Start with `fraudstream demo`: it deploys the whole system on this machine, replays a day of transactions and shows what
was decided and why. `fraudstream local` leaves one running, and every other command finds it:

    fraudstream local                                   # in one terminal
    fraudstream submit --amount 12.50 --currency EUR    # in another
    fraudstream replay history.parquet --shift-to-now

On AWS, check the account first (`fraudstream preflight`), deploy with `pulumi up`, and name the stack: `--stack dev`.
""",
)
for command in (
    demo,
    local,
    submit,
    get,
    simulate,
    replay,
    files,
    rules,
    search,
    lists,
    backtest,
    evaluate,
    cases,
    train,
    promote,
    models,
    thresholds,
    breaker,
    labels,
    label,
    redrive,
    alerts,
    console,
    audit,
    report,
    log,
    ask,
    restore,
    profiles,
    erase,
    events,
    tokens,
    preflight,
    cost,
    sizing,
    leftovers,
    openapi,
):
    command.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fraudstream {importlib.metadata.version('fraudstream')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accept `--version`, the only option that comes before the commands."""
    del version  # its callback has dealt with it


def main(arguments: list[str] | None = None) -> None:
    """Run the command, and end the process.

    Args:
        arguments: what follows `fraudstream` on the command line; None for the process's own arguments.

    Raises:
        SystemExit: always. 0: all is well; 1: something failed and was named on standard error; 2: wrong usage;
            130: Ctrl-C; 143: SIGTERM, 129: SIGHUP; 141: nobody reads the output any more, as behind `| head`.
    """
    spell_out_what_cannot_be_shown()
    try:
        _run(arguments)
    except SystemExit as ended:
        # What is buffered still is written now: at the interpreter's end, nobody could deal with its failure.
        is_unread = [_is_unread(stream) for stream in (sys.stdout, sys.stderr)]
        if any(is_unread) or isinstance(ended.__context__, BrokenPipeError):
            sys.exit(_UNREAD)
        raise


def _is_unread(stream: TextIO) -> bool:
    """Return whether nobody reads a stream any more; what is left for it then goes nowhere."""
    try:
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return True
    return False


def _run(arguments: list[str] | None) -> None:
    with ended_like_ctrl_c() as came:
        try:
            _run_until_stopped(arguments)
        except StoppedError as error:
            if came:
                # Commands know that they are stopped, and not by what.
                _fail(str(error).replace(_CTRL_C, came[0].name), code=_SIGNALLED + came[0])
            _fail(str(error), code=_INTERRUPTED)


def _run_until_stopped(arguments: list[str] | None) -> None:
    try:
        with ctrl_c_as_such():
            app(arguments)
    except StoppedError:
        raise
    except CommandError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise StoppedError(f"stopped by {_CTRL_C}") from None
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            raise StoppedError(f"stopped by {_CTRL_C}") from None
        raise
    except Exception as error:
        if (known := sentence(error)) is not None:
            _fail(known)
        if os.environ.get(TRACEBACK):
            raise
        _fail(fault(error))


def _fail(message: str, code: int = 1) -> NoReturn:
    err.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    sys.exit(code)

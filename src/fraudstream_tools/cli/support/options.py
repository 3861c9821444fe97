"""Options that several commands share."""

from collections.abc import Mapping
from typing import Annotated

import typer

from fraudstream.counts import word_for
from fraudstream_tools.cli.support.terminal.output import CommandError


def _checked_source(source: str) -> str:
    """Return a label's source; it is recorded and printed before anybody else looks at it."""
    from fraudstream.transactions.decisions.label_sources import SOURCE_MUST_BE, is_source

    if not is_source(source):
        raise typer.BadParameter(f"write {SOURCE_MUST_BE}")
    return source


StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="NAME",
        envvar="FRAUDSTREAM_STACK",
        help="The Pulumi stack to use; without it, the one that `fraudstream local` runs, or else the selected one.",
    ),
]
ApiOption = Annotated[
    str | None,
    typer.Option("--api", metavar="URL", help="The API's URL, as `pulumi stack output apiUrl` prints it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for other programs to read.")]
TruthOption = Annotated[
    bool | None,
    typer.Option("--fraud/--legitimate", help="Whether the transaction was fraud or legitimate.", show_default=False),
]
SourceOption = Annotated[
    str,
    typer.Option(
        "--source",
        callback=_checked_source,
        help="Source of the label: analyst, chargeback, customer, or a code of your own.",
    ),
]
TruthMapOption = Annotated[
    str | None,
    typer.Option("--truth-map", metavar="MAP", help="The same for the file of --truth."),
]
MapOption = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="MAP",
        help="Which column is which field: a .yaml file, or the name of one that `fraudstream files maps` lists.",
    ),
]
TypeOption = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help="Which kind of fraud, such as STOLEN_CARD_DATA or FIRST_PARTY."),
]


def refuse_unused(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would change nothing, so that nobody takes a result for what it is not.

    Args:
        given: by the options' names, None for those that were not given.
        why: what they are for.

    Raises:
        CommandError: some were given.
    """
    unused = [name for name, value in given.items() if value is not None]
    if unused:
        raise CommandError(f"{' and '.join(unused)} {word_for(len(unused), 'is', 'are')} {why}")

"""`fraudstream files`: files that other programs wrote."""

from pathlib import Path
from typing import Annotated

import typer

from fraudstream_tools.cli.support.files.file_problems import file_problems
from fraudstream_tools.cli.support.files.output_files import write_output
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

app = typer.Typer(
    name="files",
    no_args_is_help=True,
    help="Read files that other programs wrote: which of their columns is which field of a transaction.",
)


def register(root: typer.Typer) -> None:
    """Add this module's commands."""
    root.add_typer(app)


@app.command()
def suggest(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet; compressed .jsonl.gz and .csv.gz too.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="MAP.yaml", help="The file to write; without it, the map is printed."),
    ] = None,
) -> None:
    """Write a first map for a file, by looking at its columns and first thousand rows.

    Guesses are marked by comments in the map and are printed: read them, then try the map with --check.

    ```
    fraudstream files suggest payments.csv --output payments.yaml
    fraudstream replay payments.csv --map payments.yaml --check
    ```
    """
    from fraudstream_tools.lab.files.mapping.suggest import suggest as lab

    if output is not None and output.exists():
        raise CommandError(f"{output} is there already, and may hold your work: choose another name")
    with file_problems():
        suggestion = lab(file)
    if output is None:
        typer.echo(suggestion.text, nl=False)
    else:
        write_output(output, suggestion.text)
    if suggestion.shipped:
        err.print(f"this is the layout of a map that comes with fraudstream: --map {suggestion.shipped} is enough")
    for point in suggestion.to_do:
        err.print(f"look at {point}", soft_wrap=True)


@app.command()
def maps(
    name: Annotated[str | None, typer.Argument(help="Print this map, as a start for one of your own.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the maps that come with fraudstream, or print one.

    ```
    fraudstream files maps
    fraudstream files maps stripe-charges > my-stripe.yaml
    ```
    """
    from fraudstream_tools.lab.files.mapping import file_map as lab

    with file_problems():
        if name is not None:
            text = lab.shipped_text(name)
            if as_json:
                print_json({"name": name, "map": text})
            else:
                typer.echo(text, nl=False)
            return
        if as_json:
            print_json([{"name": each, "description": lab.load_map(each).description} for each in lab.shipped_maps()])
            return
        for each in lab.shipped_maps():
            out.print(f"{each:<16} {lab.load_map(each).description}", soft_wrap=True)

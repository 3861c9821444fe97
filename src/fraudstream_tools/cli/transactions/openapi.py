"""`fraudstream openapi`: for those who change the schema."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_tools.cli.support.files.output_files import write_output
from fraudstream_tools.cli.support.terminal.output import out, print_json


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(openapi)


def openapi(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; without it, standard output.")
    ] = None,
) -> None:
    """Write the API's OpenAPI 3.1 document, made from the schema that validates requests.

    fraudstream openapi --output docs/openapi.json
    """
    from fraudstream.transactions.api.openapi import openapi_document

    document = openapi_document()
    if output is None:
        print_json(document)
        return
    write_output(output, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    out.print(str(output))

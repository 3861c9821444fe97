"""`fraudstream openapi` and `fraudstream rules check`: for those who change the schema or the rules."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_tools.cli.console import CommandError, out, print_json


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(openapi)
    rules = typer.Typer(name="rules", no_args_is_help=True, help="Work on the ruleset.")
    rules.command(name="check")(check)
    app.add_typer(rules)


def openapi(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; else standard output.")] = None,
) -> None:
    """Write the API's OpenAPI 3.1 document, made from the schema that validates requests.

    fraudstream openapi --output docs/openapi.json
    """
    from fraudstream.transactions.openapi import openapi_document  # noqa: PLC0415  (kept out of `--help`)

    document = openapi_document()
    if output is None:
        print_json(document)
        return
    output.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    out.print(str(output), markup=False)


def check(
    file: Annotated[Path, typer.Argument(help="ruleset.yaml; rates.yaml and lists.yaml are read from beside it.")],
) -> None:
    """Check a ruleset as the analyzer will, and name every mistake.

    fraudstream rules check rules/ruleset.yaml
    """
    from fraudstream.detection.ruleset import LISTS_FILE, RATES_FILE, RulesetError, load  # noqa: PLC0415

    try:
        contents = [path.read_bytes() for path in (file, file.with_name(RATES_FILE), file.with_name(LISTS_FILE))]
        ruleset = load(*contents)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    except RulesetError as error:
        raise CommandError("\n  ".join([f"{len(error.problems)} wrong in the ruleset:", *error.problems])) from None
    live = sum(rule.mode == "live" for rule in ruleset.rules)
    out.print(f"version {ruleset.version}: {live} live rules, {len(ruleset.rules) - live} in shadow")

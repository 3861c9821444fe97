"""`fraudstream get`."""

from typing import Annotated

import typer

from fraudstream_tools.cli.support.api_calls import call_api, show_transaction
from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.options import ApiOption, JsonOption, StackOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(get)


def get(
    transaction_id: Annotated[str, typer.Argument(metavar="ID", help="transactionId")],
    api: ApiOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a transaction's present state: decision, score, reasons, label.

    ```
    fraudstream get order-20261123-0001
    fraudstream get order-20261123-0001 --json | jq .decision
    ```
    """
    from urllib.parse import quote  # noqa: PLC0415

    path = f"/transactions/{quote(transaction_id, safe='')}"
    show_transaction(call_api(Deployment(stack, {"apiUrl": api}), "GET", path), as_json=as_json)

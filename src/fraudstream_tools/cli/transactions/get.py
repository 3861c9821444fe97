"""`fraudstream get`."""

from typing import Annotated

import typer

from fraudstream_tools.cli.support.options import ApiOption, JsonOption, StackOption
from fraudstream_tools.cli.support.running.active_ruleset import active_ruleset
from fraudstream_tools.cli.support.running.api_calls import call_api
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.shown.details_text import print_details
from fraudstream_tools.cli.support.terminal.output import CommandError, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(get)


def get(
    transaction_id: Annotated[str, typer.Argument(metavar="ID", help="transactionId")],
    api: ApiOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the API says of a transaction, in words: what it was, what was decided and why, its label, its history.

    ```
    fraudstream get order-20261123-0001
    fraudstream get order-20261123-0001 --json | jq .decision
    ```
    """
    from urllib.parse import quote

    from fraudstream.transactions.card_numbers.detector import holds_card_number

    if not transaction_id:
        raise CommandError("the id of the transaction is empty")
    # Traces of requests have their addresses.
    if holds_card_number(transaction_id):
        raise CommandError("a card number is the id of no transaction, and was not sent")
    path = f"/transactions/{quote(transaction_id, safe='')}"
    deployment = Deployment(stack, {"apiUrl": api})
    state = call_api(deployment, "GET", path)
    if as_json:
        print_json(state)
        return
    from fraudstream_tools.operations.investigation.transaction_details import TransactionDetails, described

    # Another API than the stack's judges by other rules.
    ruleset = active_ruleset(deployment) if api is None else None
    print_details(described(TransactionDetails(state=state), ruleset))

"""`fraudstream submit`."""

import json
import secrets
import string
import sys
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from fraudstream_tools.cli.support.options import ApiOption, JsonOption, StackOption
from fraudstream_tools.cli.support.running.api_calls import UnansweredError, UndoneError, call_api, show_transaction
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, err
from fraudstream_tools.redaction import shown

_POLL_SECONDS = 0.1
_UNANSWERED_SECONDS = 1.0
"""Until the next look where the API had no answer; own choice."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(submit)


def submit(
    transaction: Annotated[
        str | None, typer.Argument(metavar="JSON", help="The transaction, a file with it (@file), or - for stdin.")
    ] = None,
    *,
    amount: Annotated[str | None, typer.Option(help="In major units, such as 12.50.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code.  [default: USD]")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="PAYMENT, TRANSFER, …  [default: PAYMENT]")] = None,
    customer: Annotated[str | None, typer.Option(help="customerId  [default: customer-1]")] = None,
    card: Annotated[str | None, typer.Option(help="cardToken: your token of the card, never its number.")] = None,
    merchant: Annotated[str | None, typer.Option(help="merchantId")] = None,
    device: Annotated[str | None, typer.Option(help="deviceId")] = None,
    transaction_id: Annotated[
        str | None, typer.Option("--id", help="transactionId; without it, a new one is created.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of the API; may be repeated."),
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the decision.")] = 10.0,
    api: ApiOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Post one transaction and wait for its decision.

    The API is asked to decide at once. Where it does not, or not in its budget, the decision is awaited.

    The id is printed first: the same call with `--id` again changes nothing.

    ```
    fraudstream submit --amount 12.50 --customer customer-81 --card card-5521
    fraudstream submit --amount 900 --currency EUR --set channel=ECOMMERCE
    fraudstream submit @transaction.json --json
    ```
    """
    body = _given(transaction)
    body |= {
        name: value
        for name, value in {
            "type": kind,
            "customerId": customer,
            "cardToken": card,
            "merchantId": merchant,
            "deviceId": device,
            "currency": currency,
            "transactionId": transaction_id,
        }.items()
        if value is not None
    }
    body |= dict(_field(pair) for pair in fields or ())
    body = {"currency": "USD", "type": "PAYMENT", "customerId": "customer-1"} | body
    body.setdefault("transactionId", _new_id())
    if amount is not None:
        body["amountMinor"] = _minor(amount, str(body["currency"]))
    elif "amountMinor" not in body:
        raise CommandError("how much? Say it with --amount 12.50, or with amountMinor in the JSON")
    known_as = shown(str(body["transactionId"]))
    err.print(f"transactionId {known_as}", style="dim")
    deployment = Deployment(stack, {"apiUrl": api})
    # Whole seconds are all that the header can say. A stack without inline decisions passes it over.
    prefer = {"Prefer": f"wait={int(wait)}"} if wait >= 1 else None
    try:
        state = call_api(deployment, "POST", "/transactions", body, prefer)
    except UndoneError as error:
        raise CommandError(f"{error}\nthis request stored nothing") from None
    except UnansweredError as error:
        raise CommandError(f"{error}\nit may be stored: say --id {known_as} then, and it is so once only") from None
    state, problem = _awaited(deployment, state, time.monotonic() + wait)
    show_transaction(state, as_json=as_json)
    if problem is not None:
        later = f"later: fraudstream get {known_as}"
        raise CommandError(f"it is stored, and what was decided could not be read: {problem}\n{later}")


def _awaited(
    deployment: Deployment, state: dict[str, Any], deadline: float
) -> tuple[dict[str, Any], UnansweredError | None]:
    """Return the newest state until a deadline, and why the last look at it gave none; the transaction is stored."""
    problem = None
    while state.get("status") == "PENDING" and (left := deadline - time.monotonic()) > 0:
        time.sleep(_POLL_SECONDS if problem is None else min(_UNANSWERED_SECONDS, left))
        try:
            state, problem = call_api(deployment, "GET", f"/transactions/{state['transactionId']}"), None
        except UnansweredError as error:
            problem = error
    return state, problem


def _new_id() -> str:
    """Return an id of letters: one UUID in some 3,000 holds what is a valid card number, and would be refused."""
    return "cli-" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(24))


def _given(transaction: str | None) -> dict[str, Any]:
    if transaction is None:
        return {}
    is_file = transaction.startswith("@")
    # What is typed may be a card number.
    name = transaction[1:] if is_file else "standard input" if transaction == "-" else "the transaction"
    try:
        typed = sys.stdin.read() if transaction == "-" else transaction
        decoded: Any = json.loads(Path(name).read_text("utf-8") if is_file else typed)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None
    except ValueError:
        raise CommandError(f"{name} is not JSON") from None
    if not isinstance(decoded, dict):
        raise CommandError(f"{name} is not a JSON object")
    return cast("dict[str, Any]", decoded)


def _field(pair: str) -> tuple[str, Any]:
    name, separator, value = pair.partition("=")
    if not separator:
        raise CommandError(f"--set {shown(name)}: write it as FIELD=VALUE")
    from fraudstream_tools.lab.files.transactions import from_text

    try:
        return name, from_text(name, value)
    except ValueError as error:
        raise CommandError(f"--set {error}") from None


def _minor(amount: str, currency: str) -> int:
    from fraudstream.transactions.values.money import EXPONENTS, to_minor

    if currency not in EXPONENTS:
        raise CommandError("--currency: not a currency of ISO 4217, in capitals, such as EUR")
    try:
        return to_minor(Decimal(amount), currency)
    except InvalidOperation:
        raise CommandError("--amount is not a number") from None
    except ValueError as error:
        raise CommandError(f"--amount: {error}") from None

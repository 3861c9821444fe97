"""Calls to the transactions API, and what a person sees of their answers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.failures import CREDENTIALS_HINT
from fraudstream_tools.cli.support.terminal.output import CommandError, print_json, print_transaction

if TYPE_CHECKING:
    import httpx

_OF_EVERY_STATE: Final = {"transactionId", "amountMinor", "currency", "type", "timestamp", "receivedAt", "status"}


class UnansweredError(CommandError):
    """The API gave no answer, or one that another try may better."""


class UndoneError(UnansweredError):
    """The request has certainly changed nothing."""


def show_transaction(state: dict[str, Any], *, as_json: bool) -> None:
    """Print a transaction's state, for people or as JSON."""
    if as_json:
        print_json(state)
    else:
        print_transaction(state)


def call_api(
    deployment: Deployment,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Send a signed request to the API and return the transaction that it answers with.

    Raises:
        UndoneError: the API cannot be reached, or has too much to do.
        UnansweredError: it broke off, or something of it failed.
        CommandError: it refused the request, or it is another one; the message says why.
    """
    import httpx

    from fraudstream_tools.lab.replay.client import RETRIED_STATUSES

    # Errors name the API's URL only: whoever mistakes a card number for an id must not find it on the screen.
    api_url = deployment.api_url
    url = f"{api_url}{path}"
    try:
        answer = httpx.request(method, url, json=body, headers=headers, auth=deployment.auth(), timeout=30)
    except httpx.TransportError as error:
        hint = unusable_hint(is_denied=False, is_local=deployment.is_local)
        is_unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        refusal = UndoneError if is_unsent else UnansweredError
        raise refusal(f"no answer from {api_url}/transactions: {error}; {hint}") from None
    if answer.status_code in RETRIED_STATUSES:
        asked = answer.headers.get("retry-after", "")
        pause = f"{asked} s" if asked.isdigit() else "a moment"
        # The throttle is before everything that stores.
        refusal = UndoneError if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS else UnansweredError
        raise refusal(f"{_said(answer).removesuffix('.')}; do it again in {pause}")
    if not answer.is_success:
        raise CommandError(_refusal(answer, is_local=deployment.is_local))
    try:
        state: Any = answer.json()
    except ValueError:
        state = None
    if not isinstance(state, dict) or not state.keys() >= _OF_EVERY_STATE:
        raise CommandError(f"{api_url}/transactions answers something else than a transaction: check the URL")
    return cast("dict[str, Any]", state)


def unusable_hint(*, is_denied: bool, is_local: bool) -> str:
    """Return what to do about an API that gives no answer, or refuses the credentials.

    Args:
        is_denied: whether it answers, and refuses them.
        is_local: whether it is the one that was left here by `fraudstream local`.
    """
    if is_local:
        return "is `fraudstream local` still running?"
    if is_denied:
        return f"use credentials that may call it: {CREDENTIALS_HINT}, or FRAUDSTREAM_API_KEY if it takes keys"
    return "check the URL and the network"


def _said(answer: "httpx.Response") -> str:
    from fraudstream_tools.lab.replay.client import problem_sentence

    return f"{answer.status_code} {problem_sentence(answer.content) or answer.reason_phrase}"


def _refusal(answer: "httpx.Response", *, is_local: bool) -> str:
    said = _said(answer)
    is_denied = answer.status_code in {401, 403}
    return f"{said.removesuffix('.')}; {unusable_hint(is_denied=True, is_local=is_local)}" if is_denied else said

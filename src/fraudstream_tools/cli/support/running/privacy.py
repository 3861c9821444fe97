"""What the commands about persons and tokens share: the stores, and how far they are."""

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fraudstream.contract import EntityKind
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.report_tasks import report_function
from fraudstream_tools.cli.support.terminal.output import CommandError, err

if TYPE_CHECKING:
    from fraudstream_tools.operations.privacy.system import PrivacySystem

_SECONDS_BETWEEN_LINES: Final = 5.0


def privacy_system(deployment: Deployment) -> "PrivacySystem":
    """Return the stores of a deployment."""
    from fraudstream_tools.operations.privacy.log_owner import LogOwner
    from fraudstream_tools.operations.privacy.system import PrivacySystem

    return PrivacySystem(
        dynamodb=deployment.client("dynamodb"),
        s3=deployment.client("s3"),
        log_owner=LogOwner(report_function(deployment)),
        transactions=deployment["transactionsTable"],
        profiles=deployment["profilesTable"],
        alerts=deployment["alertsTable"],
        bucket=deployment["bucketName"],
        outbox=deployment.get("outboxTable"),
        audit_bucket=deployment.get("auditBucket"),
    )


def tokens_of(deployment: Deployment, kind: EntityKind, text: str) -> Sequence[str]:
    """Return the tokens of an entity, of all numbers, oldest first: the processor alone has the keys.

    Args:
        deployment: has the processor.
        kind: of the entity.
        text: its identifier as a client posts it, or one of its tokens.

    Raises:
        CommandError: nobody in particular is meant, or the processor refuses.
    """
    from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN
    from fraudstream_tools.operations.privacy.tokens import (
        TokensRefusedError,
        UnknownIdentifierError,
        ask_for_tokens,
        tokens_of_identifier,
    )

    is_token = re.fullmatch(TOKEN_PATTERN, text) is not None
    if is_token and (not deployment.get("tokenKeys") or deployment.number("tokenKeys") == 1):
        return [text]

    def ask(**asked: Sequence[object]) -> list[list[str]]:
        # What can be nobody's identifier is refused before it matters whether there is a processor.
        return ask_for_tokens(deployment.client("lambda"), deployment["processorFunction"], **asked)

    try:
        return ask(tokens=[text])[0] if is_token else tokens_of_identifier(ask, kind, text)
    except UnknownIdentifierError as error:
        raise CommandError(str(error)) from None
    except TokensRefusedError as error:
        if not is_token:
            raise CommandError(str(error)) from None
        err.print(f"{error}\nonly this very token is meant, and none of another number")
        return [text]


def earlier_tokens_of(deployment: Deployment, system: "PrivacySystem", token: str) -> list[str]:
    """Return the earlier tokens of whom a token stands for, oldest first, as far as anything is stored by them.

    Args:
        deployment: has the processor.
        system: its stores.
        token: of any number.

    Raises:
        CommandError: the processor refuses to say whose earlier tokens are.
    """
    from fraudstream.transactions.pseudonyms.tokens import number_of
    from fraudstream_tools.operations.privacy.earlier_tokens import find_earlier_tokens
    from fraudstream_tools.operations.privacy.tokens import TokensRefusedError, ask_for_tokens

    def ask(**asked: Sequence[object]) -> list[list[str]]:
        return ask_for_tokens(deployment.client("lambda"), deployment["processorFunction"], **asked)

    try:
        return sorted(find_earlier_tokens(system, token, ask), key=number_of)
    except TokensRefusedError as error:
        raise CommandError(f"something is stored by earlier tokens, and nobody says whose they are: {error}") from None


class Steps:
    """Says on standard error what is being done, and every few seconds how far it is."""

    def __init__(self) -> None:
        self._what = ""
        self._said = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Print a line, if the last one of the same step was some seconds ago."""
        now = time.monotonic()
        if what == self._what and now - self._said < _SECONDS_BETWEEN_LINES and done != total:
            return
        self._what, self._said = what, now
        of = f": {done:,} of {total:,}" if total else f": {done:,}" if done else ""
        err.print(f"{what}{of}", style="dim")

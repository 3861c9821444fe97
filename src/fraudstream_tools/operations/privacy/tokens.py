"""Tokens of identifiers, as the processor gives them: it alone has the key."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from fraudstream.contract import TOKENS_ALIAS, EntityKind
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.fields import LONGEST_IDENTIFIER
from fraudstream.transactions.pseudonyms.identifiers import entity_of, normalize
from fraudstream.transactions.pseudonyms.lookup import MOST_AT_ONCE
from fraudstream.transactions.pseudonyms.tokens import TOKEN_PATTERN, number_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_NOT_ALLOWED: Final = frozenset({"AccessDeniedException", "ResourceNotFoundException"})
_TOKEN: Final = re.compile(TOKEN_PATTERN)
_BEGINS_AS_TOKEN: Final = re.compile(r"tok[0-9]*_")
_ANY_TOKEN: Final = "tok_" + 22 * "A"
_MOST_KNOWN: Final = 1_000_000


AskForTokens = Callable[..., list[list[str]]]
"""`ask_for_tokens` with client and function."""


class UnknownIdentifierError(ValueError):
    """An identifier has no token; the message does not repeat it."""


class TokensRefusedError(RuntimeError):
    """The processor gave no tokens; the message says what to do."""


def earlier_among(texts: Iterable[str], number: int) -> list[str]:
    """Return those of some texts that are tokens of an earlier number."""
    return [text for text in texts if _TOKEN.fullmatch(text) and number_of(text) < number]


def ask_for_tokens(client: "LambdaClient", function: str, **asked: Sequence[object]) -> list[list[str]]:
    """Return the tokens of identifiers, those of later numbers of tokens, or payload hashes of the newest number.

    Args:
        client: of Lambda; it needs the right to invoke the alias.
        function: the processor's name.
        **asked: `identifiers`, `tokens` or `payloadHashes`, as `pseudonyms.lookup.find_tokens` has them.

    Raises:
        TokensRefusedError: the processor did not answer, or its version has no such alias.
        ClientError: AWS refuses for another reason, such as credentials that have expired.
        BotoCoreError: AWS cannot be reached.
    """
    try:
        answer: Any = client.invoke(FunctionName=function, Qualifier=TOKENS_ALIAS, Payload=json.dumps(asked).encode())
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code not in _NOT_ALLOWED:
            raise
        raise TokensRefusedError(
            f"the alias {TOKENS_ALIAS} of {function} cannot be invoked ({code}): allow lambda:InvokeFunction on it, "
            "or give the token (tok_…) that the API answers"
        ) from None
    content: Any = json.load(answer["Payload"])
    if answer.get("FunctionError") or "tokens" not in content:
        raise TokensRefusedError(f"{function} gave no tokens: its log group says why")
    return content["tokens"]


def tokens_of_identifier(ask: AskForTokens, kind: EntityKind, identifier: str) -> list[str]:
    """Return the tokens that an identifier has, of all numbers, oldest first.

    Args:
        ask: `ask_for_tokens` with client and function.
        kind: what it identifies.
        identifier: as a client posts it.

    Raises:
        UnknownIdentifierError: it is empty, a part of a token or no address, is what the API never takes, or stands for
            nobody in particular.
        TokensRefusedError: the processor gives no tokens.
    """
    if _BEGINS_AS_TOKEN.match(identifier):
        raise UnknownIdentifierError("that is no whole token: give all its characters, as the API answers them")
    if not identifier.strip():
        raise UnknownIdentifierError(f"which {kind.value}? The identifier is empty")
    # Nothing is stored of one: to say so would sound as if nothing were stored of the person.
    if problem := _never_posted(identifier.strip()):
        raise UnknownIdentifierError(f"that {problem}, which no {kind.value} is stored by: give what your systems post")
    try:
        entity_of(kind, normalize(kind, identifier), frozenset())
    except ValueError:
        raise UnknownIdentifierError("that is no internet address") from None
    (tokens,) = ask(identifiers=[{"kind": kind.value, "value": identifier}])
    if not tokens:
        raise UnknownIdentifierError(f"that {kind.value} is a placeholder, which stands for nobody in particular")
    return tokens


def _never_posted(identifier: str) -> str | None:
    """Return why the API takes no such identifier; None if it may."""
    if holds_card_number(identifier):
        return "holds a card number"
    if not identifier.isprintable():
        return "holds a character that nobody sees"
    if len(identifier) > LONGEST_IDENTIFIER:
        return f"has more than {LONGEST_IDENTIFIER} characters"
    return None


class NewestTokens:
    """The newest tokens of earlier ones, asked for many at once and remembered."""

    def __init__(self, ask: AskForTokens) -> None:
        """Store how to ask: `ask_for_tokens` with client and function."""
        self._ask = ask
        self._known: dict[str, str] = {}
        (numbered,) = ask(tokens=[_ANY_TOKEN])
        self.newest = number_of(numbered[-1])
        """The newest number."""

    def of(self, tokens: Iterable[str]) -> dict[str, str]:
        """Return those tokens that have an earlier number, each with the newest for the same identifier."""
        earlier = earlier_among(tokens, self.newest)
        self._learn("tokens", earlier)
        return {token: self._known[token] for token in earlier}

    def of_hashes(self, hashes: Iterable[str]) -> dict[str, str]:
        """Return payload hashes with those of the newest number."""
        wanted = list(hashes)
        self._learn("payloadHashes", wanted)
        return {each: self._known[each] for each in wanted}

    def _learn(self, parameter: str, wanted: Sequence[str]) -> None:
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        unknown = sorted({each for each in wanted if each not in self._known})
        for start in range(0, len(unknown), MOST_AT_ONCE):
            part = unknown[start : start + MOST_AT_ONCE]
            self._known |= {each: forms[-1] for each, forms in zip(part, self._ask(**{parameter: part}), strict=True)}

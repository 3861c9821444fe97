"""What an operator asks of the token key: which tokens an identifier has."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Final

import msgspec

from fraudstream.contract import EntityKind
from fraudstream.transactions.pseudonyms.identifiers import entity_of, normalize
from fraudstream.transactions.pseudonyms.pseudonymize import raised_payload_hash
from fraudstream.transactions.pseudonyms.tokens import Token, Tokenizer, number_of

MOST_AT_ONCE: Final = 10_000


class LookupRefusedError(ValueError):
    """The event is no question for tokens; the message names what is wrong, never a value."""


class _Identifier(msgspec.Struct, forbid_unknown_fields=True):
    kind: EntityKind
    value: str


_PayloadHash = Annotated[str, msgspec.Meta(pattern=r"^([0-9.]+:)?[A-Za-z0-9_-]{22}\Z")]


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    identifiers: Annotated[list[_Identifier], msgspec.Meta(max_length=MOST_AT_ONCE)] = []
    tokens: Annotated[list[Token], msgspec.Meta(max_length=MOST_AT_ONCE)] = []
    payload_hashes: Annotated[list[_PayloadHash], msgspec.Meta(max_length=MOST_AT_ONCE)] = msgspec.field(
        default_factory=list[str], name="payloadHashes"
    )


def find_tokens(
    event: Mapping[str, Any], tokenizer: Tokenizer, placeholders: AbstractSet[str]
) -> Sequence[Sequence[str]]:
    """Return what an event asks for, in its order: identifiers, then tokens, then payload hashes.

    Of an identifier its tokens of all numbers, oldest first, or none where it stands for nobody; of a token itself and
    those of later numbers; of a payload's hash that of the newest key.

    Args:
        event: any of `{"identifiers": [{"kind": "customer", "value": "…"}], "tokens": ["tok_…"], "payloadHashes":
            ["2:…"]}`, at most 10,000 of each.
        tokenizer: makes the tokens.
        placeholders: values, in small letters, that clients send in place of an identifier which they do not have.

    Raises:
        LookupRefusedError: the event is something else.
    """
    try:
        question = msgspec.convert(event, _Question)
    except (msgspec.ValidationError, UnicodeEncodeError):
        raise LookupRefusedError(
            'expected "identifiers", each {"kind": "customer", "value": "…"}, "tokens" or "payloadHashes", at most '
            "10,000 of each"
        ) from None
    raiser = tokenizer.raiser
    if any(number_of(token) > raiser.newest for token in question.tokens):
        raise LookupRefusedError("a token has a number of which there is no key")
    return [
        *(_tokens(each, tokenizer, placeholders) for each in question.identifiers),
        *(raiser.later(token) for token in question.tokens),
        *([raised_payload_hash(each, raiser)] for each in question.payload_hashes),
    ]


def _tokens(identifier: _Identifier, tokenizer: Tokenizer, placeholders: AbstractSet[str]) -> Sequence[str]:
    try:
        entity = entity_of(identifier.kind, normalize(identifier.kind, identifier.value), placeholders)
        return [] if entity is None else tokenizer.tokens(identifier.kind, entity)
    except UnicodeEncodeError:
        # JSON may hold half of a pair of surrogates, which no text has.
        raise LookupRefusedError("an identifier holds what is no character") from None
    except ValueError:
        raise LookupRefusedError("an identifier of the kind ip is no address") from None

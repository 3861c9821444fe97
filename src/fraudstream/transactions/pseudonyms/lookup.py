"""What an operator asks of the token key: which tokens an identifier has."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Final

import msgspec

from fraudstream.transactions.fields import EntityKind
from fraudstream.transactions.pseudonyms.identifiers import entity_of, normalize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer

MOST_AT_ONCE: Final = 10_000


class LookupRefusedError(ValueError):
    """The event is no question for tokens; the message names what is wrong, never a value."""


class _Identifier(msgspec.Struct, forbid_unknown_fields=True):
    kind: EntityKind
    value: str


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    identifiers: Annotated[list[_Identifier], msgspec.Meta(max_length=MOST_AT_ONCE)]


def find_tokens(
    event: Mapping[str, Any], tokenizer: Tokenizer, placeholders: AbstractSet[str]
) -> Sequence[Sequence[str]]:
    """Return the tokens of each identifier that an event lists, in its order; none where it stands for nobody.

    Args:
        event: `{"identifiers": [{"kind": "customer", "value": "…"}]}`, at most 10,000 of them.
        tokenizer: makes the tokens.
        placeholders: values, in small letters, that clients send in place of an identifier which they do not have.

    Raises:
        LookupRefusedError: the event is something else.
    """
    try:
        question = msgspec.convert(event, _Question)
    except msgspec.ValidationError:
        raise LookupRefusedError(
            'expected {"identifiers": [{"kind": "customer", "value": "…"}]}, at most 10,000 of them'
        ) from None
    return [_tokens(each, tokenizer, placeholders) for each in question.identifiers]


def _tokens(identifier: _Identifier, tokenizer: Tokenizer, placeholders: AbstractSet[str]) -> Sequence[str]:
    try:
        entity = entity_of(identifier.kind, normalize(identifier.kind, identifier.value), placeholders)
    except ValueError:
        raise LookupRefusedError("an identifier of the kind ip is no address") from None
    return [] if entity is None else [tokenizer.token(identifier.kind, entity)]

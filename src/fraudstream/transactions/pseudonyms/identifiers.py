"""What an identifier is before it becomes a token: one notation for what is the same, nothing for what is nobody."""

import ipaddress
import unicodedata
from collections.abc import Set as AbstractSet

from fraudstream.contract import EntityKind
from fraudstream.transactions.pseudonyms.addresses import entity_address


def normalize(kind: EntityKind, identifier: str) -> str:
    """Return an identifier without spaces around it, in Unicode's composed form (NFC); an address in short notation.

    Case is kept: clients' ids may differ by it alone.
    """
    if kind is EntityKind.IP:
        return str(ipaddress.ip_address(identifier))
    return unicodedata.normalize("NFC", identifier.strip())


def entity_of(kind: EntityKind, identifier: str, placeholders: AbstractSet[str]) -> str | None:
    """Return what becomes the token of a normalized identifier; None if it stands for nobody in particular.

    Args:
        kind: what it identifies.
        identifier: as `normalize` returned it.
        placeholders: values, in small letters, that clients send in place of an identifier which they do not have.
    """
    if kind is EntityKind.IP:
        return entity_address(identifier)
    return None if identifier.casefold() in placeholders else identifier

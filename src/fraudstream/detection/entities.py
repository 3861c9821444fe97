"""Which entities a transaction touches, and the keys of their profiles."""

from enum import StrEnum

from fraudstream.transactions.transaction import Transaction


class EntityKind(StrEnum):
    """The kinds of entity that have a profile."""

    CUSTOMER = "customer"
    CARD = "card"
    DEVICE = "device"
    IP = "ip"


def entities(transaction: Transaction) -> dict[EntityKind, str]:
    """Give the profile keys of the entities that a transaction touches, such as `card#tok_…`."""
    found = {EntityKind.CUSTOMER: f"customer#{transaction.customer_id}"}
    if transaction.card_token is not None:
        found[EntityKind.CARD] = f"card#{transaction.card_token}"
    if transaction.device_id is not None:
        found[EntityKind.DEVICE] = f"device#{transaction.device_id}"
    if transaction.ip_address is not None:
        found[EntityKind.IP] = f"ip#{transaction.ip_address}"
    return found


def kind_of(entity: str) -> EntityKind:
    """Give the kind of the entity that a profile key belongs to."""
    return EntityKind(entity.partition("#")[0])


def tokens(transaction: Transaction) -> dict[str, str]:
    """Give every token of a transaction by the kind that lists know it by, `merchant` and `terminal` included."""
    candidates = {
        "customer": transaction.customer_id,
        "card": transaction.card_token,
        "merchant": transaction.merchant_id,
        "terminal": transaction.terminal_id,
        "device": transaction.device_id,
        "ip": transaction.ip_address,
    }
    return {kind: token for kind, token in candidates.items() if token is not None}

"""Legal holds: persons who must not be erased, because a court or an authority may ask for what is known of them."""

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from fraudstream.transactions.fields import EntityKind
from fraudstream.transactions.storage.attributes import from_attribute, to_item

if TYPE_CHECKING:
    from collections.abc import Collection

    from mypy_boto3_dynamodb import DynamoDBClient

HOLD_PREFIX: Final = "hold#"
"""What the keys of holds begin with, in the table of profiles."""


class Hold(NamedTuple):
    """That somebody must not be erased."""

    token: str
    reason: str
    by: str
    """The ARN of the AWS identity that set it."""
    since: int
    """Epoch milliseconds."""


class LegalHoldError(RuntimeError):
    """A person is under a legal hold, and so nothing of them is erased."""

    def __init__(self, hold: Hold) -> None:
        """Build the sentence: since when, and why."""
        day = time.strftime("%Y-%m-%d", time.gmtime(hold.since / 1000))
        super().__init__(f"the person is under a legal hold since {day}: {hold.reason}")


def _key(token: str) -> str:
    return f"{HOLD_PREFIX}{EntityKind.CUSTOMER}#{token}"


def set_hold(client: "DynamoDBClient", table: str, hold: Hold) -> None:
    """Keep a person from being erased, until `release_hold`."""
    values = {"entity": _key(hold.token), "reason": hold.reason, "by": hold.by, "since": hold.since}
    client.put_item(TableName=table, Item=to_item(values))


def release_hold(client: "DynamoDBClient", table: str, token: str) -> bool:
    """End a hold; return whether there was one."""
    answer = client.delete_item(TableName=table, Key=to_item({"entity": _key(token)}), ReturnValues="ALL_OLD")
    return "Attributes" in answer


def find_hold(client: "DynamoDBClient", table: str, tokens: "Collection[str]") -> Hold | None:
    """Return the hold on a person with these tokens, if there is one."""
    for token in sorted(tokens):
        answer = client.get_item(TableName=table, Key=to_item({"entity": _key(token)}), ConsistentRead=True)
        if item := answer.get("Item"):
            return Hold(token, *(from_attribute(item[name]) for name in ("reason", "by", "since")))
    return None

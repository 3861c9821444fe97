"""Legal holds: persons who must not be erased, because a court or an authority may ask for what is known of them."""

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.contract import EntityKind
from fraudstream.transactions.storage.attributes import from_attribute, to_item

if TYPE_CHECKING:
    from collections.abc import Collection

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.audit.records import AuditLog

HOLD_PREFIX: Final = "hold#"
"""What the keys of holds begin with, in the table of profiles."""


class Hold(NamedTuple):
    """A legal hold: somebody must not be erased."""

    token: str
    reason: str
    by: str
    """The ARN of the AWS identity that set it."""
    since: int
    """Epoch milliseconds."""


class LegalHoldError(RuntimeError):
    """A person is under a legal hold, and so nothing, or nothing more, of them is erased."""

    def __init__(self, hold: Hold, begun_at: int | None = None) -> None:
        """Build the sentence: since when, why, and what an erasure has done before.

        Args:
            hold: that there is.
            begun_at: when an erasure began that has left its mark in the profile's place, epoch milliseconds; None
                where none has.
        """
        if begun_at is None:
            super().__init__(f"nothing was erased: {_said(hold)}")
            return
        super().__init__(
            f"nothing more was erased: {_said(hold)}; the erasure that began on {_day(begun_at)} has removed the "
            "person's profile, which `fraudstream profiles rebuild` makes again, and may have removed more"
        )


class AlreadyHeldError(RuntimeError):
    """A person is under a legal hold already, which another one would replace."""

    def __init__(self, hold: Hold) -> None:
        """Build the sentence: since when, and why."""
        super().__init__(f"{_said(hold)}; one release would end both: when that one has ended, set this one")


def _said(hold: Hold) -> str:
    return f"the person is under a legal hold since {_day(hold.since)}: {hold.reason}"


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at / 1000))


def _customer(token: str) -> str:
    return EntityKind.CUSTOMER.key(token)


def _key(token: str) -> str:
    return f"{HOLD_PREFIX}{_customer(token)}"


def set_hold(client: "DynamoDBClient", table: str, hold: Hold, *, tokens: "Collection[str]", audit: "AuditLog") -> None:
    """Keep a person from being erased, until `release_hold`.

    Args:
        client: of DynamoDB.
        table: of profiles.
        hold: has the newest of the person's tokens.
        tokens: all of them.
        audit: gets a record of it.

    Raises:
        AlreadyHeldError: the person is under a hold.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    if known := find_hold(client, table, tokens):
        raise AlreadyHeldError(known)
    values = {"entity": _key(hold.token), "reason": hold.reason, "by": hold.by, "since": hold.since}
    with audit.recorded("set-hold", _customer(hold.token), reason=hold.reason, after={"held": True}):
        try:
            client.put_item(TableName=table, Item=to_item(values), ConditionExpression="attribute_not_exists(entity)")
        except ClientError as error:
            raise_unless_condition_failed(error)
            # It may be this very one, whose first answer was lost.
            if (known := find_hold(client, table, tokens)) and known != hold:
                raise AlreadyHeldError(known) from None


def release_hold(client: "DynamoDBClient", table: str, *, tokens: "Collection[str]", audit: "AuditLog") -> bool:
    """End a person's hold; return whether there was one.

    Args:
        client: of DynamoDB.
        table: of profiles.
        tokens: all that the person has.
        audit: gets a record of it.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    released = False
    while known := find_hold(client, table, tokens):
        before = {"reason": known.reason, "by": known.by, "since": known.since}
        with audit.recorded("release-hold", _customer(known.token), before=before, after={"held": False}):
            client.delete_item(TableName=table, Key=to_item({"entity": _key(known.token)}))
        released = True
    return released


def find_hold(client: "DynamoDBClient", table: str, tokens: "Collection[str]") -> Hold | None:
    """Return the hold on a person with these tokens, if there is one."""
    for token in sorted(tokens):
        answer = client.get_item(TableName=table, Key=to_item({"entity": _key(token)}), ConsistentRead=True)
        if item := answer.get("Item"):
            return Hold(token, *(from_attribute(item[name]) for name in ("reason", "by", "since")))
    return None


def is_known(client: "DynamoDBClient", table: str, tokens: "Collection[str]") -> bool:
    """Return whether there is a profile of a customer with one of these tokens."""
    keys = (to_item({"entity": _customer(token)}) for token in tokens)
    return any("Item" in client.get_item(TableName=table, Key=key, ProjectionExpression="entity") for key in keys)

"""Marks that are left before a person is erased, so that what a stream still tells of them is passed over."""

import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_overtaken
from fraudstream.contract import ERASURE_MARK_SECONDS, ERASURE_MARKS_PREFIX, EntityKind
from fraudstream.reporting.log.erasure_marks import ErasureMark, hash_of
from fraudstream.transactions.storage.attributes import to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.privacy.system import PrivacySystem

_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.1


class BusyProfileError(RuntimeError):
    """Others wrote a profile at every attempt to put a mark in its place."""


def mark_in_log(system: "PrivacySystem", persons: Iterable[str], at: int) -> None:
    """Keep persons, up to a time (epoch milliseconds), out of the log from now on."""
    mark = ErasureMark(persons=frozenset(hash_of(token) for token in persons), at=at)
    key = f"{ERASURE_MARKS_PREFIX}{at}-{uuid.uuid4().hex}.json"
    content = msgspec.json.encode(mark)
    system.s3.put_object(Bucket=system.bucket, Key=key, Body=content, ContentType="application/json")


def erasure_begun_at(client: "DynamoDBClient", table: str, tokens: Iterable[str]) -> int | None:
    """Return when the newest erasure began of a customer with one of these tokens, by its mark in the profile's place.

    Returns:
        Epoch milliseconds; None where there is no mark.
    """
    begun: list[int] = []
    for token in tokens:
        key = to_item({"entity": EntityKind.CUSTOMER.key(token)})
        item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        if "erasedAt" in item:
            begun.append(int(item["erasedAt"].get("N", "0")))
    return max(begun, default=None)


def mark_profile(client: "DynamoDBClient", table: str, key: str, customer: str, at: int) -> bool:
    """Write a mark in a profile's place, and return whether there was one; who has read it before can write it no more.

    Args:
        client: of DynamoDB.
        table: the table of profiles.
        key: the profile's.
        customer: the key of the person who is erased.
        at: epoch milliseconds: transactions of the person that were received by then are not learnt any more.

    Raises:
        BusyProfileError: others wrote it at every attempt.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    for _ in range(_ATTEMPTS):
        stored: Any = client.get_item(TableName=table, Key=to_item({"entity": key}), ConsistentRead=True).get("Item")
        version = stored.get("version", {"N": "0"}) if stored else {"N": "0"}
        mark = to_item(
            {
                "entity": key,
                "version": int(version["N"]) + 1,
                "erasedAt": at,
                "erasedFor": customer,
                "expiresAt": at // 1000 + ERASURE_MARK_SECONDS,
            }
        )
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(entity)"}
        if stored:
            has_version = "version" in stored
            condition = {
                "ConditionExpression": "#version = :version" if has_version else "attribute_not_exists(#version)",
                "ExpressionAttributeNames": {"#version": "version"},
            } | ({"ExpressionAttributeValues": {":version": version}} if has_version else {})
        try:
            client.put_item(TableName=table, Item=mark, **condition)
        except ClientError as error:
            raise_unless_overtaken(error)
            time.sleep(_PAUSE_SECONDS)
        else:
            return bool(stored) and "state" in stored
    raise BusyProfileError(f"a profile was written by others {_ATTEMPTS} times: try again")

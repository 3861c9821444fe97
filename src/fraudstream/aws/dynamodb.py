"""DynamoDB, with the calls that the functions make for each transaction, spoken as boto3's client speaks them.

Its protocol is JSON over HTTP: an operation's name in a header, and its parameters as they are
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html). So there is nothing to
look up in a description of the service: only binary values are written differently, as base64, which msgspec does.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from fraudstream.aws.connection import AwsRequest, AwsResponse, Connection
from fraudstream.aws.endpoint import DamagedResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fraudstream.aws.endpoint import Limits

_SERVICE: Final = "dynamodb"
_TARGET: Final = "DynamoDB_20120810"
_CONTENT_TYPE: Final = "application/x-amz-json-1.0"


class AttributeValue(TypedDict, total=False):
    """One value with the name of its type."""

    S: str
    N: str
    B: bytes
    BOOL: bool
    NULL: bool
    M: dict[str, AttributeValue]
    L: list[AttributeValue]
    SS: list[str]
    NS: list[str]
    BS: list[bytes]


_Item = dict[str, AttributeValue]


class KeysToRead(TypedDict, total=False):
    """Keys of one table."""

    Keys: list[_Item]
    ConsistentRead: bool


class CancellationReason(TypedDict, total=False):
    """Why one write of a transaction did not take place."""

    Code: str
    Item: _Item


class DynamoDbAnswer(TypedDict, total=False):
    """What the operations below answer; each has its part of it."""

    Item: _Item
    Items: list[_Item]
    Attributes: _Item
    Responses: dict[str, list[_Item]]
    UnprocessedKeys: dict[str, KeysToRead]
    Count: int
    LastEvaluatedKey: _Item
    CancellationReasons: list[CancellationReason]


_ENCODER: Final = msgspec.json.Encoder()
_ANSWERS: Final = msgspec.json.Decoder(DynamoDbAnswer)


class DynamoDb:
    """A table's calls, by the names and with the parameters, answers and errors of boto3's client."""

    def __init__(self, limits: Limits, before_attempt: Callable[[], None] | None = None) -> None:
        """Prepare to call; nothing is opened before the first request.

        Args:
            limits: how long to wait, and how often to try.
            before_attempt: called before each attempt; what it raises ends the call.
        """
        self.connection = Connection(_SERVICE, limits, _read_error, before_attempt=before_attempt)

    def get_item(self, **parameters: object) -> DynamoDbAnswer:
        """Read an item."""
        return self.call("GetItem", parameters)

    def query(self, **parameters: object) -> DynamoDbAnswer:
        """Read items of one partition."""
        return {"Items": [], **self.call("Query", parameters)}

    def batch_get_item(self, **parameters: object) -> DynamoDbAnswer:
        """Read up to a hundred items."""
        return {"Responses": {}, **self.call("BatchGetItem", parameters)}

    def put_item(self, **parameters: object) -> DynamoDbAnswer:
        """Write an item."""
        return self.call("PutItem", parameters)

    def update_item(self, **parameters: object) -> DynamoDbAnswer:
        """Change an item."""
        return self.call("UpdateItem", parameters)

    def transact_write_items(self, **parameters: object) -> DynamoDbAnswer:
        """Write several items, all or none; an attempt that comes again is known by its token."""
        return self.call("TransactWriteItems", {"ClientRequestToken": str(uuid.uuid4()), **parameters})

    def call(self, operation: str, parameters: Mapping[str, object]) -> DynamoDbAnswer:
        """Call an operation.

        Raises:
            ClientError: DynamoDB refused it.
            HTTPClientError: there was no answer, or none that can be read.
        """
        headers = {"x-amz-target": f"{_TARGET}.{operation}", "content-type": _CONTENT_TYPE}
        request = AwsRequest(operation, "POST", "/", headers, _ENCODER.encode(parameters))
        content = self.connection.send(request).content
        try:
            return _ANSWERS.decode(content or b"{}")
        except msgspec.DecodeError as error:
            raise DamagedResponseError(error="it is no answer of DynamoDB") from error


def _read_error(response: AwsResponse) -> dict[str, Any]:
    try:
        problem = msgspec.json.decode(response.content, type=dict[str, Any])
        item = _ANSWERS.decode(response.content)
    except msgspec.DecodeError:
        # What stands between here and DynamoDB has answered.
        return {"Error": {"Code": str(response.status_code), "Message": ""}}
    code = str(problem.get("__type", response.status_code)).rpartition("#")[2]
    error = {"Code": code, "Message": str(problem.get("message", problem.get("Message", "")))}
    return {"Error": error, **item}

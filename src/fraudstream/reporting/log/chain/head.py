"""The newest link of the log's chain as an item of the table of profiles: outside the bucket, which it vouches for."""

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.contract import LOG_CHAIN_ITEM
from fraudstream.reporting.log.chain.links import Link

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class TableHead:
    """An item that is moved on condition."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Prepare to read and move the item.

        Args:
            client: of DynamoDB.
            table: the table of profiles.
        """
        self._client = client
        self._table = table

    def read(self) -> Link | None:
        """See `ChainHead`."""
        key = {"entity": {"S": LOG_CHAIN_ITEM}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else msgspec.json.decode(item["link"].get("S", ""), type=Link)

    def move(self, before: Link | None, after: Link) -> bool:
        """See `ChainHead`; a write that was applied although its answer was lost counts as one."""
        condition = "attribute_not_exists(entity)" if before is None else "mac = :before"
        values = {":link": {"S": msgspec.json.encode(after).decode()}, ":mac": {"S": after.mac}}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"entity": {"S": LOG_CHAIN_ITEM}},
                UpdateExpression="SET link = :link, mac = :mac",
                ConditionExpression=condition,
                ExpressionAttributeValues=values if before is None else values | {":before": {"S": before.mac}},
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            newest = self.read()
            return newest is not None and newest.mac == after.mac
        return True

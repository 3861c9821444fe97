"""A DynamoDB stream's shard as a sequence of pages."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

PAGE = 1000
"""Most records that GetRecords gives at once."""


class ShardReader:
    """Reads the one shard of an embedded stream from a starting position on.

    Args:
        streams: A client of DynamoDB Streams.
        stream_arn: The stream.
        starting_position: `TRIM_HORIZON` or `LATEST`; the latter means the moment at which this is made.

    Raises:
        ValueError: The starting position is another one, or the stream has more than one shard.
    """

    def __init__(self, streams: "DynamoDBStreamsClient", stream_arn: str, starting_position: str) -> None:
        if starting_position not in {"TRIM_HORIZON", "LATEST"}:
            raise ValueError(f"starting position {starting_position} is not TRIM_HORIZON or LATEST")
        self._streams = streams
        self._stream_arn = stream_arn
        description = streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]
        shards = description.get("Shards", [])
        if len(shards) != 1:
            raise ValueError(f"the stream has {len(shards)} shards; one is what is supported")
        self.shard_id = shards[0].get("ShardId", "")
        self._position: Mapping[str, Any] = {"ShardIteratorType": starting_position}
        self._iterator: str | None = self._new_iterator()

    def read(self) -> Sequence[Mapping[str, Any]]:
        """Read the next records; none where the end is reached."""
        if self._iterator is None:
            return ()
        try:
            page = self._streams.get_records(ShardIterator=self._iterator, Limit=PAGE)
        except ClientError as error:
            # Iterators last 15 minutes: a machine that slept, or a batch that held everything up for longer.
            if error.response.get("Error", {}).get("Code") != "ExpiredIteratorException":
                raise
            page = self._streams.get_records(ShardIterator=self._new_iterator(), Limit=PAGE)
        self._iterator = page.get("NextShardIterator")
        records = cast("Sequence[Mapping[str, Any]]", page["Records"])
        if records:
            last = records[-1]["dynamodb"]["SequenceNumber"]
            self._position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
        return records

    def _new_iterator(self) -> str:
        return self._streams.get_shard_iterator(StreamArn=self._stream_arn, ShardId=self.shard_id, **self._position)[
            "ShardIterator"
        ]

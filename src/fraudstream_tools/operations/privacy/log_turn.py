"""Whose turn it is to change hours of the log: whoever does it reads an hour, changes it and writes it.

Of two that did so with one hour at once, the later would bring back what the earlier has taken out, and no other run
would find it.
"""

import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.privacy.unfinished_changes import CHANGING_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY: Final = to_item({"entity": f"{CHANGING_PREFIX}log"})
_LONGEST: Final = 2 * SECONDS_A_DAY
"""Own choice: whoever was killed is waited for no longer."""
_POLL_SECONDS: Final = 10.0


@contextmanager
def turn_with_log(
    client: "DynamoDBClient", table: str, names: Collection[str], on_wait: Callable[[], None]
) -> Generator[None]:
    """Wait until nobody else changes hours of the log, and keep all others from it while the block runs.

    Args:
        client: of DynamoDB.
        table: the name of the table of profiles.
        names: of the work, as `UnfinishedChanges` has them: who was killed goes on with the same turn.
        on_wait: called whenever it is still somebody else's turn.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    work = min(names)
    while (since := _begin(client, table, work)) is None:
        on_wait()
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        # Whatever keeps it from being given back, the same work goes on with it.
        with suppress(BotoCoreError, ClientError):
            client.delete_item(
                TableName=table,
                Key=_KEY,
                ConditionExpression="turnOf = :work AND turnSince = :since",
                ExpressionAttributeValues=to_item({":work": work, ":since": since}),
            )


def _begin(client: "DynamoDBClient", table: str, work: str) -> int | None:
    """Begin a turn, and return since when it is taken, epoch seconds; None where it is somebody else's."""
    now = int(time.time())
    turn = to_item({"turnOf": work, "turnSince": now, "expiresAt": now + _LONGEST})
    try:
        client.put_item(
            TableName=table,
            Item=_KEY | turn,
            ConditionExpression="attribute_not_exists(entity) OR turnOf = :work OR turnSince < :over",
            ExpressionAttributeValues=to_item({":work": work, ":over": now - _LONGEST}),
        )
    except ClientError as error:
        raise_unless_condition_failed(error)
        return None
    return now

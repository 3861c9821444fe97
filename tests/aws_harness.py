"""Tables on the embedded AWS as the stack has them, and the variables by which a function finds it."""

import gzip
import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import (
    CUSTOMER_INDEX,
    LISTED_INDEX,
    LISTED_KIND,
    NETWORK_REFERENCE_INDEX,
    SAMPLE_DAY,
    SAMPLE_INDEX,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

TRANSACTION_KEYS = {"transactionId": "S", "timestamp": "N"}


def create_table(
    client: "DynamoDBClient", name: str, keys: Mapping[str, str] = TRANSACTION_KEYS, *, stream: bool = False
) -> None:
    """Create a table.

    Args:
        client: of the embedded AWS.
        name: the table's.
        keys: names and types of the partition key and, maybe, of the sort key.
        stream: whether it has a stream of old and new images.
    """
    more: Any = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
    definitions: Any = {
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        "KeySchema": [
            {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
        ],
    }
    if keys == TRANSACTION_KEYS:
        # As the Pulumi program declares it.
        definitions["AttributeDefinitions"] += [
            {"AttributeName": "customerId", "AttributeType": "S"},
            {"AttributeName": "networkReference", "AttributeType": "S"},
            {"AttributeName": SAMPLE_DAY, "AttributeType": "S"},
            {"AttributeName": "receivedAt", "AttributeType": "N"},
        ]
        definitions["GlobalSecondaryIndexes"] = [
            {
                "IndexName": name,
                "KeySchema": [
                    {"AttributeName": key, "KeyType": "HASH"},
                    {"AttributeName": "receivedAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name, key in (
                (SAMPLE_INDEX, SAMPLE_DAY),
                (CUSTOMER_INDEX, "customerId"),
                (NETWORK_REFERENCE_INDEX, "networkReference"),
            )
        ]
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **definitions, **(more if stream else {}))


def create_profiles_table(client: "DynamoDBClient", name: str) -> None:
    """Create a table of profiles, with its index of listed entities."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "entity", "AttributeType": "S"},
            {"AttributeName": LISTED_KIND, "AttributeType": "S"},
            {"AttributeName": "changedAt", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "entity", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": LISTED_INDEX,
                "KeySchema": [
                    {"AttributeName": LISTED_KIND, "KeyType": "HASH"},
                    {"AttributeName": "changedAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def function_variables(aws: MinistackServer, settings: Mapping[str, object]) -> dict[str, str]:
    """Return a function's environment: its settings, and where AWS is."""
    return {name: str(value) for name, value in settings.items()} | {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": aws.region,
        "AWS_DEFAULT_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": aws.credentials.secret_key,
    }


def import_items(
    dynamodb: "DynamoDBClient", s3: "S3Client", bucket: str, table: str, items: Iterable[Mapping[str, Any]]
) -> None:
    """Make an empty table anew with items in it, by one import from S3: many times as fast as writing them.

    Args:
        dynamodb: of the embedded AWS.
        s3: of the embedded AWS.
        bucket: where the file of the items is put.
        table: the table's name.
        items: in DynamoDB's own form.
    """
    client: Any = dynamodb  # what the stubs call optional is always answered
    asked = client.describe_table(TableName=table)["Table"]
    indexes = [
        {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in asked.get("GlobalSecondaryIndexes", [])
    ]
    client.delete_table(TableName=table)
    body = "\n".join(json.dumps({"Item": item}) for item in items)
    s3.put_object(Bucket=bucket, Key=f"imports/{table}.json.gz", Body=gzip.compress(body.encode(), 1))
    begun = client.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": f"imports/{table}"},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": table,
            "AttributeDefinitions": asked["AttributeDefinitions"],
            "KeySchema": asked["KeySchema"],
            "BillingMode": "PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        },
    )["ImportTableDescription"]["ImportArn"]
    for _ in range(600):
        found = client.describe_import(ImportArn=begun)["ImportTableDescription"]
        if found["ImportStatus"] != "IN_PROGRESS":
            break
        time.sleep(0.2)
    assert (found["ImportStatus"], found["ErrorCount"]) == ("COMPLETED", 0), found

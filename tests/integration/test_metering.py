"""What the benchmark of requests counts of the functions' own writes to DynamoDB."""

from typing import Any

import pytest

from benchmarks.metering import RequestMeter
from embedded_aws.ministack.server import MinistackServer
from fraudstream.aws.clients import quick_dynamodb
from fraudstream.aws.endpoint import Limits
from tests.aws_harness import create_table
from tests.cli_harness import point_at

TABLE = "table-transactions-test"
LARGE = 1500
"""Bytes that take two units."""


@pytest.fixture
def meter(aws: MinistackServer) -> RequestMeter:
    reader = aws.client("dynamodb")
    create_table(reader, TABLE)
    return RequestMeter(reader, {TABLE: ["customerId"]})


@pytest.fixture
def client(aws: MinistackServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    point_at(aws.endpoint_url, monkeypatch)
    monkeypatch.setenv("AWS_REGION", aws.region)
    return quick_dynamodb(Limits(read_seconds=5))


def item(name: str, size: int = 0) -> dict[str, Any]:
    return {
        "transactionId": {"S": name},
        "timestamp": {"N": "1"},
        "customerId": {"S": "tok_c"},
        "note": {"S": "x" * size},
    }


def test_a_write_takes_a_unit_for_each_kilobyte_and_one_for_the_index(meter: RequestMeter, client: Any) -> None:
    counts = meter.count_for("analyzer")
    with meter.watching():
        client.put_item(TableName=TABLE, Item=item("t-1", LARGE))
    assert counts["write_units"] == 2 + 1


def test_a_transaction_takes_each_write_twice_but_its_index_once(meter: RequestMeter, client: Any) -> None:
    client.put_item(TableName=TABLE, Item=item("t-2"))
    update = {
        "TableName": TABLE,
        "Key": {"transactionId": {"S": "t-2"}, "timestamp": {"N": "1"}},
        "UpdateExpression": "SET decision = :decision",
        "ExpressionAttributeValues": {":decision": {"S": "REVIEW"}},
    }
    counts = meter.count_for("analyzer")
    with meter.watching():
        client.transact_write_items(
            TransactItems=[{"Update": update}, {"Put": {"TableName": TABLE, "Item": item("t-3", LARGE)}}]
        )
    assert counts["dynamodb_requests"] == 1
    assert counts["write_units"] == (2 * 1 + 1) + (2 * 2 + 1)


def test_what_nobody_has_priced_is_refused_and_never_counted_as_free(meter: RequestMeter, client: Any) -> None:
    meter.count_for("analyzer")
    with meter.watching(), pytest.raises(NotImplementedError, match="DeleteItem"):
        client.call("DeleteItem", {"TableName": TABLE, "Key": {"transactionId": {"S": "t-1"}, "timestamp": {"N": "1"}}})

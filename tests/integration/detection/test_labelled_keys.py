"""Attributes of a label under the key of a transaction that comes later keep nothing of it away."""

import gzip
import json

import msgspec
import pytest

from embedded_aws.streams.filters import compile_filters
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.store import TransactionStore
from infra.compute.stream_consumers import ANALYZER_FILTERS, REPORTER_FILTERS
from tests.integration.detection.analyzer_harness import NOW, World
from tests.integration.transactions.processor_harness import KEY, payment

REQUEST = msgspec.convert(payment(transactionId="order-1", timestamp=NOW), TransactionRequest)
LABEL = {"label": "FRAUD", "labelSource": "ANALYST", "labeledAt": NOW}


@pytest.mark.parametrize("written", [{"labelSource": "x"}, LABEL])
def test_a_transaction_under_whose_key_a_label_stands_is_decided_and_logged(
    world: World, written: dict[str, object]
) -> None:
    world.dynamodb.update_item(
        TableName="transactions",
        Key=to_item({"transactionId": "order-1", "timestamp": NOW}),
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in written),
        ExpressionAttributeValues=to_item({f":{name}": value for name, value in written.items()}),
    )
    store = TransactionStore(client=world.dynamodb, table="transactions", tokenizer=Tokenizer(KEY), retention_days=400)
    assert store.put(REQUEST, now=NOW).is_new
    assert not store.put(REQUEST, now=NOW + 1).is_new
    records = world.records()
    analysis = world.analyze([each for each in records if compile_filters(ANALYZER_FILTERS)(each)])
    assert (analysis.failures, len(analysis.latencies)) == ([], 1)
    found = store.get("order-1")
    assert found is not None
    assert found.decision is not None
    assert found.label is None
    logged = [each for each in [*records, *world.records()] if compile_filters(REPORTER_FILTERS)(each)]
    batch = cut(logged, "")
    assert batch.poison == []
    lines = [json.loads(line) for each in batch.segments for line in gzip.decompress(each.body).splitlines()]
    assert [line["event"] for line in lines] == ["STORED", "DECIDED"]

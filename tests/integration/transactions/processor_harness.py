"""The transaction processor on a table of the embedded AWS."""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from fraudstream.detection.features.codec import pack
from fraudstream.settings import ProcessorSettings
from fraudstream.telemetry import Log, MetricEmitter
from fraudstream.transactions.api.routes import TransactionApi
from fraudstream.transactions.decisions.decision import Decision, Reason, Verdict
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.storage.deadline import Deadline
from fraudstream.transactions.storage.store import TransactionStore
from tests.ids_harness import new_id

KEY = base64.b64encode(bytes(range(32))).decode()
CARD = "4111 1111 1111 1111"
DAY = 86_400_000
DECISION = Decision(
    decision=Verdict.REVIEW,
    score=71,
    reasons=(
        Reason(code="CARD_VELOCITY", source="card-velocity", points=25.5),
        Reason(code="COUNTRY_MISMATCH", source="country-mismatch", points=12.25),
    ),
    features=pack({}),
    ruleset_version="0123456789ab",
    model_version="0123456789ab",
    decided_at=1_795_400_001_000,
)


def connect(endpoint: str, **config: Any) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(**config),
    )


@dataclass(frozen=True)
class Processor:
    """The API on a table of its own, with a clock that tests move."""

    api: TransactionApi
    client: Any
    table: str
    time: list[int]
    calls: Counter[str]

    def post(self, transaction: Mapping[str, Any], **event: Any) -> dict[str, Any]:
        body = json.dumps(transaction)
        return self._answer(request("POST", "/transactions", body=body) | event)

    def get(self, transaction_id: str) -> dict[str, Any]:
        path = {"pathParameters": {"id": transaction_id}}
        return self._answer(request("GET", "/transactions/{id}") | path)

    def _answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer, and write the line of the request, as the handler does."""
        try:
            return self.api.answer(event)
        finally:
            self.api.meter.flush()

    def items(self) -> list[dict[str, Any]]:
        return [from_item(item) for item in self.client.scan(TableName=self.table)["Items"]]

    def transactions(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if item["kind"] == "TXN"]

    def add(self, transaction_id: str, attributes: Mapping[str, Any]) -> None:
        """Add attributes to the stored transaction, as the analyzer does."""
        (stored,) = [item for item in self.transactions() if item["transactionId"] == transaction_id]
        key = to_item({"transactionId": transaction_id, "timestamp": stored["timestamp"]})
        (item,) = [item for item in self.client.scan(TableName=self.table)["Items"] if item.items() >= key.items()]
        self.client.put_item(TableName=self.table, Item=item | attributes)

    def remove_transaction(self, transaction_id: str) -> None:
        """Leave the claim alone, as a crash between the two writes does."""
        for item in self.transactions():
            if item["transactionId"] == transaction_id:
                key = to_item({"transactionId": transaction_id, "timestamp": item["timestamp"]})
                self.client.delete_item(TableName=self.table, Key=key)


def request(method: str, resource: str, body: str | None = None) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "resource": resource,
        "headers": {"Content-Type": "application/json"} if body is not None else None,
        "pathParameters": None,
        "requestContext": {"requestId": "11111111-aaaa", "path": f"/v1{resource}"},
        "body": body,
        "isBase64Encoded": False,
    }


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "transactionId": f"order-{new_id()}",
        "amountMinor": 4999,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "customer-81",
    } | changes


def body_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(answer["body"])


def make_processor(client: Any, table: str) -> Processor:
    """Make a processor; tests that read its log make it themselves, since it logs to the output of its making."""
    now = [1_795_400_000_000]
    settings = ProcessorSettings(environment_suffix="test", transactions_table=table, token_key=KEY)
    calls: Counter[str] = Counter()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.update([model.name]))
    deadline = Deadline()
    client.meta.events.register("request-created", deadline.check)
    store = TransactionStore(client=client, table=table, tokenizer=Tokenizer(KEY), retention_days=400)
    api = TransactionApi(
        store=store,
        settings=settings,
        deadline=deadline,
        log=Log(f"test-{new_id()}", settings),
        meter=MetricEmitter(settings),
        clock=lambda: now[0],
    )
    return Processor(api=api, client=client, table=table, time=now, calls=calls)

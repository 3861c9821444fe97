"""Tables of transactions and alerts and a bucket, as the Pulumi program declares them, and who writes to them."""

from collections.abc import Sequence
from typing import Any

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.transactions.decisions.decision import Decision, Reason, Verdict
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.transaction import Transaction, TransactionType
from tests.aws_harness import create_table

NOW = 1_767_600_000_000
TRANSACTIONS, ALERTS, BUCKET = "table-transactions-test", "table-alerts-test", "bucket-reports-test"
DECISION = Decision(
    decision=Verdict.REVIEW,
    score=41,
    reasons=(Reason(code="CARD_VELOCITY", source="card-velocity", points=2.5),),
    ruleset_version="abc",
    decided_at=NOW + 400,
)

CODES = {
    "card-velocity": "CARD_VELOCITY",
    "card-burst": "CARD_VELOCITY",
    "new-device": "NEW_DEVICE",
    "amountRatio": "MODEL_AMOUNT",
}
"""The reason codes of rules, of which two share one, and of a model's feature."""


class System:
    """The tables and the bucket, as the Pulumi program declares them, and who writes to them."""

    def __init__(self, aws: MinistackServer) -> None:
        self.dynamodb, self.s3 = aws.client("dynamodb"), aws.client("s3")
        create_table(self.dynamodb, TRANSACTIONS, stream=True)
        self.dynamodb.create_table(
            TableName=ALERTS,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "transactionId", "AttributeType": "S"},
                {"AttributeName": "statusShard", "AttributeType": "S"},
                {"AttributeName": "entity", "AttributeType": "S"},
                {"AttributeName": "createdAt", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "transactionId", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": name,
                    "KeySchema": [
                        {"AttributeName": key, "KeyType": "HASH"},
                        {"AttributeName": "createdAt", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for name, key in (("by-status", "statusShard"), ("by-entity", "entity"))
            ],
        )
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})

    def store(
        self,
        transaction_id: str,
        decision: Decision | None = DECISION,
        customer: str = "tok_customer",
        amount_minor: int = 1250,
        currency: str = "EUR",
        **more: Any,
    ) -> Transaction:
        transaction = Transaction(
            transaction_id=transaction_id,
            timestamp=NOW,
            received_at=NOW,
            amount_minor=amount_minor,
            currency=currency,
            type=TransactionType.PAYMENT,
            customer_id=customer,
            **more,
        )
        claim = {"transactionId": transaction_id, "timestamp": 0, "kind": "CLAIM"}
        self.dynamodb.put_item(TableName=TRANSACTIONS, Item=to_item(claim))
        item = transaction.to_item() | to_item({"kind": "TXN"}) | (decision.to_item() if decision else {})
        self.dynamodb.put_item(TableName=TRANSACTIONS, Item=item)
        return transaction

    def alert(
        self,
        transaction_id: str,
        *,
        at: int = NOW,
        score: int = 88,
        probability: float | None = None,
        drawn: float | None = None,
        rules: Sequence[str] = ("card-velocity", "new-device", "card-burst"),
        **of_transaction: Any,
    ) -> None:
        reasons = tuple(Reason(code=CODES.get(rule, "OWN_RULE"), source=rule, points=2.5) for rule in rules)
        decision = Decision(
            decision=Verdict.DECLINE if drawn is None else Verdict.APPROVE,
            score=score,
            probability=probability,
            exploration_propensity=drawn,
            reasons=reasons,
            ruleset_version="a",
            decided_at=at,
        )
        transaction = self.store(transaction_id, decision, **of_transaction)
        self.dynamodb.put_item(**AlertStore(self.dynamodb, ALERTS, retention_days=1).of_decision(transaction, decision))

    def item(self, transaction_id: str) -> dict[str, Any]:
        key = to_item({"transactionId": transaction_id, "timestamp": NOW})
        return from_item(self.dynamodb.get_item(TableName=TRANSACTIONS, Key=key)["Item"])

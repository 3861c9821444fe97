"""A table of transactions that are to be labelled, and the bucket that keeps who labelled them."""

from typing import Any

from embedded_aws.ministack.server import MinistackServer
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.transaction import Transaction, TransactionType
from tests.aws_harness import create_table

NOW = 1_767_600_000_000
TABLE, BUCKET = "table-transactions-test", "bucket-labels-test"


class Table:
    """The table of transactions, as the Pulumi program declares it, and a bucket for the audit log."""

    def __init__(self, aws: MinistackServer) -> None:
        self.client = aws.client("dynamodb")
        create_table(self.client, TABLE)
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})

    def store(self, *ids: str, reference: str | None = None, kind: TransactionType = TransactionType.PAYMENT) -> None:
        for transaction_id in ids:
            transaction = Transaction(
                transaction_id=transaction_id,
                timestamp=NOW,
                received_at=NOW,
                amount_minor=1250,
                currency="EUR",
                type=kind,
                customer_id="tok_customer",
                network_reference=reference,
            )
            claim = {"transactionId": transaction_id, "timestamp": 0, "kind": "CLAIM"}
            self.client.put_item(TableName=TABLE, Item=to_item(claim))
            self.client.put_item(TableName=TABLE, Item=transaction.to_item() | to_item({"kind": "TXN"}))

    def known(self, name: str) -> dict[str, Any]:
        key = to_item({"transactionId": name, "timestamp": NOW})
        item = from_item(self.client.get_item(TableName=TABLE, Key=key)["Item"])
        names = ("label", "labelSource", "labeledAt", "fraudType", "actionTaken", "actionAt")
        return {each: item[each] for each in names if each in item}

    def label(self, name: str) -> tuple[Any, ...]:
        known = self.known(name)
        return tuple(known.get(each) for each in ("label", "labelSource", "labeledAt"))

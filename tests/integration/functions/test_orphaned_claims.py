"""A claim whose transaction never came is named in the day's report: the store writes it, the look finds it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.durations import DAY, HOUR
from fraudstream.reporting.daily.table_check import find_orphaned_claims, sample_table
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.storage.sampling import sample_mark
from fraudstream.transactions.storage.store import StoreUnavailableError, TransactionStore
from tests.aws_harness import create_table

TABLE = "transactions"
NOW = int(datetime(2026, 11, 22, 14, tzinfo=UTC).timestamp() * 1000)
TODAY = date(2026, 11, 22)
MARKED = [name for name in (f"t-{number}" for number in range(400)) if sample_mark(name, NOW)]
UNMARKED = next(name for name in (f"t-{number}" for number in range(400)) if not sample_mark(name, NOW))


class DiesAfterClaim:
    """A client of DynamoDB whose process ends after the first write."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._written = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **request: Any) -> Any:
        if self._written:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem")
        self._written += 1
        return self._client.put_item(**request)


@pytest.fixture
def client(aws: MinistackServer) -> Any:
    made = aws.client("dynamodb")
    create_table(made, TABLE)
    return made


def post(client: Any, name: str, at: int = NOW) -> None:
    store = TransactionStore(client=client, table=TABLE, tokenizer=Tokenizer("a2V5" * 11), retention_days=400)
    posted = {"transactionId": name, "amountMinor": 100, "currency": "EUR", "type": "PAYMENT", "customerId": "customer"}
    request = msgspec.convert(posted, TransactionRequest)
    store.put(request, now=at)


def stop_between(client: Any, name: str) -> None:
    with pytest.raises(StoreUnavailableError):
        post(DiesAfterClaim(client), name)


def found(client: Any, *, hours_later: int = 10) -> tuple[str, ...]:
    return find_orphaned_claims(client, TABLE, TODAY, NOW + hours_later * HOUR)


def test_a_claim_without_its_transaction_is_found(client: Any) -> None:
    post(client, MARKED[0])
    stop_between(client, MARKED[1])
    stop_between(client, UNMARKED)
    assert found(client) == (MARKED[1],)
    assert found(client, hours_later=0) == (), "it may still come"
    assert sample_table(client, TABLE, TODAY) >= {MARKED[0]}
    assert MARKED[1] not in sample_table(client, TABLE, TODAY), "a claim is no transaction"


def test_a_client_that_tries_again_leaves_none(client: Any) -> None:
    stop_between(client, MARKED[0])
    post(client, MARKED[0], NOW + HOUR)
    stop_between(client, MARKED[1])
    # After midnight: its transaction stands among those of the next day.
    post(client, MARKED[1], NOW + DAY)
    assert found(client, hours_later=40) == ()
    assert find_orphaned_claims(client, TABLE, TODAY + timedelta(days=1), NOW + 40 * HOUR) == ()

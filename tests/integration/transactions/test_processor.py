"""The transaction processor on a real DynamoDB interface: what clients are promised, crash or no crash."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from fraudstream.contract import EntityKind
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.storage.attributes import to_item
from tests.integration.transactions.processor_harness import (
    DAY,
    DECISION,
    KEY,
    Processor,
    body_of,
    connect,
    make_processor,
    payment,
)


def test_a_new_transaction_is_stored_and_shown_as_pending(processor: Processor) -> None:
    sent = payment(timestamp=processor.time[0] - 5)
    answer = processor.post(sent)
    assert answer["statusCode"] == 201
    assert answer["headers"]["Location"] == f"/v1/transactions/{sent['transactionId']}"
    assert answer["headers"]["Content-Type"] == "application/json"
    state = body_of(answer)
    assert (state["status"], state["decision"], state["reasons"]) == ("PENDING", None, [])
    assert state["timestamp"] == sent["timestamp"]
    assert state["receivedAt"] == processor.time[0]
    assert body_of(processor.get(sent["transactionId"])) == state


@pytest.mark.parametrize(
    ("called", "base"),
    [
        ("/v1/transactions", "/v1/transactions"),
        ("/payments/transactions/", "/payments/transactions"),  # a custom domain's base path
        ("/transactions", "/transactions"),  # a custom domain without one
    ],
)
def test_the_location_lies_below_the_path_that_the_client_called(processor: Processor, called: str, base: str) -> None:
    sent = payment()
    answer = processor.post(sent, requestContext={"requestId": "11111111-aaaa", "path": called}, path="/transactions")
    assert answer["headers"]["Location"] == f"{base}/{sent['transactionId']}"


def write_label_alone(processor: Processor, transaction_id: str, timestamp: int) -> None:
    """Write what the analysts' policy lets them write under any key: an update makes an item that is not there."""
    processor.client.update_item(
        TableName=processor.table,
        Key=to_item({"transactionId": transaction_id, "timestamp": timestamp}),
        UpdateExpression="SET labelSource = :x",
        ExpressionAttributeValues=to_item({":x": "x"}),
    )


def test_attributes_of_a_label_claim_no_id(processor: Processor) -> None:
    sent = payment()
    write_label_alone(processor, sent["transactionId"], 0)
    assert [processor.post(sent)["statusCode"] for _ in range(2)] == [201, 200]
    assert processor.post(sent | {"amountMinor": 1})["statusCode"] == 409
    assert body_of(processor.get(sent["transactionId"]))["status"] == "PENDING"


def test_attributes_of_a_label_hide_no_transaction(processor: Processor) -> None:
    sent = payment()
    assert processor.post(sent)["statusCode"] == 201
    processor.add(sent["transactionId"], DECISION.to_item())
    for later in range(1, 4):
        write_label_alone(processor, sent["transactionId"], processor.time[0] + later)
    before = processor.calls["Query"]
    assert body_of(processor.get(sent["transactionId"]))["decision"] == "REVIEW"
    assert processor.calls["Query"] == before + 2
    write_label_alone(processor, "never-posted", processor.time[0])
    assert processor.get("never-posted")["statusCode"] == 404


def test_identifiers_are_stored_as_tokens_and_places_coarse(processor: Processor) -> None:
    raw = {
        "customerId": "customer-81",
        "counterpartyToken": "customer-81",
        "cardToken": "card-5521",
        "merchantId": "shop-17",
        "terminalId": "terminal-3",
        "deviceId": "device-9",
        "ipAddress": "::ffff:192.0.2.17",
    }
    answer = processor.post(payment(**raw, latitude=52.52437, longitude=13.41053))
    (stored,) = processor.transactions()
    assert (stored["latitude"], stored["longitude"]) == (52.52, 13.41)
    assert (
        stored["customerId"] == stored["counterpartyToken"] == Tokenizer(KEY).token(EntityKind.CUSTOMER, "customer-81")
    )
    assert stored["ipAddress"] == Tokenizer(KEY).token(EntityKind.IP, "192.0.2.17")
    for value in raw.values():
        assert value not in str(processor.items())
        assert value not in answer["body"]


def test_a_post_with_lost_answers_is_answered_and_counted_as_stored(processor: Processor) -> None:
    sent, lost = payment(), set[int]()

    def once_more(attempts: int, **_: object) -> float | None:
        if attempts > 1 or len(lost) == 2:
            return None
        lost.add(len(lost))
        return 0.0

    processor.client.meta.events.register_first("needs-retry.dynamodb.PutItem", once_more)
    answer = processor.post(sent)
    processor.client.meta.events.unregister("needs-retry.dynamodb.PutItem", once_more)
    assert len(lost) == 2
    assert answer["statusCode"] == 201
    assert processor.post(sent)["statusCode"] == 200


def test_a_repeated_post_is_answered_with_the_present_state(processor: Processor) -> None:
    sent = payment()
    first = processor.post(sent)
    processor.time[0] += 60_000
    again = processor.post(dict(reversed(sent.items())))
    assert again["statusCode"] == 200
    assert "Location" not in again["headers"]
    assert body_of(again) == body_of(first)
    assert len(processor.transactions()) == 1


def test_a_transaction_is_found_as_soon_as_it_is_stored(processor: Processor) -> None:
    asked: list[dict[str, Any]] = []
    processor.client.meta.events.register(
        "provide-client-params.dynamodb.Query", lambda params, **_: asked.append(params)
    )
    sent = payment()
    processor.post(sent)
    assert processor.get(sent["transactionId"])["statusCode"] == 200
    # A read that is not consistent may be one of before, on AWS and never here.
    assert [query["ConsistentRead"] for query in asked] == [True]


def test_a_repeated_post_costs_no_read(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    processor.post(sent)
    assert set(processor.calls) == {"PutItem"}


def test_another_transaction_under_the_same_id_is_a_conflict(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    before = processor.items()
    for change in ({"amountMinor": 5000}, {"timestamp": processor.time[0]}, {"deviceId": "device-9"}):
        answer = processor.post(sent | change)
        assert answer["statusCode"] == 409
        assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert processor.items() == before


def test_a_crash_between_the_two_writes_is_repaired_by_the_retry(processor: Processor) -> None:
    sent = payment()
    first = processor.time[0]
    processor.post(sent)
    (before,) = processor.transactions()
    processor.remove_transaction(sent["transactionId"])
    assert processor.get(sent["transactionId"])["statusCode"] == 404

    processor.time[0] += DAY
    answer = processor.post(sent)
    assert answer["statusCode"] == 201
    assert body_of(answer)["timestamp"] == first, "the claim's time stands"
    (after,) = processor.transactions()
    assert after["expiresAt"] == before["expiresAt"]


def test_a_claim_lives_as_long_as_its_transaction(processor: Processor) -> None:
    processor.post(payment())
    claim, stored = sorted(processor.items(), key=lambda item: item["timestamp"])
    assert claim["kind"] == "CLAIM"
    assert claim["timestamp"] == 0
    assert claim["expiresAt"] == stored["expiresAt"] == (processor.time[0] + 400 * DAY) // 1000


def test_what_happened_long_ago_is_kept_as_long_from_its_receipt(processor: Processor) -> None:
    processor.post(payment(timestamp=processor.time[0] - 29 * DAY))
    assert {item["expiresAt"] for item in processor.items()} == {(processor.time[0] + 400 * DAY) // 1000}


def test_a_decided_transaction_is_never_overwritten(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    processor.add(sent["transactionId"], DECISION.to_item())
    before = processor.items()
    answer = processor.post(sent)
    assert answer["statusCode"] == 200
    assert body_of(answer)["decision"] == "REVIEW"
    assert processor.items() == before


def test_a_decision_and_a_label_are_shown(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=1)
    processor.add(sent["transactionId"], DECISION.to_item() | label.to_item())
    state = body_of(processor.get(sent["transactionId"]))
    assert (state["status"], state["score"], state["label"]) == ("DECIDED", 71, "FRAUD")
    assert [reason["code"] for reason in state["reasons"]] == ["CARD_VELOCITY", "COUNTRY_MISMATCH"]
    assert all(reason["message"].endswith(".") for reason in state["reasons"])


def test_a_transaction_without_a_decision_after_all_retries_has_failed(processor: Processor) -> None:
    sent = payment()
    processor.post(sent)
    processor.time[0] += 3_600_001
    assert body_of(processor.get(sent["transactionId"]))["status"] == "FAILED"


def test_of_many_equal_posts_at_once_exactly_one_is_new(endpoint: str, table: str) -> None:
    sent = payment()
    processors = [make_processor(connect(endpoint), table) for _ in range(8)]
    with ThreadPoolExecutor(len(processors)) as pool:
        answers = list(pool.map(lambda processor: processor.post(sent), processors))
    assert sorted(answer["statusCode"] for answer in answers) == [200] * 7 + [201]
    assert len(processors[0].transactions()) == 1


def test_a_repeat_across_the_upgrade_from_0_1_0_is_no_conflict(processor: Processor) -> None:
    sent = payment(customerId=" customer-81", ipAddress="2001:DB8::17", timestamp=processor.time[0])
    assert processor.post(sent)["statusCode"] == 201
    (claim,) = [item for item in processor.items() if item["kind"] == "CLAIM"]
    # As 0.1.0 made it: over the fields as they were posted, without a version.
    encoded = msgspec.json.encode(msgspec.convert(sent, TransactionRequest), order="deterministic")
    old = claim | {"payloadHash": Tokenizer(KEY).payload_hash(encoded)}
    assert old["payloadHash"] != claim["payloadHash"]
    processor.client.put_item(TableName=processor.table, Item=to_item(old))
    assert processor.post(sent)["statusCode"] == 200
    assert processor.post(sent | {"amountMinor": 5000})["statusCode"] == 409


def test_a_repeat_in_another_spelling_is_the_same_transaction(processor: Processor) -> None:
    sent = payment(customerId="customer-81", ipAddress="2001:db8::17", timestamp=processor.time[0])
    assert processor.post(sent)["statusCode"] == 201
    assert processor.post(sent | {"customerId": " customer-81 ", "ipAddress": "2001:DB8:0::17"})["statusCode"] == 200
    assert processor.post(sent | {"ipAddress": "2001:db8::18"})["statusCode"] == 409
    assert processor.post(sent | {"customerId": "Customer-81"})["statusCode"] == 409

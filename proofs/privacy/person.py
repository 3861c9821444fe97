"""A person whose payments are everywhere, and who is erased."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import boto3

from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.operations.audit.identity import operator_of
from fraudstream_tools.operations.privacy.erasure.erasing import Erasure, Person
from fraudstream_tools.operations.privacy.erasure.receipt import keep_receipt
from fraudstream_tools.operations.privacy.log_owner import LogOwner
from fraudstream_tools.operations.privacy.system import PrivacySystem
from fraudstream_tools.operations.report_function import ReportFunction
from proofs.privacy.requests import MarkedRequest, RequestMaker
from proofs.running.deployed import RunningSystem

_PAYMENTS: Final = 8
_SETTLE_SECONDS: Final = 1.0
"""Nothing is being written when the experiment erases."""


@dataclass
class MarkedPerson:
    """A person with a card, a device and an address that nobody else has."""

    requests: list[MarkedRequest]
    ids: list[str]
    tokens: frozenset[str] = frozenset()
    """Known once the payments are answered."""


def make_person(maker: RequestMaker) -> MarkedPerson:
    """Return a person with payments, flagged ones too, and one payment by which somebody else pays the person."""
    marks = maker.marks
    person = {"customerId": marks.email(), "cardToken": marks.plain(), "deviceId": marks.plain()}
    person["ipAddress"] = marks.address()
    payments = [
        maker.payment(**person, amountMinor=900_000, cardCountry="DE", ipCountry="VN") for _ in range(_PAYMENTS)
    ]
    paid = maker.payment(type="TRANSFER", counterpartyToken=person["customerId"])
    return MarkedPerson(
        requests=[maker.posted(each) for each in (*payments, paid)],
        ids=[each["transactionId"] for each in payments],
    )


def learn_tokens(person: MarkedPerson, states: Iterator[dict[str, Any]]) -> None:
    """Note which tokens a person has, from what the API answered about the person's payments."""
    known = [state for state in states if state["transactionId"] in person.ids]
    person.tokens = frozenset(
        state[name] for state in known for name in ("customerId", "cardToken", "deviceId", "ipAddress")
    )


def erase(system: RunningSystem, customer: str) -> None:
    """Erase a person as `fraudstream erase` does.

    Args:
        system: where.
        customer: the customer's token.
    """
    cloud = system.cloud
    with lambda_endpoint(cloud.invoke, cloud) as url:
        session: Any = boto3.Session()
        lambdas: Any = session.client(
            "lambda",
            region_name=cloud.outputs["region"],
            endpoint_url=url,
            aws_access_key_id=cloud.credentials.access_key,
            aws_secret_access_key=cloud.credentials.secret_key,
        )
        stores = PrivacySystem(
            dynamodb=cloud.client("dynamodb"),
            s3=cloud.client("s3"),
            log_owner=LogOwner(ReportFunction(lambdas, cloud.outputs["reportFunction"])),
            transactions=cloud.outputs["transactionsTable"],
            profiles=cloud.outputs["profilesTable"],
            alerts=cloud.outputs["alertsTable"],
            bucket=cloud.outputs["bucketName"],
            outbox=cloud.outputs["outboxTable"],
        )
        by = operator_of(cloud.client("sts")).arn
        person = Person(frozenset({customer}), by)
        keep_receipt(stores, Erasure(stores, person, settle_seconds=_SETTLE_SECONDS).run())

"""What an erasure needs, and what it leaves, in tables and in a bucket that keeps old versions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.privacy.erasure import Erasure, Person
from fraudstream_tools.operations.privacy.receipt import RECOVERY_DAYS, ErasureReceipt, keep_receipt
from fraudstream_tools.operations.privacy.system import PrivacySystem
from proofs.access.evaluator import Asked, enforce
from tests.integration.cli.review_harness import System
from tests.integration.console.test_privacy_of_cases import ANN, stores
from tests.integration.console.test_rights import FUNCTIONS, TABLES

__all__ = ["stores"]

LISTED_RIGHTS = {
    *(f"dynamodb:{name}" for name in ("Scan", "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem")),
    *(f"s3:{name}" for name in ("ListBucket", "GetObject", "PutObject", "DeleteObject")),
    *(f"s3:{name}" for name in ("ListBucketVersions", "DeleteObjectVersion")),
}
"""What docs/privacy.md asks for at least."""


def erase(stores: PrivacySystem) -> ErasureReceipt:
    return Erasure(stores, Person(frozenset({ANN}), "somebody"), settle_seconds=0).run()


def test_the_rights_that_are_asked_for_bring_an_erasure_to_its_receipt(
    aws: MinistackServer, system: System, stores: PrivacySystem
) -> None:
    system.alert("a-1", customer=ANN)

    def may(asked: Asked) -> bool:
        return asked.action in LISTED_RIGHTS

    held: dict[str, Any] = {
        service: enforce(aws.client(service, aws.credentials), may, TABLES, FUNCTIONS) for service in ("dynamodb", "s3")
    }
    limited = replace(stores, **held)
    receipt = erase(limited)
    assert keep_receipt(limited, receipt)
    assert receipt.removed["transactions"] == 1
    # Who may not ask how far a table can be taken back is told the longest.
    ends = {each.ends for each in receipt.remains if each.what.startswith("point-in-time recovery")}
    assert ends == {(datetime.now(UTC) + timedelta(days=RECOVERY_DAYS)).date().isoformat()}

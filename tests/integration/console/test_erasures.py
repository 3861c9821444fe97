"""What an erasure needs, and what it leaves, in tables and in a bucket that keeps old versions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.privacy.erasure.erasing import Erasure, Person
from fraudstream_tools.operations.privacy.erasure.receipt import RECOVERY_DAYS, ErasureReceipt, keep_receipt
from fraudstream_tools.operations.privacy.system import PrivacySystem
from proofs.access.evaluator import Asked, enforce
from tests.integration.cli.review_harness import BUCKET, System
from tests.integration.console.privacy_harness import ANN, BOB
from tests.integration.console.test_rights import FUNCTIONS, TABLES

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


def test_what_queries_found_goes_where_it_has_the_persons_ids(system: System, stores: PrivacySystem) -> None:
    """A saved query of undecided transactions finds ids and times, and no token."""
    system.alert("a-1", customer=ANN)
    system.alert("a-10", customer=BOB)
    put(system, "query-results/ann.csv", '"transactionId","receivedAt"\n"a-1","17"\n')
    put(system, "query-results/list.csv", '"ids"\n"[b-1, a-1:, c]"\n')
    put(system, "query-results/bob.csv", '"transactionId","receivedAt"\n"a-10","17"\n"x.a-1","18"\n')
    receipt = erase(stores)
    assert receipt.removed["other objects"] == 2
    assert receipt.by_hand == ()
    assert versions(system, "query-results/") == ["query-results/bob.csv"]


def test_nothing_is_left_of_results_and_reports_that_have_expired(system: System, stores: PrivacySystem) -> None:
    """S3 keeps them as old versions, without a current one by which an erasure could find them."""
    system.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in ("query-results/ann.csv", "reports/daily/2026-01-05/report.json"):
        put(system, key, f'["{ANN}"]')
        system.s3.delete_object(Bucket=BUCKET, Key=key)
    there = "reports/daily/2026-01-06/report.json"
    for _ in range(2):
        put(system, there, "[]")
    assert erase(stores).old_versions == 4
    assert versions(system, "query-results/") == []
    assert versions(system, "reports/") == [there, there]


def put(system: System, key: str, text: str) -> None:
    system.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def versions(system: System, prefix: str) -> list[str]:
    """Return the keys of all versions and marks of deletion."""
    listed = system.s3.list_object_versions(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for each in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ()))]

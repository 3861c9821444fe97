"""The trail tells who read or changed what is stored, and leaves out what the functions do all day."""

import json
from typing import Any

import pytest

from fraudstream.contract import FUNCTIONS
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare, Graph

BUCKET = "arn:aws:s3:::bucket-audit-123456789012-test"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/trail-audit-test"

WEBHOOK = {"alertWebhookUrl": "https://example.com/fraud", "alertWebhookSecret": "0123456789abcdef"}
FUNCTION_ROLES = tuple(f"role-{each}-" for each in FUNCTIONS)


@pytest.fixture(scope="module")
def audited(declare: Declare) -> Graph:
    return declare({"fraudstream:auditTrail": "true"})


def selectors(graph: Graph) -> dict[str, dict[str, Any]]:
    found = graph.one("aws:cloudtrail/trail:Trail")["advancedEventSelectors"]
    return {each["name"]: {field["field"]: field for field in each["fieldSelectors"]} for each in found}


def test_without_the_setting_nothing_is_recorded(graph: Graph) -> None:
    assert not graph.has("aws:cloudtrail/trail:Trail")
    assert len(graph.of("aws:s3/bucket:Bucket")) == 1


def test_every_table_and_the_whole_bucket_are_looked_at(audited: Graph) -> None:
    found = selectors(audited)
    assert found["tables"]["resources.type"]["equals"] == ["AWS::DynamoDB::Table"]
    assert set(found["tables"]["resources.ARN"]["equals"]) == {
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table-{purpose}-test"
        for purpose in ("transactions", "profiles", "alerts", "outbox")
    }
    assert found["bucket"]["resources.type"]["equals"] == ["AWS::S3::Object"]
    (prefix,) = found["bucket"]["resources.ARN"]["startsWiths"]
    assert prefix.startswith("arn:aws:s3:::bucket-reports-")
    assert prefix.endswith("/"), "no bucket whose name begins alike"


def test_the_functions_own_work_is_left_out_and_nobody_elses(audited: Graph) -> None:
    roles = {
        f"arn:aws:sts::{ACCOUNT}:assumed-role/role-{purpose}-test/"
        for purpose in ("transaction-processor", "fraud-analyzer", "report-generator")
    }
    found = selectors(audited)
    for name in ("tables", "bucket"):
        assert set(found[name]["userIdentity.arn"]["notStartsWiths"]) == roles


def test_whoever_reads_a_tables_stream_is_recorded(audited: Graph) -> None:
    streams = selectors(audited)["streams"]
    assert streams["eventCategory"]["equals"] == ["Data"]
    assert streams["resources.type"]["equals"] == ["AWS::DynamoDB::Stream"]
    recorded = tuple(streams["resources.ARN"]["startsWiths"])
    for table in audited.of("aws:dynamodb/table:Table"):
        if table.inputs.get("streamEnabled"):
            arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table['name']}"
            assert f"{arn}/stream/2026-01-01T00:00:00.000".startswith(recorded)
    assert all(each.endswith("/stream/") for each in recorded), "no table whose name begins alike"


@pytest.mark.parametrize("settings", [{}, {"events": "all"}, WEBHOOK])
def test_pipes_read_streams_unrecorded_if_they_exist(declare: Declare, settings: dict[str, str]) -> None:
    chosen = {f"fraudstream:{name}": value for name, value in {"auditTrail": "true", **settings}.items()}
    graph = declare(chosen)
    names = [each["name"] for each in graph.of("aws:iam/role:Role")]
    reading = [each for each in names if each.endswith("-pipe-test") or each.startswith(FUNCTION_ROLES)]
    left_out = selectors(graph)["streams"]["userIdentity.arn"]["notStartsWiths"]
    assert sorted(left_out) == sorted(f"arn:aws:sts::{ACCOUNT}:assumed-role/{each}/" for each in reading)


def test_the_trail_is_no_part_of_what_it_records(audited: Graph) -> None:
    (recorded,) = selectors(audited)["bucket"]["resources.ARN"]["startsWiths"]
    assert audited.one("aws:cloudtrail/trail:Trail")["s3BucketName"] not in recorded


def test_cloudtrail_may_write_for_this_trail_alone(audited: Graph) -> None:
    policy = json.loads(audited.one("aws:s3/bucketPolicy:BucketPolicy", "policy-bucket-audit-test")["policy"])
    allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    assert [each["Action"] for each in allowed] == [["s3:GetBucketAcl"], ["s3:PutObject"]]
    for each in allowed:
        assert each["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert each["Condition"]["StringEquals"]["aws:SourceArn"] == TRAIL


def test_files_can_be_checked_and_end_by_themselves(audited: Graph) -> None:
    assert audited.one("aws:cloudtrail/trail:Trail")["enableLogFileValidation"] is True
    (rule,) = audited.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "lifecycle-audit-test")[
        "rules"
    ]
    assert rule["expiration"]["days"] == 400
    assert audited.one("aws:s3/bucket:Bucket", "bucket-audit-test")["forceDestroy"] is True


def test_a_lock_is_governance_so_that_the_stack_can_be_destroyed(audited: Graph, declare: Declare) -> None:
    lock = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
    assert not audited.has(lock)
    locked = declare({"fraudstream:auditTrail": "true", "fraudstream:auditTrailLockDays": "500"})
    assert locked.one(lock)["rule"]["defaultRetention"] == {"mode": "GOVERNANCE", "days": 500}
    (rule,) = locked.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "lifecycle-audit-test")[
        "rules"
    ]
    assert rule["expiration"]["days"] == 500

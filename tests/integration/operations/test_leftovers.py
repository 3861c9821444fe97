"""What an account still has of a destroyed stack is found by tag and by name, and told with its end."""

import json
import shlex
import subprocess
from typing import Any

import boto3
import pytest
from botocore.config import Config

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.leftovers import Leftover, Unseen, find_leftovers
from tests.aws_harness import create_table, function_variables

ENVIRONMENT = "old"


def found(aws: MinistackServer, environment: str = ENVIRONMENT) -> dict[str, list[Any]]:
    kinds: dict[str, list[Any]] = {}
    for each in find_leftovers(aws.client, environment):
        kinds.setdefault(each.kind, []).append(each)
    return kinds


@pytest.fixture
def remains(aws: MinistackServer) -> MinistackServer:
    """What AWS keeps, of a stack `old`, of stacks whose names begin or end alike, and of others."""
    dynamodb, logs, kms = aws.client("dynamodb"), aws.client("logs"), aws.client("kms")
    for environment in (ENVIRONMENT, "older", "not-old-2", "not-old"):
        create_table(dynamodb, f"table-alerts-{environment}", {"transactionId": "S"})
        dynamodb.create_backup(TableName=f"table-alerts-{environment}", BackupName="last")
        logs.create_log_group(logGroupName=f"/aws/lambda/lambda-fraud-analyzer-{environment}")
        key = kms.create_key(Tags=[{"TagKey": "Name", "TagValue": f"key-data-{environment}"}])["KeyMetadata"]["KeyId"]
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        aws.client("s3").create_bucket(
            Bucket=f"bucket-reports-123456789012-{environment}",
            CreateBucketConfiguration={"LocationConstraint": aws.region},
        )
        aws.client("iam").create_role(RoleName=f"role-fraud-analyzer-{environment}", AssumeRolePolicyDocument="{}")
    dynamodb.create_table(
        TableName="orders-old",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return aws


def test_an_account_without_a_stack_has_nothing_of_it(aws: MinistackServer) -> None:
    assert found(aws) == {}


def test_what_is_left_of_one_stack_is_found_and_nothing_of_others(remains: MinistackServer) -> None:
    kinds = found(remains)
    assert [each.name for each in kinds["table"]] == ["table-alerts-old"]
    assert [each.name for each in kinds["bucket"]] == ["bucket-reports-123456789012-old"]
    assert [each.name for each in kinds["log group"]] == ["/aws/lambda/lambda-fraud-analyzer-old"]
    assert [each.name for each in kinds["role"]] == ["role-fraud-analyzer-old"]
    assert len(kinds["table backup"]) == len(kinds["key"]) == 1
    assert "/table-alerts-old/" in kinds["table backup"][0].name


def test_what_goes_by_itself_says_when(remains: MinistackServer) -> None:
    (key,) = found(remains)["key"]
    assert key.ends.startswith("KMS deletes it on 20")
    (group,) = found(remains)["log group"]
    assert group.ends.endswith("without that it is kept for ever")


def test_a_bucket_with_versions_is_gone_by_the_command_that_is_told(remains: MinistackServer) -> None:
    s3, name = remains.client("s3"), "bucket-reports-123456789012-old"
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=name, Key="reports/of-a-day.json", Body=b"{}")
    s3.delete_object(Bucket=name, Key="reports/of-a-day.json")
    (bucket,) = found(remains)["bucket"]
    assert bucket.stays
    subprocess.run(shlex.split(bucket.ends), check=True, env=function_variables(remains, {}))
    assert "bucket" not in found(remains)


def test_a_locked_file_of_the_trail_is_said_to_need_more(remains: MinistackServer) -> None:
    remains.client("s3").create_bucket(
        Bucket="bucket-audit-123456789012-old", CreateBucketConfiguration={"LocationConstraint": remains.region}
    )
    told = {each.name: each.ends for each in found(remains)["bucket"]}
    assert "BypassGovernanceRetention" in told["bucket-audit-123456789012-old"]
    assert "BypassGovernanceRetention" not in told["bucket-reports-123456789012-old"]


def test_a_role_is_told_to_lose_its_policies_before_it_is_deleted(remains: MinistackServer) -> None:
    iam, name = remains.client("iam"), "role-fraud-analyzer-old"
    statement = {"Effect": "Allow", "Action": "xray:PutTraceSegments", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for policy in ("policy-fraud-analyzer-logs-old", "policy-fraud-analyzer-traces-old"):
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    (role,) = found(remains)["role"]
    assert role.ends.split(" && ") == [
        "aws iam delete-role-policy --role-name role-fraud-analyzer-old --policy-name policy-fraud-analyzer-logs-old",
        "aws iam delete-role-policy --role-name role-fraud-analyzer-old --policy-name policy-fraud-analyzer-traces-old",
        f"aws iam detach-role-policy --role-name role-fraud-analyzer-old --policy-arn {managed}",
        "aws iam delete-role --role-name role-fraud-analyzer-old",
    ]


def test_what_ends_by_itself_does_not_stay(remains: MinistackServer) -> None:
    kinds = found(remains)
    assert not kinds["key"][0].stays
    assert all(each.stays for kind in ("table", "bucket", "log group", "role") for each in kinds[kind])
    (backup,) = kinds["table backup"]
    assert backup.ends == f"aws dynamodb delete-backup --backup-arn {backup.name}"


def test_a_service_that_refuses_is_told_and_stops_nothing(remains: MinistackServer) -> None:
    def clients(service: str) -> Any:
        # A client of a region without an endpoint that answers.
        return remains.client(service) if service != "kms" else _unreachable(remains)

    told = list(find_leftovers(clients, ENVIRONMENT))
    assert [each.kind for each in told if isinstance(each, Unseen)] == ["keys"]
    assert "role" in {each.kind for each in told if isinstance(each, Leftover)}


def _unreachable(aws: MinistackServer) -> Any:
    return boto3.client(
        "kms",
        region_name=aws.region,
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(connect_timeout=0.2, retries={"total_max_attempts": 1}),
    )

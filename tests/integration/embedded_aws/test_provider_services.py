"""Resources that the provider creates in ministack, as their services tell of them."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.provider import Account, LocalProvider
from embedded_aws.pulumi_program import Resource
from embedded_aws.unpacked import UnpackedPackages

Declare = Callable[..., dict[str, Any]]


@pytest.fixture
def declare(aws: MinistackServer, tmp_path: Path) -> Declare:
    provider = LocalProvider(
        Account(aws), packages=UnpackedPackages(tmp_path), reserve_port=lambda: 0, on_progress=lambda _: None
    )

    def create(kind: str, name: str, /, **inputs: Any) -> dict[str, Any]:
        created = provider.create(Resource(type=kind, name=name, inputs=inputs), f"urn:{name}")
        return {"id": created.id, **created.outputs}

    return create


def test_a_table_has_its_keys_index_stream_expiry_key_and_tags(aws: MinistackServer, declare: Declare) -> None:
    key = declare("aws:kms/key:Key", "key", enableKeyRotation=True)
    made = declare(
        "aws:dynamodb/table:Table",
        "orders",
        name="table-orders",
        billingMode="PAY_PER_REQUEST",
        hashKey="id",
        rangeKey="at",
        attributes=[{"name": "id", "type": "S"}, {"name": "at", "type": "N"}, {"name": "status", "type": "S"}],
        globalSecondaryIndexes=[
            {
                "name": "by-status",
                "keySchemas": [
                    {"attributeName": "status", "keyType": "HASH"},
                    {"attributeName": "at", "keyType": "RANGE"},
                ],
                "projectionType": "ALL",
            }
        ],
        streamEnabled=True,
        streamViewType="NEW_AND_OLD_IMAGES",
        ttl={"enabled": True, "attributeName": "expiresAt"},
        pointInTimeRecovery={"enabled": True},
        serverSideEncryption={"enabled": True, "kmsKeyArn": key["arn"]},
        tags={"Team": "orders"},
    )
    dynamodb = aws.client("dynamodb")
    table = dynamodb.describe_table(TableName="table-orders")["Table"]
    assert (made["id"], made["name"]) == ("table-orders", "table-orders")
    assert made["arn"] == table["TableArn"]
    assert made["streamArn"] == table["LatestStreamArn"]
    assert [each["AttributeName"] for each in table["KeySchema"]] == ["id", "at"]
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "by-status"
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key["arn"]
    ttl = dynamodb.describe_time_to_live(TableName="table-orders")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
    assert {"Key": "Team", "Value": "orders"} in dynamodb.list_tags_of_resource(ResourceArn=made["arn"])["Tags"]


def test_a_bucket_has_its_settings_and_objects(aws: MinistackServer, declare: Declare, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules: []")
    bucket = declare("aws:s3/bucket:Bucket", "reports", bucket="reports-0", forceDestroy=True)["bucket"]
    declare(
        "aws:s3/bucketVersioning:BucketVersioning", "v", bucket=bucket, versioningConfiguration={"status": "Enabled"}
    )
    declare(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "l",
        bucket=bucket,
        rules=[{"id": "old", "status": "Enabled", "filter": {"prefix": "log/"}, "expiration": {"days": 5}}],
    )
    declare(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "b",
        bucket=bucket,
        blockPublicAcls=True,
        blockPublicPolicy=True,
        ignorePublicAcls=True,
        restrictPublicBuckets=True,
    )
    made = declare(
        "aws:s3/bucketObjectv2:BucketObjectv2", "o", bucket=bucket, key="r.yaml", source=pulumi.FileAsset(str(file))
    )
    declare("aws:s3/bucketObjectv2:BucketObjectv2", "p", bucket=bucket, key="p", content="text")

    s3 = aws.client("s3")
    assert s3.get_object(Bucket=bucket, Key="r.yaml")["Body"].read() == b"rules: []"
    assert s3.get_object(Bucket=bucket, Key="p")["Body"].read() == b"text"
    assert made["versionId"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["ID"], rule["Filter"], rule["Expiration"]) == ("old", {"Prefix": "log/"}, {"Days": 5})
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_a_role_has_its_policies(aws: MinistackServer, declare: Declare) -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = declare(
        "aws:iam/role:Role",
        "r",
        name="role-r",
        assumeRolePolicy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    )
    declare("aws:iam/rolePolicy:RolePolicy", "inline", role=role["name"], name="inline", policy=policy)
    managed = declare("aws:iam/policy:Policy", "managed", policy=policy)
    declare("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", role=role["name"], policyArn=managed["arn"])

    iam = aws.client("iam")
    assert iam.get_role(RoleName="role-r")["Role"]["Arn"] == role["arn"]
    assert iam.list_role_policies(RoleName="role-r")["PolicyNames"] == ["inline"]
    (attached,) = iam.list_attached_role_policies(RoleName="role-r")["AttachedPolicies"]
    assert attached["PolicyArn"] == managed["arn"]


def test_queues_topics_and_subscriptions_are_there(aws: MinistackServer, declare: Declare) -> None:
    queue = declare("aws:sqs/queue:Queue", "q", name="dead", messageRetentionSeconds=1209600, tags={"Team": "a"})
    topic = declare("aws:sns/topic:Topic", "t", name="alerts")
    declare(
        "aws:sns/topicSubscription:TopicSubscription", "s", topic=topic["arn"], protocol="sqs", endpoint=queue["arn"]
    )
    aws.client("sns").publish(TopicArn=topic["arn"], Message="hello")

    sqs = aws.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=queue["url"], AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert attributes["QueueArn"] == queue["arn"]
    (message,) = sqs.receive_message(QueueUrl=queue["url"], WaitTimeSeconds=2)["Messages"]
    assert json.loads(message["Body"])["Message"] == "hello"


def test_a_key_encrypts_under_its_alias(aws: MinistackServer, declare: Declare) -> None:
    key = declare("aws:kms/key:Key", "k", description="all", deletionWindowInDays=7)
    alias = declare("aws:kms/alias:Alias", "a", name="alias/data", targetKeyId=key["keyId"])
    assert alias["targetKeyArn"] == key["arn"]
    kms = aws.client("kms")
    sealed = kms.encrypt(KeyId="alias/data", Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"


def test_a_password_is_as_long_as_asked_and_new_every_time(declare: Declare) -> None:
    kind = "random:index/randomPassword:RandomPassword"
    first, second = (declare(kind, "r", length=2000, special=True, overrideSpecial="+/") for _ in range(2))
    assert len(first["result"]) == 2000
    assert set(first["result"]) == set(string.ascii_letters + string.digits + "+/")
    assert first["result"] != second["result"]

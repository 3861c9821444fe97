"""Tables, buckets and objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi

from embedded_aws.provider.account import Account
from embedded_aws.provider.creators import Create
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.policies import without_transport_demands
from embedded_aws.pulumi_program import Created, DeploymentError

_HOME_REGION = "us-east-1"
"""The only one that S3 does not take as a location."""


class Storage:
    """DynamoDB and S3."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def creators(self) -> Mapping[str, Create]:
        """Return the methods by resource type."""
        return {
            "aws:dynamodb/table:Table": self.table,
            "aws:s3/bucket:Bucket": self.bucket,
            "aws:s3/bucketObjectv2:BucketObjectv2": self.bucket_object,
            "aws:s3/bucketVersioning:BucketVersioning": self.bucket_versioning,
            "aws:s3/bucketPolicy:BucketPolicy": self.bucket_policy,
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": self.encryption,
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": self.lifecycle,
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": self.public_access_block,
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls": self.ownership_controls,
        }

    def table(self, name: str, inputs: Inputs) -> Created:
        """Create a table with its indexes, stream and expiry."""
        inputs.skip("deletionProtectionEnabled", "tableClass")
        dynamodb = self._account.client("dynamodb")
        table = inputs.get("name", name)
        request: dict[str, Any] = {
            "TableName": table,
            "BillingMode": inputs.get("billingMode", "PROVISIONED"),
            "AttributeDefinitions": [
                {"AttributeName": each["name"], "AttributeType": each["type"]} for each in inputs["attributes"]
            ],
            "KeySchema": _key_schema(inputs["hashKey"], inputs.get("rangeKey")),
            "Tags": inputs.tag_list(),
        }
        if request["BillingMode"] == "PROVISIONED":
            request["ProvisionedThroughput"] = {
                "ReadCapacityUnits": inputs["readCapacity"],
                "WriteCapacityUnits": inputs["writeCapacity"],
            }
        if indexes := inputs.get("globalSecondaryIndexes"):
            request["GlobalSecondaryIndexes"] = [_index(each) for each in indexes]
        view = inputs.get("streamViewType")
        if inputs.get("streamEnabled", False):
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        encryption = inputs.get("serverSideEncryption", {})
        if encryption.get("enabled"):
            key = encryption.get("kmsKeyArn")
            request["SSESpecification"] = {
                "Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})
            }  # fmt: skip
        made = dynamodb.create_table(**request)["TableDescription"]
        if (ttl := inputs.get("ttl", {})).get("enabled"):
            dynamodb.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl["attributeName"]},
            )
        if inputs.get("pointInTimeRecovery", {}).get("enabled"):
            dynamodb.update_continuous_backups(
                TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        outputs = {"arn": made["TableArn"], "name": table}
        if "LatestStreamArn" in made:
            outputs |= {"streamArn": made["LatestStreamArn"], "streamLabel": made["LatestStreamLabel"]}
        return Created(id=table, outputs=outputs)

    def bucket(self, name: str, inputs: Inputs) -> Created:
        """Create a bucket."""
        inputs.skip("forceDestroy")
        bucket = inputs.get("bucket", name)
        region = self._account.region
        place = {} if region == _HOME_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3 = self._account.client("s3")
        s3.create_bucket(Bucket=bucket, **place)
        if tags := inputs.tag_list():
            s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
        domain = f"{bucket}.s3.{region}.amazonaws.com"
        outputs = {"arn": f"arn:aws:s3:::{bucket}", "bucket": bucket, "bucketRegionalDomainName": domain}
        return Created(id=bucket, outputs={**outputs, "region": region})

    def bucket_object(self, name: str, inputs: Inputs) -> Created:
        """Write an object to a bucket."""
        inputs.skip("sourceHash", "etag", "forceDestroy", "tags")
        bucket, key = inputs["bucket"], inputs.get("key", name)
        options = {
            option: value
            for option, value in {
                "ContentType": inputs.get("contentType"),
                "CacheControl": inputs.get("cacheControl"),
                "ServerSideEncryption": inputs.get("serverSideEncryption"),
                "SSEKMSKeyId": inputs.get("kmsKeyId"),
            }.items()
            if value is not None
        }
        body = _body(inputs.get("source"), inputs.get("content"))
        put = self._account.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **options)
        arn = f"arn:aws:s3:::{bucket}/{key}"
        outputs = {"arn": arn, "key": key, "etag": put["ETag"].strip('"'), "versionId": put.get("VersionId", "")}
        return Created(id=key, outputs=outputs)

    def bucket_versioning(self, _name: str, inputs: Inputs) -> Created:
        """Keep the old versions of a bucket's objects."""
        bucket = inputs["bucket"]
        self._account.client("s3").put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": inputs["versioningConfiguration"]["status"]}
        )
        return Created(id=bucket)

    def bucket_policy(self, _name: str, inputs: Inputs) -> Created:
        """Attach a policy to a bucket, as far as it can hold without TLS."""
        bucket = inputs["bucket"]
        if policy := without_transport_demands(inputs["policy"]):
            self._account.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
        return Created(id=bucket)

    def encryption(self, _name: str, inputs: Inputs) -> Created:
        """Set how a bucket's objects are encrypted."""
        bucket = inputs["bucket"]
        rules: list[dict[str, Any]] = []
        for rule in inputs["rules"]:
            default = rule["applyServerSideEncryptionByDefault"]
            key = default.get("kmsMasterKeyId")
            rules.append(
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": default["sseAlgorithm"],
                        **({"KMSMasterKeyID": key} if key else {}),
                    },
                    "BucketKeyEnabled": rule.get("bucketKeyEnabled", False),
                }
            )
        self._account.client("s3").put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules}
        )
        return Created(id=bucket)

    def lifecycle(self, _name: str, inputs: Inputs) -> Created:
        """Set when a bucket's objects go."""
        bucket = inputs["bucket"]
        rules = [_capital(rule) for rule in inputs["rules"]]
        self._account.client("s3").put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules}
        )
        return Created(id=bucket)

    def public_access_block(self, _name: str, inputs: Inputs) -> Created:
        """Keep a bucket from becoming public."""
        bucket = inputs["bucket"]
        names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        self._account.client("s3").put_public_access_block(
            Bucket=bucket,
            PublicAccessBlockConfiguration={name[0].upper() + name[1:]: inputs.get(name, False) for name in names},
        )
        return Created(id=bucket)

    def ownership_controls(self, _name: str, inputs: Inputs) -> Created:
        """Set who owns a bucket's objects."""
        bucket = inputs["bucket"]
        rule = {"ObjectOwnership": inputs["rule"]["objectOwnership"]}
        self._account.client("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [rule]})
        return Created(id=bucket)


def _key_schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else schema


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    if schemas := index.get("keySchemas"):
        keys = [{"AttributeName": each["attributeName"], "KeyType": each["keyType"]} for each in schemas]
    else:
        keys = _key_schema(index["hashKey"], index.get("rangeKey"))
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if attributes := index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = attributes
    return {"IndexName": index["name"], "KeySchema": keys, "Projection": projection}


def _body(source: object, content: str | None) -> bytes:
    if isinstance(source, pulumi.FileAsset):
        return Path(source.path).read_bytes()
    if isinstance(source, pulumi.StringAsset):
        return source.text.encode()
    if source is None and content is not None:
        return content.encode()
    raise DeploymentError("an object's source is a file asset, a string asset or its content")


def _capital(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Return names as S3 has them: they differ from Pulumi's by their first letter alone, but for the id."""
    match value:
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {"ID" if key == "id" else key[0].upper() + key[1:]: _capital(each) for key, each in items}
        case list():
            return [_capital(each) for each in cast("list[Any]", value)]
        case _:
            return value

"""Rules about stored data: tables, bucket, queue, topics, key, and query results."""

from collections.abc import Mapping, Sequence

from policy.rule import CheckedResource, Complaints, as_list, must, of, resource_rule, stack_rule, statements

TABLE = "aws:dynamodb/table:Table"
BUCKET = "aws:s3/bucket:Bucket"
ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
QUEUE = "aws:sqs/queue:Queue"
KEY = "aws:kms/key:Key"
WORKGROUP = "aws:athena/workgroup:Workgroup"
EXPIRING = frozenset({"decision-log/", "reports/"})
KEPT_SECONDS = 14 * 24 * 3600


def check_table(table: CheckedResource) -> Complaints:
    """A table is on demand, encrypted, recoverable, forgets, and may be destroyed."""
    yield from must(
        table,
        {
            "billingMode": "PAY_PER_REQUEST",
            "pointInTimeRecovery.enabled": True,
            "serverSideEncryption.enabled": True,
            "ttl.enabled": True,
        },
    )
    if table.at("deletionProtectionEnabled"):
        yield "deletionProtectionEnabled must not be set"


def check_transactions(table: CheckedResource) -> Complaints:
    """The table of transactions has the key and the stream that everything else is built on."""
    if "transactions" not in table.name:
        return
    yield from must(
        table,
        {
            "hashKey": "transactionId",
            "rangeKey": "timestamp",
            "streamEnabled": True,
            "streamViewType": "NEW_AND_OLD_IMAGES",
        },
    )
    kinds = {attribute["name"]: attribute["type"] for attribute in table.entries("attributes")}
    if (kinds.get("transactionId"), kinds.get("timestamp")) != ("S", "N"):
        yield "transactionId must be a text and timestamp a number"


def check_bucket(bucket: CheckedResource) -> Complaints:
    """A bucket goes with the stack, whatever is in it."""
    yield from must(bucket, {"forceDestroy": True})


def check_access_block(block: CheckedResource) -> Complaints:
    """Nothing in a bucket is public."""
    yield from must(
        block,
        dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
    )


def check_queue(queue: CheckedResource) -> Complaints:
    """A queue is encrypted and keeps for fourteen days."""
    yield from must(queue, {"messageRetentionSeconds": KEPT_SECONDS})
    if not queue.at("kmsMasterKeyId") and not queue.at("sqsManagedSseEnabled"):
        yield "the queue must be encrypted"


def check_key(key: CheckedResource) -> Complaints:
    """The key is renewed every year, and goes a week after the stack."""
    yield from must(key, {"enableKeyRotation": True, "deletionWindowInDays": 7})


def check_workgroup(workgroup: CheckedResource) -> Complaints:
    """A workgroup limits how much a query reads, and encrypts results; it is deleted with the stack."""
    yield from must(workgroup, {"configuration.enforceWorkgroupConfiguration": True, "forceDestroy": True})
    if not workgroup.at("configuration.bytesScannedCutoffPerQuery"):
        yield "configuration.bytesScannedCutoffPerQuery must say how much a query may read"
    if not workgroup.at("configuration.resultConfiguration.encryptionConfiguration.encryptionOption"):
        yield "configuration.resultConfiguration must say how results are encrypted"


def check_buckets(resources: Sequence[CheckedResource]) -> Complaints:
    """Every bucket is closed, encrypted, versioned, reached over TLS only, and forgets."""
    needed = {
        ACCESS_BLOCK: "public access blocked",
        ENCRYPTION: "default encryption",
        VERSIONING: "versioning",
        LIFECYCLE: "lifecycle rules",
        BUCKET_POLICY: "a policy",
    }
    for bucket in of(resources, BUCKET):
        for kind, what in needed.items():
            if bucket.at("bucket") not in [resource.at("bucket") for resource in of(resources, kind)]:
                yield f"{bucket.name} must have {what}"
    for policy in of(resources, BUCKET_POLICY):
        if not any(_is_tls_only(statement) for statement in statements(policy.at("policy"))):
            yield f"{policy.name} must refuse what does not come over TLS"
    for versioning in of(resources, VERSIONING):
        yield from must(versioning, {"versioningConfiguration.status": "Enabled"})
    for lifecycle in of(resources, LIFECYCLE):
        yield from _check_lifecycle(lifecycle)


def _is_tls_only(statement: Mapping[str, object]) -> bool:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return (
        statement.get("Effect") == "Deny"
        and statement.get("Condition") == condition
        and "s3:*" in as_list(statement.get("Action"))
    )


def _check_lifecycle(lifecycle: CheckedResource) -> Complaints:
    enabled = [rule for rule in lifecycle.entries("rules") if rule.get("status") == "Enabled"]
    prefixes = {rule["filter"].get("prefix") for rule in enabled if rule.get("expiration", {}).get("days")}
    # A rule without a prefix is about everything.
    if missing := sorted(EXPIRING - prefixes) if "" not in prefixes else []:
        yield f"{lifecycle.name} must expire {', '.join(missing)}"
    if not any(rule.get("noncurrentVersionExpiration") for rule in enabled):
        yield f"{lifecycle.name} must expire old versions"


RESOURCE_RULES = (
    resource_rule("table", [TABLE], check_table),
    resource_rule("table-transactions", [TABLE], check_transactions),
    resource_rule("bucket", [BUCKET], check_bucket),
    resource_rule("bucket-private", [ACCESS_BLOCK], check_access_block),
    resource_rule("queue", [QUEUE], check_queue),
    resource_rule("key", [KEY], check_key),
    resource_rule("workgroup", [WORKGROUP], check_workgroup),
)
STACK_RULES = (stack_rule("buckets", check_buckets),)

"""A bucket that nobody reads without rights: private, encrypted, versioned, over TLS alone, and destroyable."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.compute.roles import Statement, document, tls_only
from infra.naming import StackContext


@dataclass(frozen=True, kw_only=True)
class PrivateBucket:
    """The bucket, and what has to be there before anything is put into it."""

    bucket: aws.s3.Bucket
    encryption: aws.s3.BucketServerSideEncryptionConfiguration
    versioning: aws.s3.BucketVersioning
    policy: aws.s3.BucketPolicy


def make_private_bucket(
    place: StackContext,
    purpose: str,
    *,
    name: pulumi.Input[str],
    key_arn: pulumi.Output[str] | None,
    statements: Sequence[Statement] = (),
    parent: pulumi.Resource,
) -> PrivateBucket:
    """Declare the bucket and its side resources, as children of a component.

    Args:
        place: the stack's region, account and names.
        purpose: as in names.
        name: the bucket's own.
        key_arn: of the customer-managed key; None for S3's own.
        statements: of the bucket's policy, beside the one that demands TLS.
        parent: the component.
    """
    child = pulumi.ResourceOptions(parent=parent)
    bucket = aws.s3.Bucket(place.name("bucket", purpose), bucket=name, force_destroy=True, opts=child)
    blocked = aws.s3.BucketPublicAccessBlock(
        place.name("public-access", purpose),
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    aws.s3.BucketOwnershipControls(
        place.name("ownership", purpose),
        bucket=bucket.bucket,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=child,
    )
    everything = tls_only(bucket.arn, pulumi.Output.concat(bucket.arn, "/*"), actions=("s3:*",))
    policy = aws.s3.BucketPolicy(
        place.name("policy", f"bucket-{purpose}"),
        bucket=bucket.bucket,
        policy=document(everything, *statements),
        # S3 refuses two changes of a bucket's access at the same time.
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[blocked]),
    )
    versioning = aws.s3.BucketVersioning(
        place.name("versioning", purpose),
        bucket=bucket.bucket,
        versioning_configuration={"status": "Enabled"},
        opts=child,
    )
    return PrivateBucket(
        bucket=bucket,
        encryption=_encrypt(place, purpose, bucket, key_arn, child),
        versioning=versioning,
        policy=policy,
    )


def _encrypt(
    place: StackContext,
    purpose: str,
    bucket: aws.s3.Bucket,
    key_arn: pulumi.Output[str] | None,
    child: pulumi.ResourceOptions,
) -> aws.s3.BucketServerSideEncryptionConfiguration:
    default: dict[str, pulumi.Input[str]] = {"sse_algorithm": "AES256"}
    if key_arn is not None:
        default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn}
    rule = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=(
            aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(**default)
        ),
        bucket_key_enabled=key_arn is not None,
    )
    return aws.s3.BucketServerSideEncryptionConfiguration(
        place.name("encryption", purpose), bucket=bucket.bucket, rules=[rule], opts=child
    )

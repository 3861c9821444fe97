"""Who read or changed what is stored: a trail of AWS CloudTrail, without what functions and pipes do all day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.compute.roles import Statement
from infra.data.private_bucket import make_private_bucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.naming import StackContext

TRAIL_DAYS = 400
"""Days that the trail's files are kept: a year, and a month to look at them (PCI DSS 4.0.1, 10.5.1 asks for a year)."""
_SERVICE = {"Service": "cloudtrail.amazonaws.com"}


class AuditTrail(pulumi.ComponentResource):
    """A trail of data events on tables, their streams and bucket, in a bucket of its own."""

    def __init__(
        self,
        place: StackContext,
        *,
        tables: Sequence[pulumi.Input[str]],
        bucket_arn: pulumi.Input[str],
        functions: Sequence[str],
        pipes: Sequence[str],
        lock_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the trail.

        Args:
            place: the stack's region, account and names.
            tables: ARNs of the tables.
            bucket_arn: of the bucket of log and reports.
            functions: purposes of the functions whose own work is left out.
            pipes: purposes of the pipes' roles, whose reading of streams is left out.
            lock_days: days for which nobody may delete or replace a file of the trail, except with the right to pass
                over governance; 0: no lock.
            opts: Pulumi's options.
        """
        super().__init__("fraudstream:infra:AuditTrail", place.name("component", "audit-trail"), None, opts)
        name = place.name("trail", "audit")
        trail_arn = place.arn("cloudtrail", f"trail/{name}")
        bucket_name = place.account_id.apply(lambda account: place.name("bucket", f"audit-{account}"))
        audit_arn = pulumi.Output.concat("arn:aws:s3:::", bucket_name)
        made = make_private_bucket(
            place,
            "audit",
            name=bucket_name,
            # CloudTrail would need a right of its own on the customer's key; S3's own key encrypts as well.
            key_arn=None,
            statements=_deliveries(place, audit_arn, trail_arn),
            parent=self,
        )
        child = pulumi.ResourceOptions(parent=self, depends_on=[made.versioning])
        aws.s3.BucketLifecycleConfiguration(
            place.name("lifecycle", "audit"),
            bucket=made.bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="trail",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=max(TRAIL_DAYS, lock_days)),
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=1)
                    ),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=1
                        )
                    ),
                )
            ],
            opts=child,
        )
        if lock_days:
            aws.s3.BucketObjectLockConfiguration(
                place.name("lock", "audit"),
                bucket=made.bucket.bucket,
                object_lock_enabled="Enabled",
                # Not compliance: a bucket that nobody can empty keeps the stack from being destroyed.
                rule={"default_retention": {"mode": "GOVERNANCE", "days": lock_days}},
                opts=child,
            )
        own, delivering = _sessions(place, functions), _sessions(place, pipes)
        # Whoever reads a stream sees every item that is written, for a day: CloudTrail knows it as another resource.
        streams = [pulumi.Output.concat(table, "/stream/") for table in tables]
        aws.cloudtrail.Trail(
            name,
            name=name,
            s3_bucket_name=made.bucket.bucket,
            enable_log_file_validation=True,
            is_multi_region_trail=False,
            include_global_service_events=False,
            advanced_event_selectors=[
                _selector("tables", "AWS::DynamoDB::Table", tables, own, exact=True),
                _selector("streams", "AWS::DynamoDB::Stream", streams, [*own, *delivering], exact=False),
                _selector("bucket", "AWS::S3::Object", [pulumi.Output.concat(bucket_arn, "/")], own, exact=False),
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[made.policy]),
        )
        self.bucket = made.bucket.bucket
        self.register_outputs({"bucket": self.bucket})


def _sessions(place: StackContext, purposes: Sequence[str]) -> Sequence[pulumi.Output[str]]:
    """Return how the ARNs of those begin who have taken the roles of these purposes."""
    return [
        pulumi.Output.concat("arn:aws:sts::", place.account_id, ":assumed-role/", place.name("role", each), "/")
        for each in purposes
    ]


def _deliveries(
    place: StackContext, bucket_arn: pulumi.Output[str], trail_arn: pulumi.Input[str]
) -> Sequence[Statement]:
    """Return what CloudTrail needs, for this one trail (its user guide, on the bucket policy)."""
    trail = {"aws:SourceArn": trail_arn}
    files = pulumi.Output.concat(bucket_arn, "/AWSLogs/", place.account_id, "/*")
    return (
        Statement(
            principal=_SERVICE,
            actions=("s3:GetBucketAcl",),
            resources=(bucket_arn,),
            conditions={"StringEquals": trail},
        ),
        Statement(
            principal=_SERVICE,
            actions=("s3:PutObject",),
            resources=(files,),
            conditions={"StringEquals": {**trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    )


def _selector(
    name: str,
    kind: str,
    arns: Sequence[pulumi.Input[str]],
    left_out: Sequence[pulumi.Input[str]],
    *,
    exact: bool,
) -> aws.cloudtrail.TrailAdvancedEventSelectorArgs:
    field = aws.cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs
    resources = {"equals": arns} if exact else {"starts_withs": arns}
    return aws.cloudtrail.TrailAdvancedEventSelectorArgs(
        name=name,
        field_selectors=[
            field(field="eventCategory", equals=["Data"]),
            field(field="resources.type", equals=[kind]),
            field(field="resources.ARN", **resources),
            field(field="userIdentity.arn", not_starts_withs=left_out),
        ],
    )

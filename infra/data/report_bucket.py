"""The bucket of rulesets, models, decision log and reports."""

from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from fraudstream.contract import (
    APPROVALS_PREFIX,
    AUDIT_PREFIX,
    DECISION_LOG_PREFIX,
    ERASURE_MARKS_PREFIX,
    MODELS_FILE,
    QUERY_RESULTS_PREFIX,
    REPORT_PREFIX,
    RULESET_FILES,
    RULESET_PREFIX,
    SEGMENTS_PREFIX,
)
from infra.compute.roles import ServiceRole, Statement
from infra.data.keys import Keys
from infra.data.private_bucket import make_private_bucket
from infra.data.program_rules import MODELS, RULES
from infra.naming import StackContext
from infra.settings import StackSettings

# What segments say is merged within two days of their coming in.
SEGMENT_DAYS = 30
# Late records of an erased person come in within a day.
ERASURE_MARK_DAYS = 2
# What a query found can be asked for again.
RESULT_DAYS = 7


def bucket_arn(place: StackContext) -> pulumi.Output[str]:
    """Return the ARN that the bucket has or will have."""
    return pulumi.Output.concat("arn:aws:s3:::", bucket_name(place))


def bucket_name(place: StackContext) -> pulumi.Output[str]:
    """Return the bucket's name; the account is part of it, since names of buckets are global."""
    return place.account_id.apply(lambda account: place.name("bucket", f"reports-{account}"))


class ReportBucket(pulumi.ComponentResource):
    """A private, encrypted, versioned bucket; and the grants on its prefixes."""

    def __init__(
        self, place: StackContext, settings: StackSettings, keys: Keys, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Create the bucket, and upload the ruleset and the models, which `check_program_rules` has looked at."""
        super().__init__("fraudstream:infra:ReportBucket", place.name("component", "reports"), None, opts)
        self._place = place
        self._keys = keys
        made = make_private_bucket(place, "reports", name=bucket_name(place), key_arn=keys.arn, parent=self)
        self._bucket = made.bucket
        self.name = made.bucket.bucket
        self._expire(settings, made.versioning)
        before = [made.encryption, made.versioning]
        models = [self._upload(model, f"models/{model.name}", before) for model in sorted(MODELS.glob("*.json"))]
        self.ruleset = [
            *(self._upload(RULES / file, file, before) for file in RULESET_FILES),
            # What names a model comes after it.
            self._upload(MODELS / MODELS_FILE, MODELS_FILE, [*before, *models]),
            *models,
        ]
        """The objects of ruleset and models: the analyzer must not start before they are there."""
        self.register_outputs({"name": self.name})

    def _expire(self, settings: StackSettings, versioning: pulumi.Resource) -> None:
        rules = [
            _expiry("decision-log", DECISION_LOG_PREFIX, settings.decision_log_days),
            _expiry("segments", SEGMENTS_PREFIX, min(SEGMENT_DAYS, settings.decision_log_days)),
            _expiry("erasure-marks", ERASURE_MARKS_PREFIX, ERASURE_MARK_DAYS, old_version_days=1),
            _expiry("reports", REPORT_PREFIX, settings.report_days),
            # So too where the setting `analytics` was turned off: what was asked before is still there.
            _expiry("query-results", QUERY_RESULTS_PREFIX, RESULT_DAYS),
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="old-versions",
                status="Enabled",
                filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                noncurrent_version_expiration=(
                    aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=settings.old_version_days
                    )
                ),
                expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
                abort_incomplete_multipart_upload=(
                    aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(days_after_initiation=1)
                ),
            ),
        ]
        aws.s3.BucketLifecycleConfiguration(
            self._place.name("lifecycle", "reports"),
            bucket=self.name,
            rules=rules,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )

    def _upload(self, path: Path, key: str, depends_on: Sequence[pulumi.Resource]) -> aws.s3.BucketObjectv2:
        folder = "model" if path.suffix == ".json" else "ruleset"
        return aws.s3.BucketObjectv2(
            self._place.name("object", f"{folder}-{path.stem}"),
            bucket=self.name,
            key=f"{RULESET_PREFIX}{key}",
            source=pulumi.FileAsset(str(path)),
            content_type="application/json" if path.suffix == ".json" else "application/yaml",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=depends_on,
                # The commands write these objects too, with metadata. A refresh reads it, and an `up` that found it
                # changed would upload the repository's file in place of theirs.
                ignore_changes=["metadata", "contentType"],
                # The provider deletes an object with all its versions. A model whose file leaves the repository may
                # still decide, and an earlier ruleset names it: it stays, and goes with the bucket, which is emptied.
                retain_on_delete=folder == "model",
            ),
        )

    def _objects(self, prefix: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(self._bucket.arn, "/", prefix, "*")

    def grant_read_ruleset(self, role: ServiceRole) -> None:
        """Allow a role to read the ruleset and the models."""
        statement = Statement(actions=("s3:GetObject",), resources=(self._objects(RULESET_PREFIX),))
        role.allow("read-ruleset", statement, *self._keys.to_read("s3"))

    def grant_read_approvals(self, role: ServiceRole) -> None:
        """Allow a role to see who approved a change."""
        listing = Statement(
            actions=("s3:ListBucket",),
            resources=(self._bucket.arn,),
            conditions={"StringLike": {"s3:prefix": [f"{APPROVALS_PREFIX}*"]}},
        )
        role.allow("read-approvals", listing)

    def grant_read_earlier_rulesets(self, role: ServiceRole) -> None:
        """Allow a role to list and read earlier versions of the ruleset and the models, where one of them is gone too.

        S3 tells whoever may not list the bucket 403 in place of 404 (its documentation of GetObject).
        """
        objects = Statement(actions=("s3:GetObjectVersion",), resources=(self._objects(RULESET_PREFIX),))
        listing = Statement(
            actions=("s3:ListBucket", "s3:ListBucketVersions"),
            resources=(self._bucket.arn,),
            conditions={"StringLike": {"s3:prefix": [f"{RULESET_PREFIX}*"]}},
        )
        role.allow("read-earlier-rulesets", objects, listing)

    def grant_read_records(self, role: ServiceRole) -> None:
        """Allow a role to list and read the records of what people did."""
        objects = Statement(actions=("s3:GetObject",), resources=(self._objects(AUDIT_PREFIX),))
        listing = Statement(
            actions=("s3:ListBucket",),
            resources=(self._bucket.arn,),
            conditions={"StringLike": {"s3:prefix": [f"{AUDIT_PREFIX}*"]}},
        )
        role.allow("read-records", objects, listing)

    def grant_report(self, role: ServiceRole) -> None:
        """Allow a role to read, list and write the decision log and the reports, and to read the erasure marks only."""
        prefixes = (DECISION_LOG_PREFIX, REPORT_PREFIX)
        objects = Statement(
            actions=("s3:GetObject", "s3:PutObject"),
            resources=[self._objects(prefix) for prefix in prefixes],
        )
        marks = Statement(effect="Deny", actions=("s3:PutObject",), resources=(self._objects(ERASURE_MARKS_PREFIX),))
        listing = Statement(
            actions=("s3:ListBucket",),
            resources=(self._bucket.arn,),
            conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
        )
        role.allow("report", objects, marks, listing, *self._keys.to_write("s3"))


def _expiry(
    name: str, prefix: str, days: int, *, old_version_days: int | None = None
) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """Return the rule of a prefix; of its old versions the rule of all of them goes on to count where it is shorter."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=name,
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=prefix),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
        noncurrent_version_expiration=(
            aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=old_version_days)
            if old_version_days
            else None
        ),
    )

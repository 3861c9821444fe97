"""The bucket of rulesets, models, decision log and reports, and the schedule of the daily report."""

import json
from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from fraudstream.contract import (
    DECISION_LOG_PREFIX,
    ERASURE_MARKS_PREFIX,
    MODELS_FILE,
    REPORT_PREFIX,
    RULESET_FILES,
    RULESET_PREFIX,
    SEGMENTS_PREFIX,
)
from infra.compute.functions import Function
from infra.compute.roles import ServiceRole, Statement
from infra.data.keys import Keys
from infra.data.private_bucket import make_private_bucket
from infra.data.queues import DeadLetters
from infra.naming import StackContext
from infra.settings import StackSettings

RULES = Path(__file__).resolve().parents[2] / "rules"
MODELS = RULES.parent / "models"
# What segments say is merged within two days of their coming in.
SEGMENT_DAYS = 30
# Late records of an erased person come in within a day.
ERASURE_MARK_DAYS = 2
RESULT_PREFIX = "query-results/"
# What a query found can be asked for again.
RESULT_DAYS = 7
# A full hour's last segments are written within two minutes of its end.
ROLL_UP_MINUTE = 5
SCHEDULE_RETRIES = 5
SCHEDULE_EVENT_AGE_SECONDS = 3600
REPORT_RETRIES = 2
"""The most that Lambda makes."""
REPORT_EVENT_AGE_SECONDS = 3600


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
        """Create the bucket, and upload the ruleset and the models.

        Raises:
            FileNotFoundError: a file of the ruleset is missing, or the one that names the models.
        """
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
            _expiry("erasure-marks", ERASURE_MARKS_PREFIX, ERASURE_MARK_DAYS),
            _expiry("reports", REPORT_PREFIX, settings.report_days),
            *([_expiry("query-results", RESULT_PREFIX, RESULT_DAYS)] if settings.analytics else []),
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
        if not path.is_file():
            raise FileNotFoundError(f"{path.parent.name}/{path.name} is missing: it is part of what is deployed")
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
            ),
        )

    def _objects(self, prefix: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(self._bucket.arn, "/", prefix, "*")

    def grant_read_ruleset(self, role: ServiceRole) -> None:
        """Allow a role to read the ruleset and the models."""
        statement = Statement(actions=("s3:GetObject",), resources=(self._objects(RULESET_PREFIX),))
        role.allow("read-ruleset", statement, *self._keys.to_read("s3"))

    def grant_read_earlier_rulesets(self, role: ServiceRole) -> None:
        """Allow a role to list and read earlier versions of the ruleset and the models."""
        objects = Statement(actions=("s3:GetObjectVersion",), resources=(self._objects(RULESET_PREFIX),))
        listing = Statement(
            actions=("s3:ListBucketVersions",),
            resources=(self._bucket.arn,),
            conditions={"StringLike": {"s3:prefix": [f"{RULESET_PREFIX}*"]}},
        )
        role.allow("read-earlier-rulesets", objects, listing)

    def grant_report(self, role: ServiceRole) -> None:
        """Allow a role to read, list and write the decision log and the reports."""
        prefixes = (DECISION_LOG_PREFIX, REPORT_PREFIX)
        objects = Statement(
            actions=("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
            resources=[self._objects(prefix) for prefix in prefixes],
        )
        listing = Statement(
            actions=("s3:ListBucket",),
            resources=(self._bucket.arn,),
            conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
        )
        role.allow("report", objects, listing, *self._keys.to_write("s3"))


def _expiry(name: str, prefix: str, days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=name,
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=prefix),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
    )


class ReportSchedules(pulumi.ComponentResource):
    """Asks the report generator to merge the log every hour, and for yesterday's report at the same hour every day."""

    def __init__(
        self,
        place: StackContext,
        *,
        function: Function,
        hour: int,
        dead_letters: DeadLetters,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the schedules and their role; the hour is UTC. The function's role may send to the queue by now."""
        super().__init__("fraudstream:infra:ReportSchedules", place.name("component", "report-schedules"), None, opts)
        self._place = place
        self._function = function
        self._dead_letters = dead_letters
        child = pulumi.ResourceOptions(parent=self)
        group_name = place.name("schedule-group", "reports")
        self._group = aws.scheduler.ScheduleGroup(group_name, name=group_name, opts=child)
        self._role = ServiceRole(
            place,
            "report-schedules",
            service="scheduler.amazonaws.com",
            source_arn=place.arn("scheduler", f"schedule-group/{group_name}"),
            opts=child,
        )
        function.grant_invoke(self._role)
        dead_letters.grant_send(self._role)
        # A schedule only hands its event over: what becomes of one that fails is the function's matter.
        invoke_config = aws.lambda_.FunctionEventInvokeConfig(
            place.name("event-invoke", function.purpose),
            function_name=function.name,
            maximum_retry_attempts=REPORT_RETRIES,
            maximum_event_age_in_seconds=REPORT_EVENT_AGE_SECONDS,
            destination_config={"on_failure": {"destination": dead_letters.arn}},
            opts=child,
        )
        self.daily = self._schedule("daily-report", f"cron(0 {hour} * * ? *)", after=invoke_config)
        self.hourly = self._schedule("hourly-roll-up", f"cron({ROLL_UP_MINUTE} * * * ? *)", after=invoke_config)
        self.register_outputs({"daily": self.daily, "hourly": self.hourly})

    def _schedule(self, task: str, expression: str, *, after: pulumi.Resource) -> pulumi.Output[str]:
        """Return the name of a schedule for one of the function's tasks."""
        name = self._place.name("schedule", task)
        schedule = aws.scheduler.Schedule(
            name,
            name=name,
            group_name=self._group.name,
            schedule_expression=expression,
            schedule_expression_timezone="UTC",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": self._function.arn,
                "role_arn": self._role.arn,
                "input": json.dumps({"task": task}),
                "retry_policy": {
                    "maximum_retry_attempts": SCHEDULE_RETRIES,
                    "maximum_event_age_in_seconds": SCHEDULE_EVENT_AGE_SECONDS,
                },
                "dead_letter_config": {"arn": self._dead_letters.arn},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*self._role.policies, after]),
        )
        return schedule.name

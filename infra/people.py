"""What people may do with a stack: managed policies that its owner attaches to the roles of analysts and others."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from fraudstream.contract import (
    APPROVALS_PREFIX,
    AUDIT_PREFIX,
    BREAKER_PREFIX,
    CASE_PREFIX,
    DECISION_LOG_PREFIX,
    LABEL_PREFIX,
    LISTED_PREFIX,
    PROCESSOR,
    REPORT_PREFIX,
    RULESET_FILES,
    RULESET_PREFIX,
    TOKENS_ALIAS,
    FourEyes,
)
from infra.compute.roles import Statement, document
from infra.data.keys import Keys
from infra.data.report_bucket import bucket_arn
from infra.data.tables import Table, Tables
from infra.naming import StackContext

MAX_POLICY_CHARACTERS = 6144
"""Characters of a managed policy without white space, at most (IAM and STS quotas)."""
OF_LABELS = (
    *("actionAt", "actionTaken", "fraudType", "fraudTypeAt"),
    *("label", "labelApprovedAt", "labelApprovedBy", "labelSource", "labeledAt", "timestamp", "transactionId"),
)
"""Attributes of a transaction that labelling it, and telling what was done with it, writes or compares."""
OF_ALERTS = (
    *("assignedAt", "assignee", "caseId", "closedAt", "firstClosedAt"),
    *("label", "status", "statusShard", "transactionId"),
)
"""Attributes of an alert that working on it writes or compares: never what was decided, or of whom it is."""
# The one value that S3 takes here is `*`: there must be no such object yet.
_ONLY_NEW = {"Null": {"s3:if-none-match": "false"}}
_OWN_RECORDS = f"{AUDIT_PREFIX}date=*/${{aws:userid}}/*"


_Conditions = dict[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]]


class PeoplesPolicies(pulumi.ComponentResource):
    """Three managed policies: for analysts, for authors of rules, and for auditors. Nobody has them by default."""

    def __init__(
        self,
        place: StackContext,
        *,
        tables: Tables,
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the policies."""
        super().__init__("fraudstream:infra:PeoplesPolicies", place.name("component", "people"), None, opts)
        self._place = place
        self._tables = tables
        self._keys = keys
        self._bucket = bucket_arn(place)
        self.analyst = self._policy(
            "analyst", *self._reading(), *self._reading_log(), *self._reviewing(), *self._recording()
        )
        """ARN of the policy of who works on alerts and lists."""
        self.rule_author = self._policy(
            "rule-author", *self._reading(), *self._reading_log(), *self._publishing(), *self._recording()
        )
        """ARN of the policy of who changes rules."""
        self.auditor = self._policy("auditor", *self._reading(), *self._reading_log())
        """ARN of the policy of who looks at everything and changes nothing."""
        self.register_outputs({})

    def _policy(self, purpose: str, *statements: Statement) -> pulumi.Output[str]:
        name = self._place.name("policy", purpose)
        policy = aws.iam.Policy(name, name=name, policy=document(*statements), opts=pulumi.ResourceOptions(parent=self))
        return policy.arn

    def _objects(self, *patterns: str) -> list[pulumi.Output[str]]:
        return [pulumi.Output.concat(self._bucket, "/", pattern) for pattern in patterns]

    def _listing(self, action: str, *prefixes: str) -> Statement:
        conditions: _Conditions = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
        return Statement(actions=(action,), resources=(self._bucket,), conditions=conditions)

    def _reading(self) -> Sequence[Statement]:
        """Return what every page of the console needs."""
        tables = [table.arn for table in (self._tables.transactions, self._tables.profiles, self._tables.alerts)]
        return (
            Statement(actions=("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"), resources=tables),
            Statement(
                actions=("dynamodb:Query",), resources=[pulumi.Output.concat(table, "/index/*") for table in tables]
            ),
            Statement(
                actions=("s3:GetObject",),
                resources=self._objects(f"{RULESET_PREFIX}*", f"{REPORT_PREFIX}*", f"{AUDIT_PREFIX}*"),
            ),
            Statement(actions=("s3:GetObjectVersion",), resources=self._objects(f"{RULESET_PREFIX}*")),
            self._listing("s3:ListBucket", REPORT_PREFIX, AUDIT_PREFIX, RULESET_PREFIX, APPROVALS_PREFIX),
            self._listing("s3:ListBucketVersions", RULESET_PREFIX),
            Statement(actions=("cloudwatch:DescribeAlarms",), resources=(self._place.arn("cloudwatch", "alarm:*"),)),
            *self._keys.to_read("dynamodb"),
            *self._keys.to_read("s3"),
        )

    def _reading_log(self) -> Sequence[Statement]:
        return (
            Statement(actions=("s3:GetObject",), resources=self._objects(f"{DECISION_LOG_PREFIX}*")),
            self._listing("s3:ListBucket", DECISION_LOG_PREFIX),
        )

    def _reviewing(self) -> Sequence[Statement]:
        """Return what labels transactions, works on alerts and cases, and puts entities on lists."""
        tables = self._tables
        processor = self._place.name("lambda", PROCESSOR)
        tokens = self._place.arn("lambda", f"function:{processor}:{TOKENS_ALIAS}")
        return (
            _update(tables.transactions, _only_attributes(OF_LABELS)),
            _update(tables.alerts, _only_attributes(OF_ALERTS)),
            _update(tables.alerts, _only_keys(CASE_PREFIX, LABEL_PREFIX)),
            _update(tables.outbox, _only_keys(CASE_PREFIX)),
            _update(tables.profiles, _only_keys(LISTED_PREFIX)),
            Statement(actions=("lambda:InvokeFunction",), resources=(tokens,)),
            self._marking(FourEyes.LISTS, FourEyes.LABELS),
            *self._keys.to_write("dynamodb"),
        )

    def _publishing(self) -> Sequence[Statement]:
        files = self._objects(*(f"{RULESET_PREFIX}{name}" for name in RULESET_FILES))
        return (
            Statement(actions=("s3:PutObject",), resources=files),
            self._marking(FourEyes.RULES, FourEyes.MODELS),
            _update(self._tables.profiles, _only_keys(BREAKER_PREFIX)),
            *self._keys.to_write("dynamodb"),
        )

    def _recording(self) -> Sequence[Statement]:
        """Return what writes records of actions, each in the person's own name, and none over another one."""
        return (self._adding(_OWN_RECORDS), *self._keys.to_write("s3"))

    def _marking(self, *kinds: FourEyes) -> Statement:
        """Return what writes marks on changes, each in the person's own name."""
        return self._adding(*(f"{APPROVALS_PREFIX}{kind}/*/${{aws:userid}}" for kind in kinds))

    def _adding(self, *patterns: str) -> Statement:
        return Statement(actions=("s3:PutObject",), resources=self._objects(*patterns), conditions=_ONLY_NEW)


def _update(table: Table, conditions: _Conditions) -> Statement:
    # An update leaves what it does not name; a put would replace an item whole, whatever its attributes are.
    return Statement(actions=("dynamodb:UpdateItem",), resources=(table.arn,), conditions=conditions)


def _only_attributes(names: Sequence[str]) -> _Conditions:
    return _all_values("StringEquals", "dynamodb:Attributes", names)


def _only_keys(*prefixes: str) -> _Conditions:
    return _all_values("StringLike", "dynamodb:LeadingKeys", [f"{prefix}*" for prefix in prefixes])


def _all_values(operator: str, key: str, values: Sequence[str]) -> _Conditions:
    # `ForAllValues` holds where a request does not have the key at all, so it must have it.
    return {f"ForAllValues:{operator}": {key: values}, "Null": {key: "false"}}

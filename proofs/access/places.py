"""Every resource of a deployed stack, with the condition keys that requests to it have, and foreign resources."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fraudstream.contract import (
    ALERT_ENTITY_INDEX,
    ALERT_STATUS_INDEX,
    BREAKER_PREFIX,
    CASE_PREFIX,
    CUSTOMER_INDEX,
    FUNCTIONS,
    LABEL_PREFIX,
    LISTED_INDEX,
    LISTED_PREFIX,
    LOG_CHAIN_ITEM,
    NETWORK_REFERENCE_INDEX,
    PROCESSOR,
    PROFILE_PREFIXES,
    SAMPLE_INDEX,
    SET_ASIDE_PREFIX,
    TOKENS_ALIAS,
)
from proofs.access.evaluator import Asked, Context

OWN_USER: Final = "AIDAOWN"
"""`aws:userid` of who asks."""
VARIABLES: Final = {"aws:userid": OWN_USER}
_INDEXES: Final = {
    "transactions": (SAMPLE_INDEX, CUSTOMER_INDEX, NETWORK_REFERENCE_INDEX),
    "profiles": (LISTED_INDEX,),
    "alerts": (ALERT_STATUS_INDEX, ALERT_ENTITY_INDEX),
}
_OBJECTS: Final = {
    "the ruleset": "rulesets/live/ruleset.yaml",
    "the rates": "rulesets/live/rates.yaml",
    "the lists": "rulesets/live/lists.yaml",
    "the choice of models": "rulesets/live/models.yaml",
    "the log": "decision-log/segments/date=2026-11-26/hour=12/a.jsonl.gz",
    "an erasure mark": "decision-log/erasures/1-a.json",
    "a report": "reports/date=2026-11-26/report.json",
    "own records": f"audit/date=2026-11-26/{OWN_USER}/1-a.json",
    "records of others": "audit/date=2026-11-26/AIDAOTHER/1-a.json",
    "own approval": f"approvals/rules/0123abcd/{OWN_USER}",
    "approval of another": "approvals/rules/0123abcd/AIDAOTHER",
    "own approval of models": f"approvals/models/0123abcd/{OWN_USER}",
    "own approval of a list entry": f"approvals/lists/0123abcd/{OWN_USER}",
    "approval of a list entry by another": "approvals/lists/0123abcd/AIDAOTHER",
    "own approval of a label": f"approvals/labels/0123abcd/{OWN_USER}",
    "approval of a label by another": "approvals/labels/0123abcd/AIDAOTHER",
    "another object": "anything.txt",
}
_LISTINGS: Final = {
    "of rulesets": "rulesets/live/",
    "of the log": "decision-log/",
    "of reports": "reports/",
    "of records": "audit/",
    "of approvals": "approvals/rules/",
    "of everything": "",
}
_ITEMS: Final[Mapping[str, tuple[str, str, str]]] = {
    "a transaction's label": ("transactions", "order-1", "label"),
    "a transaction's decision": ("transactions", "order-1", "decision"),
    "what was done with a transaction": ("transactions", "order-1", "actionTaken"),
    "an alert's assignee": ("alerts", "order-1", "assignee"),
    "an alert's score": ("alerts", "order-1", "score"),
    "a case": ("alerts", f"{CASE_PREFIX}1", "caseNotes"),
    "what says that a label waits": ("alerts", f"{LABEL_PREFIX}order-1", "givenBy"),
    **{f"a profile of {prefix}": ("profiles", f"{prefix}tok_1", "state") for prefix in PROFILE_PREFIXES},
    "a shard of a profile": ("profiles", "merchant#tok_1#01234567#00", "state"),
    "a damaged profile": ("profiles", f"{SET_ASIDE_PREFIX}customer#tok_1#01234567", "item"),
    "a list entry": ("profiles", f"{LISTED_PREFIX}customer#tok_1", "reason"),
    "the log's chain": ("profiles", LOG_CHAIN_ITEM, "link"),
    "a model's breaker": ("profiles", f"{BREAKER_PREFIX}0123456789ab", "brokenAt"),
    "an event": ("outbox", "order-1", "told"),
    "an event of a case": ("outbox", f"{CASE_PREFIX}1", "told"),
}
"""Items by what they are: the table, the partition key and an attribute that is asked for."""


_OPTIONAL: Final = (
    ("the workgroup of Athena", "athena", "workgroup/workgroup-decision-log", ""),
    ("the audit trail", "cloudtrail", "trail/trail-audit", ""),
    ("the webhook's connection", "events", "connection/connection-webhook", "/11111111-2222"),
    ("the webhook's destination", "events", "api-destination/destination-webhook", "/11111111-2222"),
    ("the database of Athena", "glue", "database/database-decision-log", ""),
    ("the firewall", "wafv2", "regional/webacl/waf-api", "/11111111-2222"),
)
"""Resources that settings bring: what they are, the service, and what stands in their ARNs before and behind the
stack's suffix.
"""


@dataclass(frozen=True)
class AskedPlace:
    """A resource, asked for in one way."""

    name: str
    service: str
    arn: str
    context: Context = field(default_factory=dict[str, Sequence[str]])

    def asked(self, action: str) -> Asked:
        """Return the question whether an action is allowed on it."""
        return Asked(action, self.arn, self.context)


@dataclass(frozen=True, kw_only=True)
class StackNames:
    """How a deployed stack's resources are named."""

    region: str
    account: str
    suffix: str
    key_arn: str
    streams: Mapping[str, str]
    """ARNs of the tables' streams, by what each table is for."""

    def arn(self, service: str, name: str) -> str:
        """Return the ARN of a resource."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{name}"


def places(stack: StackNames) -> list[AskedPlace]:
    """Return all places, own ones first."""
    own = [*_of_tables(stack), *_of_bucket(stack), *_of_messages(stack), *_of_functions(stack), *_of_account(stack)]
    other_account = str(int(stack.account) + 1).zfill(12)
    foreign = [
        replace(each, name=f"{each.name}, {whose}", arn=arn)
        for each in own
        for whose, arn in (
            ("of another stack", each.arn.replace(f"-{stack.suffix}", "-other")),
            ("of another account", each.arn.replace(stack.account, other_account)),
        )
        # What names no stack or account is the same everywhere.
        if arn != each.arn
    ]
    return own + foreign


def _of_tables(stack: StackNames) -> Iterator[AskedPlace]:
    for name, (table, key, attribute) in _ITEMS.items():
        context = {"dynamodb:LeadingKeys": [key], "dynamodb:Attributes": [attribute]}
        yield AskedPlace(name, "dynamodb", stack.arn("dynamodb", f"table/table-{table}-{stack.suffix}"), context)
    for table, indexes in _INDEXES.items():
        for index in indexes:
            arn = stack.arn("dynamodb", f"table/table-{table}-{stack.suffix}/index/{index}")
            yield AskedPlace(f"index {index}", "dynamodb", arn)
    for table, arn in stack.streams.items():
        yield AskedPlace(f"stream of {table}", "dynamodb", arn)


def _of_bucket(stack: StackNames) -> Iterator[AskedPlace]:
    bucket = f"arn:aws:s3:::bucket-reports-{stack.account}-{stack.suffix}"
    for name, key in _OBJECTS.items():
        yield AskedPlace(name, "s3", f"{bucket}/{key}")
        if OWN_USER in key:
            # Whoever writes it asks that there is none yet.
            yield AskedPlace(f"{name}, if there is none", "s3", f"{bucket}/{key}", {"s3:if-none-match": ["*"]})
    for name, prefix in _LISTINGS.items():
        yield AskedPlace(f"a listing {name}", "s3", bucket, {"s3:prefix": [prefix]})
    yield AskedPlace("the bucket", "s3", bucket)


def _of_messages(stack: StackNames) -> Iterator[AskedPlace]:
    yield AskedPlace("the dead letters", "sqs", stack.arn("sqs", f"queue-dead-letters-{stack.suffix}"))
    for topic in ("alerts", "events", "alarms"):
        yield AskedPlace(f"topic {topic}", "sns", stack.arn("sns", f"topic-{topic}-{stack.suffix}"))


def _of_functions(stack: StackNames) -> Iterator[AskedPlace]:
    for function in FUNCTIONS:
        arn = stack.arn("lambda", f"function:lambda-{function}-{stack.suffix}")
        yield AskedPlace(f"function {function}", "lambda", arn)
        group = stack.arn("logs", f"log-group:log-group-{function}-{stack.suffix}:log-stream:1")
        yield AskedPlace(f"log of {function}", "logs", group)
        yield AskedPlace(
            f"role of {function}", "iam", f"arn:aws:iam::{stack.account}:role/role-{function}-{stack.suffix}"
        )
        environment = {"kms:EncryptionContext:aws:lambda:FunctionArn": [arn]}
        yield AskedPlace(f"the key for the environment of {function}", "kms", stack.key_arn, environment)
    arn = stack.arn("lambda", f"function:lambda-{PROCESSOR}-{stack.suffix}:{TOKENS_ALIAS}")
    yield AskedPlace("the alias for tokens", "lambda", arn)
    for service in ("dynamodb", "s3", "sqs", "sns", "logs"):
        via = {"kms:ViaService": [f"{service}.{stack.region}.amazonaws.com"]}
        yield AskedPlace(f"the key through {service}", "kms", stack.key_arn, via)
    yield AskedPlace("the key", "kms", stack.key_arn)


def _of_account(stack: StackNames) -> Iterator[AskedPlace]:
    yield AskedPlace("an alarm", "cloudwatch", stack.arn("cloudwatch", "alarm:*"))
    yield AskedPlace("the API", "execute-api", stack.arn("execute-api", "a1b2c3d4e5/live/POST/transactions"))
    yield AskedPlace("a pipe", "pipes", stack.arn("pipes", f"pipe/pipe-alerts-{stack.suffix}"))
    yield AskedPlace("a schedule", "scheduler", stack.arn("scheduler", f"schedule/group/schedule-{stack.suffix}"))
    for name, service, before, behind in _OPTIONAL:
        yield AskedPlace(name, service, stack.arn(service, f"{before}-{stack.suffix}{behind}"))
    trail = f"arn:aws:s3:::bucket-audit-{stack.account}-{stack.suffix}"
    yield AskedPlace("what the audit trail has written", "s3", f"{trail}/AWSLogs/{stack.account}/CloudTrail/a.json.gz")
    yield AskedPlace("the audit trail's bucket", "s3", trail)
    for kind in ("network-interface", "subnet"):
        yield AskedPlace(f"a {kind}", "ec2", stack.arn("ec2", f"{kind}/x-1"))
        for function in FUNCTIONS:
            code = {"lambda:SourceFunctionArn": [stack.arn("lambda", f"function:lambda-{function}-{stack.suffix}")]}
            yield AskedPlace(f"a {kind}, by the code of {function}", "ec2", stack.arn("ec2", f"{kind}/x-1"), code)


def everything(service: str) -> AskedPlace:
    """Return the place of actions that know no resource."""
    return AskedPlace("everything", service, "*")

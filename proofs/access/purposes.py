"""What each role and each operator must be allowed: written down here by hand, and not taken from the policies."""

from collections.abc import Mapping, Sequence
from typing import Final

from fraudstream.contract import ANALYZER, NETWORK_REFERENCE_INDEX, PROCESSOR, PROFILE_PREFIXES, REPORTER

Grant = tuple[Sequence[str], Sequence[str]]
"""Actions, and the names of the places on which they are allowed."""

_TRANSACTIONS: Final = ("a transaction's label", "a transaction's decision", "what was done with a transaction")
_OF_ALERT: Final = ("an alert's assignee", "an alert's score")
_ALERTS: Final = (*_OF_ALERT, "a case", "what says that a label waits")
_OF_PROFILES: Final = (*(f"a profile of {prefix}" for prefix in PROFILE_PREFIXES), "a shard of a profile")
_PROFILES: Final = (*_OF_PROFILES, "a damaged profile", "a list entry", "the log's chain", "a model's breaker")
_RECORDS: Final = ("own records", "own records, if there is none", "records of others")
_RULESET: Final = ("the ruleset", "the rates", "the lists", "the choice of models")
_APPROVALS: Final = "a listing of approvals"
_KEY_READS: Final = ("kms:Decrypt", "kms:DescribeKey")
_KEY_WRITES: Final = (
    *_KEY_READS,
    *("kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
)
_KEY_OF_MESSAGES: Final = ("kms:Decrypt", "kms:GenerateDataKey")
_INTERFACES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
    "ec2:DeleteNetworkInterface",
)


def _of_every_function(function: str) -> list[Grant]:
    others = [each for each in (PROCESSOR, ANALYZER, REPORTER) if each != function]
    return [
        (("xray:PutTelemetryRecords", "xray:PutTraceSegments"), ("everything",)),
        (("logs:CreateLogStream", "logs:PutLogEvents"), (f"log of {function}",)),
        (("kms:Decrypt",), (f"the key for the environment of {function}",)),
        # Lambda itself, and never the function's own code. Lambda sets the source; nobody else's is in this role.
        (
            _INTERFACES,
            tuple(
                f"a {kind}{by}"
                for kind in ("network-interface", "subnet")
                for by in ("", *(f", by the code of {other}" for other in others))
            ),
        ),
        (("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"), ("everything",)),
    ]


def _of_stream(table: str) -> list[Grant]:
    read = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    return [
        (read, (f"stream of {table}",)),
        (("dynamodb:ListStreams",), ("everything",)),
        (_KEY_READS, ("the key through dynamodb",)),
    ]


_OF_ANALYSTS: Final = (
    *("a transaction's label", "what was done with a transaction"),
    *("an alert's assignee", "a case", "what says that a label waits", "an event of a case", "a list entry"),
)
_DEAD_LETTERS: Final[list[Grant]] = [
    (("sqs:SendMessage",), ("the dead letters",)),
    (_KEY_OF_MESSAGES, ("the key through sqs",)),
]
_READING: Final[list[Grant]] = [
    (("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"), (*_TRANSACTIONS, *_ALERTS, *_PROFILES)),
    (
        ("dynamodb:Query",),
        (
            *("index by-sample-day", "index by-customer", f"index {NETWORK_REFERENCE_INDEX}"),
            *("index by-list", "index by-status", "index by-entity"),
        ),
    ),
    (("s3:GetObject",), (*_RULESET, "a report", *_RECORDS)),
    (("s3:GetObjectVersion",), _RULESET),
    (("s3:ListBucket",), ("a listing of rulesets", "a listing of reports", "a listing of records", _APPROVALS)),
    (("s3:ListBucketVersions",), ("a listing of rulesets",)),
    (("cloudwatch:DescribeAlarms",), ("an alarm",)),
    (_KEY_READS, ("the key through dynamodb",)),
    (("kms:Decrypt",), ("the key through s3",)),
]
_READING_LOG: Final[list[Grant]] = [
    (("s3:GetObject",), ("the log", "an erasure mark")),
    (("s3:ListBucket",), ("a listing of the log",)),
]
_RECORDING: Final[list[Grant]] = [
    (("s3:PutObject",), ("own records, if there is none",)),
    (("kms:Decrypt", "kms:GenerateDataKey"), ("the key through s3",)),
]


def _pipe(table: str, topic: str) -> list[Grant]:
    return [
        *_of_stream(table),
        *_DEAD_LETTERS,
        (("sns:Publish",), (f"topic {topic}",)),
        (_KEY_OF_MESSAGES, ("the key through sns",)),
    ]


PURPOSES: Final[Mapping[str, Sequence[Grant]]] = {
    f"role-{PROCESSOR}": [
        *_of_every_function(PROCESSOR),
        (("dynamodb:PutItem", "dynamodb:Query"), _TRANSACTIONS),
        (("dynamodb:BatchGetItem",), (*_OF_PROFILES, "a list entry", "a model's breaker")),
        (_KEY_WRITES, ("the key through dynamodb",)),
        (("s3:GetObject",), _RULESET),
        (("kms:Decrypt",), ("the key through s3",)),
    ],
    f"role-{ANALYZER}": [
        *_of_every_function(ANALYZER),
        *_of_stream("transactions"),
        *_DEAD_LETTERS,
        (("dynamodb:GetItem", "dynamodb:UpdateItem"), _TRANSACTIONS),
        (("dynamodb:BatchGetItem",), (*_OF_PROFILES, "a list entry")),
        (("dynamodb:PutItem",), (*_OF_PROFILES, "a damaged profile")),
        (("dynamodb:UpdateItem",), ("a model's breaker",)),
        (("dynamodb:PutItem", "dynamodb:UpdateItem"), _OF_ALERT),
        (("dynamodb:PutItem",), ("an event",)),
        (_KEY_WRITES, ("the key through dynamodb",)),
        (("s3:GetObject", "s3:GetObjectVersion"), _RULESET),
        (("s3:ListBucket", "s3:ListBucketVersions"), ("a listing of rulesets",)),
        (("kms:Decrypt",), ("the key through s3",)),
    ],
    f"role-{REPORTER}": [
        *_of_every_function(REPORTER),
        *_of_stream("transactions"),
        *_DEAD_LETTERS,
        (("dynamodb:DescribeTable", "dynamodb:Scan"), _TRANSACTIONS),
        (("dynamodb:Query",), ("index by-sample-day", "index by-list")),
        (("dynamodb:GetItem", "dynamodb:UpdateItem"), ("the log's chain",)),
        (_KEY_WRITES, ("the key through dynamodb",)),
        (("s3:GetObject", "s3:PutObject"), ("the log", "a report")),
        (("s3:GetObject",), ("an erasure mark",)),
        (("s3:GetObject",), _RULESET),
        (("s3:ListBucket",), ("a listing of the log", "a listing of reports")),
        # The report says who changed the rules, and what has no record.
        (("s3:GetObject",), _RECORDS),
        (("s3:ListBucket",), ("a listing of records",)),
        (("s3:GetObjectVersion",), _RULESET),
        (("s3:ListBucket", "s3:ListBucketVersions"), ("a listing of rulesets",)),
        (_KEY_OF_MESSAGES, ("the key through s3",)),
    ],
    "role-alert-pipe": _pipe("alerts", "alerts"),
    "role-event-pipe": _pipe("outbox", "events"),
    "role-webhook-pipe": [
        *_of_stream("outbox"),
        *_DEAD_LETTERS,
        (("events:InvokeApiDestination",), ("the webhook's destination",)),
    ],
    "role-report-schedules": [*_DEAD_LETTERS, (("lambda:InvokeFunction",), (f"function {REPORTER}",))],
    "role-api-logs": [],
    "policy-analyst": [
        *_READING,
        *_READING_LOG,
        *_RECORDING,
        (("dynamodb:UpdateItem",), _OF_ANALYSTS),
        (("lambda:InvokeFunction",), ("the alias for tokens",)),
        (
            ("s3:PutObject",),
            ("own approval of a list entry, if there is none", "own approval of a label, if there is none"),
        ),
        (_KEY_WRITES, ("the key through dynamodb",)),
    ],
    "policy-rule-author": [
        *_READING,
        *_READING_LOG,
        *_RECORDING,
        (("s3:PutObject",), ("the ruleset", "the rates", "the lists")),
        (("s3:PutObject",), ("own approval, if there is none", "own approval of models, if there is none")),
        (("dynamodb:UpdateItem",), ("a model's breaker",)),
        (_KEY_WRITES, ("the key through dynamodb",)),
    ],
    "policy-auditor": [*_READING, *_READING_LOG],
}
"""By the beginning of the role's or policy's name."""
OPTIONAL: Final = frozenset({"role-webhook-pipe"})
"""Those that settings bring."""

"""What the policies are for: what some run has asked for, and what AWS's services ask for, with the page."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from proofs.access.evaluator import Asked, asked_by
from proofs.access.matrix import UnusedAction
from proofs.faults.tables import parts
from proofs.stack.wire import WireCall

_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/"
_ROLE: Final = f"{_LAMBDA}lambda-intro-execution-role.html"
"""Has the managed policies by what Lambda needs them for: logs, traces, streams and network interfaces."""
_PIPES: Final = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-permissions.html"
"""Has what the role needs for streams and dead letters, and that targets are called by the same role."""
_SCHEDULER: Final = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/"
_TABLE_KEYS: Final = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html#dynamodb-kms-authz"
)
"""Has what whoever uses a table needs of the table's key."""
NEEDED_BY_SERVICES: Final[Mapping[str, str]] = {
    "xray:PutTraceSegments": f"{_ROLE} and {_LAMBDA}services-xray.html",
    "xray:PutTelemetryRecords": f"{_ROLE} and {_LAMBDA}services-xray.html",
    "logs:CreateLogStream": f"{_ROLE} and {_LAMBDA}monitoring-logs.html",
    "logs:PutLogEvents": f"{_ROLE} and {_LAMBDA}monitoring-logs.html",
    "ec2:AssignPrivateIpAddresses": f"{_LAMBDA}configuration-vpc.html",
    "ec2:CreateNetworkInterface": f"{_LAMBDA}configuration-vpc.html",
    "ec2:DeleteNetworkInterface": f"{_LAMBDA}configuration-vpc.html",
    "ec2:DescribeNetworkInterfaces": f"{_LAMBDA}configuration-vpc.html",
    "ec2:DescribeSubnets": f"{_LAMBDA}configuration-vpc.html",
    "ec2:UnassignPrivateIpAddresses": f"{_LAMBDA}configuration-vpc.html",
    "dynamodb:DescribeStream": f"{_ROLE} and {_PIPES}",
    "dynamodb:GetRecords": f"{_ROLE} and {_PIPES}",
    "dynamodb:GetShardIterator": f"{_ROLE} and {_PIPES}",
    "dynamodb:ListStreams": f"{_ROLE} and {_PIPES}",
    # S3 looks itself whether somebody may be told that an object is not there.
    "s3:ListBucket": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
    "sqs:SendMessage": f"{_LAMBDA}services-dynamodb-errors.html, {_SCHEDULER}configuring-schedule-dlq.html, {_PIPES}",
    "sns:Publish": _PIPES,
    "events:InvokeApiDestination": _PIPES,
    "lambda:InvokeFunction": f"{_SCHEDULER}setting-up.html",
    "kms:Decrypt": "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service",
    "kms:DescribeKey": _TABLE_KEYS,
    "kms:Encrypt": _TABLE_KEYS,
    "kms:GenerateDataKey": f"{_TABLE_KEYS} and https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    "kms:ReEncryptFrom": _TABLE_KEYS,
    "kms:ReEncryptTo": _TABLE_KEYS,
}
"""What services do in a role's or a person's name, by action: no code of ours asks for it."""


@dataclass
class RequestLog:
    """What functions have asked AWS for, by role."""

    table_arn: str
    """What ARNs of tables begin with."""
    bucket_arn: str
    asked: defaultdict[str, set[tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]]] = field(
        default_factory=lambda: defaultdict(set)
    )

    def note(self, role: str, call: WireCall) -> None:
        """Note a request of a role."""
        for each in self._asked(call):
            self.note_asked(role, each)

    def note_asked(self, principal: str, asked: Asked) -> None:
        """Note what a role, or somebody under an operator's policy, asks for."""
        context = tuple(sorted((key, tuple(values)) for key, values in asked.context.items()))
        self.asked[principal].add((asked.action, asked.resource, context))

    def by_role(self) -> Mapping[str, list[Asked]]:
        """Return everything that was asked for, by role."""
        return {
            role: [Asked(action, resource, dict(context)) for action, resource, context in asked]
            for role, asked in self.asked.items()
        }

    def _asked(self, call: WireCall) -> Iterator[Asked]:
        if not call.is_s3:
            writes = {"PutItem", "UpdateItem", "TransactWriteItems"}
            for operation, parameters in (
                parts(call.operation, call.parameters)
                if call.operation in writes
                else [(call.operation, call.parameters)]
            ):
                yield from asked_by("dynamodb", operation, parameters, self.table_arn, "")
            return
        place = urlsplit(call.request.path)
        key = unquote(place.path).lstrip("/").partition("/")[2]
        query = parse_qs(place.query, keep_blank_values=True)
        if key:
            version = "Version" if "versionId" in query else ""
            verb = {"GET": f"GetObject{version}", "HEAD": f"GetObject{version}", "DELETE": "DeleteObject"}
            yield Asked(f"s3:{verb.get(call.request.method, 'PutObject')}", f"{self.bucket_arn}/{key}")
            return
        action = "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"
        yield Asked(action, self.bucket_arn, {"s3:prefix": query.get("prefix", [""])})


def unexplained(unused: Iterable[UnusedAction]) -> list[str]:
    """Return the unused actions that no service needs either, and what they are allowed on."""
    return [
        f"{each.principal}: {each.action} on {', '.join(each.statement['Resource'])}"
        for each in unused
        if not _is_needed_by_services(each)
    ]


def _is_needed_by_services(unused: UnusedAction) -> bool:
    # In a person's name services use only the keys of what that person reads and writes.
    in_this_name = unused.principal.startswith("role-") or unused.action.startswith("kms:")
    return in_this_name and unused.action in NEEDED_BY_SERVICES
